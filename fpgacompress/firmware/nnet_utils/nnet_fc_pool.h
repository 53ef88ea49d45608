// Written by fpgacompress: pooling with any stride and padding, averages divided exactly and rounded once.
// One spatial axis is pooled as an image of height 1.
#ifndef NNET_FC_POOL_H_
#define NNET_FC_POOL_H_

#include "ap_fixed.h"
#include "ap_int.h"
#include "hls_stream.h"
#include "nnet_common.h"
#include "nnet_types.h"

namespace nnet {

enum fc_rounding { fc_floor, fc_half_up, fc_half_even };

struct fc_pool_config {
    static const unsigned in_height = 1;
    static const unsigned in_width = 1;
    static const unsigned n_chan = 1;
    static const unsigned out_height = 1;
    static const unsigned out_width = 1;
    static const unsigned pool_height = 1;
    static const unsigned pool_width = 1;
    static const unsigned stride_height = 1;
    static const unsigned stride_width = 1;
    static const unsigned pad_top = 0;
    static const unsigned pad_left = 0;
    static const unsigned reuse_factor = 1;
};

// The largest value; `count` values were seen before.
template <class CONFIG_T> struct fc_maximum {
    template <class data_T> struct window {
        data_T best;
        void take(data_T x, unsigned count) {
            #pragma HLS INLINE
            if (count == 0 || x > best)
                best = x;
        }
        template <class res_T> res_T result(unsigned count) {
            #pragma HLS INLINE
            return best;
        }
    };
};

// Sums of stored integers: `word` holds the sum, shifted to the result's least bit, and the divisor.
template <class CONFIG_T> struct fc_sum {
    template <class data_T> struct window {
        typename CONFIG_T::word total;
        void take(data_T x, unsigned count) {
            #pragma HLS INLINE
            typename CONFIG_T::in_word bits = x.range();
            if (count == 0)
                total = 0;
            total += bits;
        }
        template <class res_T> res_T result(unsigned count) {
            #pragma HLS INLINE
            typename CONFIG_T::exact y = 0;
            y.range() = total;
            return y;
        }
    };
};

template <class CONFIG_T> struct fc_average {
    template <class data_T> struct window : fc_sum<CONFIG_T>::template window<data_T> {
        template <class res_T> res_T result(unsigned count) {
            #pragma HLS INLINE
            typedef typename CONFIG_T::word word;
            const word dividend = this->total << CONFIG_T::up;
            const word divisor = word(count) << CONFIG_T::down;
            word quotient = dividend / divisor; // towards zero
            word rest = dividend - quotient * divisor;
            if (rest < 0) {
                quotient -= 1;
                rest += divisor;
            }
            const word twice = rest << 1;
            const bool half = twice == divisor;
            if (CONFIG_T::rounding != fc_floor && (twice > divisor || (half && (CONFIG_T::rounding == fc_half_up || quotient[0]))))
                quotient += 1;
            typename CONFIG_T::exact y = 0; // the result's least bit, no overflow yet
            y.range() = quotient;
            return y;
        }
    };
};

template <class data_T, class res_T, typename CONFIG_T>
void fc_pool(data_T data[CONFIG_T::in_height * CONFIG_T::in_width * CONFIG_T::n_chan],
             res_T res[CONFIG_T::out_height * CONFIG_T::out_width * CONFIG_T::n_chan]) {
    #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
    for (int oh = 0; oh < CONFIG_T::out_height; oh++) {
        for (int ow = 0; ow < CONFIG_T::out_width; ow++) {
            for (int c = 0; c < CONFIG_T::n_chan; c++) {
                typename CONFIG_T::op::template window<data_T> window;
                unsigned count = 0;
                for (int i = 0; i < CONFIG_T::pool_height; i++) {
                    for (int j = 0; j < CONFIG_T::pool_width; j++) {
                        const int h = oh * int(CONFIG_T::stride_height) + i - int(CONFIG_T::pad_top);
                        const int w = ow * int(CONFIG_T::stride_width) + j - int(CONFIG_T::pad_left);
                        if (h >= 0 && h < int(CONFIG_T::in_height) && w >= 0 && w < int(CONFIG_T::in_width)) {
                            window.take(data[(h * CONFIG_T::in_width + w) * CONFIG_T::n_chan + c], count);
                            count++;
                        }
                    }
                }
                res[(oh * CONFIG_T::out_width + ow) * CONFIG_T::n_chan + c] = window.template result<res_T>(count);
            }
        }
    }
}

// Line buffer and shifting window; the loops run on into the padding below and right, where the last windows end.
template <class data_T, class res_T, typename CONFIG_T> void fc_pool(hls::stream<data_T> &data, hls::stream<res_T> &res) {
    typedef typename data_T::value_type value_t;
    const int height = CONFIG_T::in_height, width = CONFIG_T::in_width;
    const int pool_height = CONFIG_T::pool_height, pool_width = CONFIG_T::pool_width;
    const int stride_height = CONFIG_T::stride_height, stride_width = CONFIG_T::stride_width;
    const int end_height = int(CONFIG_T::out_height - 1) * stride_height + pool_height - int(CONFIG_T::pad_top);
    const int end_width = int(CONFIG_T::out_width - 1) * stride_width + pool_width - int(CONFIG_T::pad_left);
    const int rows = MAX(height, end_height), columns = MAX(width, end_width);

    value_t lines[MAX(CONFIG_T::pool_height - 1, 1)][columns][CONFIG_T::n_chan];
    #pragma HLS ARRAY_PARTITION variable=lines complete dim=1
    #pragma HLS ARRAY_PARTITION variable=lines complete dim=3
    value_t seen[CONFIG_T::pool_height][CONFIG_T::pool_width][CONFIG_T::n_chan];
    #pragma HLS ARRAY_PARTITION variable=seen complete dim=0

    for (int h = 0; h < rows; h++) {
        for (int w = 0; w < columns; w++) {
            #pragma HLS LOOP_FLATTEN
            #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
            data_T in;
            const bool real = h < height && w < width;
            if (real)
                in = data.read();

            for (int c = 0; c < CONFIG_T::n_chan; c++) {
                #pragma HLS UNROLL
                for (int i = 0; i < pool_height; i++) {
                    #pragma HLS UNROLL
                    for (int j = 0; j + 1 < pool_width; j++) {
                        #pragma HLS UNROLL
                        seen[i][j][c] = seen[i][j + 1][c];
                    }
                    value_t newest = 0;
                    if (i + 1 < pool_height)
                        newest = lines[i][w][c];
                    else if (real)
                        newest = in[c];
                    seen[i][pool_width - 1][c] = newest;
                    if (i > 0)
                        lines[i - 1][w][c] = newest;
                }
            }

            const int top = h + 1 - pool_height, left = w + 1 - pool_width; // of the window that ends here
            const int below = top + int(CONFIG_T::pad_top), beside = left + int(CONFIG_T::pad_left);
            if (below >= 0 && beside >= 0 && below % stride_height == 0 && beside % stride_width == 0 && h < end_height &&
                w < end_width) {
                res_T out;
                PRAGMA_DATA_PACK(out)
                for (int c = 0; c < CONFIG_T::n_chan; c++) {
                    #pragma HLS UNROLL
                    typename CONFIG_T::op::template window<value_t> window;
                    unsigned count = 0;
                    for (int i = 0; i < pool_height; i++) {
                        #pragma HLS UNROLL
                        for (int j = 0; j < pool_width; j++) {
                            #pragma HLS UNROLL
                            if (top + i >= 0 && top + i < height && left + j >= 0 && left + j < width) {
                                window.take(seen[i][j][c], count);
                                count++;
                            }
                        }
                    }
                    out[c] = window.template result<typename res_T::value_type>(count);
                }
                res.write(out);
            }
        }
    }
}

} // namespace nnet

#endif
