// Written by fpgacompress: operations that map each value by itself, exact to the last bit.
// Types, constants and word widths come from the configuration struct of the layer in parameters.h.
#ifndef NNET_FC_MAP_H_
#define NNET_FC_MAP_H_

#include "ap_fixed.h"
#include "ap_int.h"
#include "hls_stream.h"
#include "nnet_common.h"
#include "nnet_types.h"

namespace nnet {

struct fc_map_config {
    static const unsigned n = 1;      // values in all
    static const unsigned n_chan = 1; // values of the last axis
    static const unsigned period = 1; // after how many values the constants start anew
    static const unsigned n_a = 1;    // constants of the operation, where it has some
    static const unsigned n_b = 1;
};

// The value whose stored integer is `bits`.
template <class T, class word_T> T fc_from_bits(word_T bits) {
    #pragma HLS INLINE
    T y = 0;
    y.range() = bits;
    return y;
}

// min(max(x, low), high); low and high are stored integers of the result.
template <class CONFIG_T> struct fc_clip {
    template <class data_T, class res_T> static res_T apply(data_T x) {
        #pragma HLS INLINE
        const res_T low = fc_from_bits<res_T>(typename CONFIG_T::out_word(CONFIG_T::low));
        const res_T high = fc_from_bits<res_T>(typename CONFIG_T::out_word(CONFIG_T::high));
        if (x < low)
            return low;
        if (x > high)
            return high;
        return x;
    }
};

// x, or x * 2**-shift below zero. The result has `shift` more fractional bits, so below zero the stored integer stays the same.
template <class CONFIG_T> struct fc_leaky_relu {
    template <class data_T, class res_T> static res_T apply(data_T x) {
        #pragma HLS INLINE
        typename CONFIG_T::in_word bits = x.range();
        if (x < 0)
            return fc_from_bits<res_T>(typename CONFIG_T::out_word(bits));
        return x;
    }
};

// x * 2**shift: the same stored integer, the binary point elsewhere.
template <class CONFIG_T> struct fc_shift {
    template <class data_T, class res_T> static res_T apply(data_T x) {
        #pragma HLS INLINE
        typename CONFIG_T::in_word bits = x.range();
        return fc_from_bits<res_T>(typename CONFIG_T::out_word(bits));
    }
};

// x * kernel[c] + bias[c], cast once.
template <class CONFIG_T> struct fc_scale {
    template <class data_T, class res_T>
    static res_T apply(data_T x, unsigned c, const typename CONFIG_T::kernel_t kernel[CONFIG_T::n_a],
                       const typename CONFIG_T::bias_t bias[CONFIG_T::n_b]) {
        #pragma HLS INLINE
        return x * kernel[c] + bias[c];
    }
};

// x cast to the result, then with the low bits of element c cleared, brought between low[c] and high[c]. These have the same lowest bit set as
// the step of the element, or are both 0 for an element that is always 0.
template <class CONFIG_T> struct fc_quantize_each {
    template <class data_T, class res_T>
    static res_T apply(data_T x, unsigned c, const typename CONFIG_T::low_t low[CONFIG_T::n_a],
                       const typename CONFIG_T::high_t high[CONFIG_T::n_b]) {
        #pragma HLS INLINE
        const res_T least = low[c];
        const res_T most = high[c];
        typename CONFIG_T::out_word bounds = least.range() | most.range();
        typename CONFIG_T::out_word mask = -(bounds & -bounds);
        res_T y = x;
        y.range() = y.range() & mask;
        if (y < least)
            return least;
        if (y > most)
            return most;
        return y;
    }
};

// values[number of thresholds <= x]; thresholds ascend.
template <class CONFIG_T> struct fc_threshold {
    template <class data_T, class res_T>
    static res_T apply(data_T x, unsigned c, const typename CONFIG_T::thresholds_t thresholds[CONFIG_T::n_a],
                       const typename CONFIG_T::values_t values[CONFIG_T::n_b]) {
        #pragma HLS INLINE
        res_T y = values[0];
        for (unsigned i = 0; i < CONFIG_T::n_a; i++) {
            #pragma HLS UNROLL
            if (x >= thresholds[i])
                y = values[i + 1];
        }
        return y;
    }
};

template <class data_T, class res_T, typename CONFIG_T> void fc_map(data_T data[CONFIG_T::n], res_T res[CONFIG_T::n]) {
    #pragma HLS PIPELINE
    for (unsigned i = 0; i < CONFIG_T::n; i++) {
        #pragma HLS UNROLL
        res[i] = CONFIG_T::op::template apply<data_T, res_T>(data[i]);
    }
}

template <class data_T, class res_T, typename CONFIG_T, class a_T, class b_T>
void fc_map(data_T data[CONFIG_T::n], res_T res[CONFIG_T::n], const a_T a[CONFIG_T::n_a], const b_T b[CONFIG_T::n_b]) {
    #pragma HLS ARRAY_PARTITION variable=a complete
    #pragma HLS ARRAY_PARTITION variable=b complete
    #pragma HLS PIPELINE
    for (unsigned i = 0; i < CONFIG_T::n; i++) {
        #pragma HLS UNROLL
        res[i] = CONFIG_T::op::template apply<data_T, res_T>(data[i], i % CONFIG_T::period, a, b);
    }
}

template <class data_T, class res_T, typename CONFIG_T> void fc_map(hls::stream<data_T> &data, hls::stream<res_T> &res) {
    for (unsigned i = 0; i < CONFIG_T::n / CONFIG_T::n_chan; i++) {
        #pragma HLS PIPELINE
        data_T in = data.read();
        res_T out;
        PRAGMA_DATA_PACK(out)
        for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
            #pragma HLS UNROLL
            out[c] = CONFIG_T::op::template apply<typename data_T::value_type, typename res_T::value_type>(in[c]);
        }
        res.write(out);
    }
}

template <class data_T, class res_T, typename CONFIG_T, class a_T, class b_T>
void fc_map(hls::stream<data_T> &data, hls::stream<res_T> &res, const a_T a[CONFIG_T::n_a], const b_T b[CONFIG_T::n_b]) {
    #pragma HLS ARRAY_PARTITION variable=a complete
    #pragma HLS ARRAY_PARTITION variable=b complete
    for (unsigned i = 0; i < CONFIG_T::n / CONFIG_T::n_chan; i++) {
        #pragma HLS PIPELINE
        data_T in = data.read();
        res_T out;
        PRAGMA_DATA_PACK(out)
        for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
            #pragma HLS UNROLL
            out[c] = CONFIG_T::op::template apply<typename data_T::value_type, typename res_T::value_type>(
                in[c], (i * CONFIG_T::n_chan + c) % CONFIG_T::period, a, b);
        }
        res.write(out);
    }
}

} // namespace nnet

#endif
