// Written by fpgacompress: values moved, repeated or surrounded by zeros; one spatial axis is an image of height 1.
#ifndef NNET_FC_SHAPE_H_
#define NNET_FC_SHAPE_H_

#include "hls_stream.h"
#include "nnet_common.h"
#include "nnet_types.h"

namespace nnet {

struct fc_permute_config { // shape of the result, filled up in front with ones, and the input's stride along each of its axes
    static const unsigned n0 = 1, n1 = 1, n2 = 1, n3 = 1;
    static const unsigned stride0 = 0, stride1 = 0, stride2 = 0, stride3 = 0;
};

template <class data_T, class res_T, typename CONFIG_T>
void fc_permute(data_T data[CONFIG_T::n0 * CONFIG_T::n1 * CONFIG_T::n2 * CONFIG_T::n3],
                res_T res[CONFIG_T::n0 * CONFIG_T::n1 * CONFIG_T::n2 * CONFIG_T::n3]) {
    #pragma HLS PIPELINE
    for (unsigned i = 0; i < CONFIG_T::n0; i++) {
        for (unsigned j = 0; j < CONFIG_T::n1; j++) {
            for (unsigned k = 0; k < CONFIG_T::n2; k++) {
                for (unsigned l = 0; l < CONFIG_T::n3; l++) {
                    res[((i * CONFIG_T::n1 + j) * CONFIG_T::n2 + k) * CONFIG_T::n3 + l] =
                        data[i * CONFIG_T::stride0 + j * CONFIG_T::stride1 + k * CONFIG_T::stride2 + l * CONFIG_T::stride3];
                }
            }
        }
    }
}

// The whole tensor is kept: its last word may be needed first.
template <class data_T, class res_T, typename CONFIG_T> void fc_permute(hls::stream<data_T> &data, hls::stream<res_T> &res) {
    const unsigned n = CONFIG_T::n0 * CONFIG_T::n1 * CONFIG_T::n2 * CONFIG_T::n3;
    typename data_T::value_type kept[n];
    #pragma HLS ARRAY_PARTITION variable=kept complete
    for (unsigned i = 0; i < n / data_T::size; i++) {
        #pragma HLS PIPELINE
        data_T in = data.read();
        for (unsigned j = 0; j < data_T::size; j++) {
            #pragma HLS UNROLL
            kept[i * data_T::size + j] = in[j];
        }
    }
    for (unsigned i = 0; i < CONFIG_T::n0; i++) {
        for (unsigned j = 0; j < CONFIG_T::n1; j++) {
            for (unsigned k = 0; k < CONFIG_T::n2; k++) {
                #pragma HLS LOOP_FLATTEN
                #pragma HLS PIPELINE
                res_T out;
                PRAGMA_DATA_PACK(out)
                for (unsigned l = 0; l < CONFIG_T::n3; l++) {
                    #pragma HLS UNROLL
                    out[l] = kept[i * CONFIG_T::stride0 + j * CONFIG_T::stride1 + k * CONFIG_T::stride2 + l * CONFIG_T::stride3];
                }
                res.write(out);
            }
        }
    }
}

struct fc_grid_config { // an image, and how the result lies on it
    static const unsigned in_height = 1;
    static const unsigned in_width = 1;
    static const unsigned n_chan = 1;
    static const unsigned out_height = 1;
    static const unsigned out_width = 1;
    static const unsigned size_height = 1; // upsample
    static const unsigned size_width = 1;
    static const unsigned pad_top = 0; // zeropad
    static const unsigned pad_left = 0;
};

template <class data_T, class res_T, typename CONFIG_T>
void fc_upsample(data_T data[CONFIG_T::in_height * CONFIG_T::in_width * CONFIG_T::n_chan],
                 res_T res[CONFIG_T::out_height * CONFIG_T::out_width * CONFIG_T::n_chan]) {
    #pragma HLS PIPELINE
    for (unsigned h = 0; h < CONFIG_T::out_height; h++) {
        for (unsigned w = 0; w < CONFIG_T::out_width; w++) {
            for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
                res[(h * CONFIG_T::out_width + w) * CONFIG_T::n_chan + c] =
                    data[((h / CONFIG_T::size_height) * CONFIG_T::in_width + w / CONFIG_T::size_width) * CONFIG_T::n_chan + c];
            }
        }
    }
}

// One line is kept and written `size_height` times, each word `size_width` times.
template <class data_T, class res_T, typename CONFIG_T> void fc_upsample(hls::stream<data_T> &data, hls::stream<res_T> &res) {
    data_T line[CONFIG_T::in_width];
    for (unsigned h = 0; h < CONFIG_T::in_height; h++) {
        for (unsigned i = 0; i < CONFIG_T::size_height; i++) {
            for (unsigned w = 0; w < CONFIG_T::in_width; w++) {
                for (unsigned j = 0; j < CONFIG_T::size_width; j++) {
                    #pragma HLS LOOP_FLATTEN
                    #pragma HLS PIPELINE
                    if (i == 0 && j == 0)
                        line[w] = data.read();
                    res_T out;
                    PRAGMA_DATA_PACK(out)
                    for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
                        #pragma HLS UNROLL
                        out[c] = line[w][c];
                    }
                    res.write(out);
                }
            }
        }
    }
}

template <class data_T, class res_T, typename CONFIG_T>
void fc_zeropad(data_T data[CONFIG_T::in_height * CONFIG_T::in_width * CONFIG_T::n_chan],
                res_T res[CONFIG_T::out_height * CONFIG_T::out_width * CONFIG_T::n_chan]) {
    #pragma HLS PIPELINE
    for (int h = 0; h < int(CONFIG_T::out_height); h++) {
        for (int w = 0; w < int(CONFIG_T::out_width); w++) {
            const int y = h - int(CONFIG_T::pad_top), x = w - int(CONFIG_T::pad_left);
            const bool real = y >= 0 && y < int(CONFIG_T::in_height) && x >= 0 && x < int(CONFIG_T::in_width);
            for (int c = 0; c < int(CONFIG_T::n_chan); c++) {
                res_T value = 0;
                if (real)
                    value = data[(y * CONFIG_T::in_width + x) * CONFIG_T::n_chan + c];
                res[(h * CONFIG_T::out_width + w) * CONFIG_T::n_chan + c] = value;
            }
        }
    }
}

template <class data_T, class res_T, typename CONFIG_T> void fc_zeropad(hls::stream<data_T> &data, hls::stream<res_T> &res) {
    for (int h = 0; h < int(CONFIG_T::out_height); h++) {
        for (int w = 0; w < int(CONFIG_T::out_width); w++) {
            #pragma HLS LOOP_FLATTEN
            #pragma HLS PIPELINE
            const int y = h - int(CONFIG_T::pad_top), x = w - int(CONFIG_T::pad_left);
            const bool real = y >= 0 && y < int(CONFIG_T::in_height) && x >= 0 && x < int(CONFIG_T::in_width);
            data_T in;
            if (real)
                in = data.read();
            res_T out;
            PRAGMA_DATA_PACK(out)
            for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
                #pragma HLS UNROLL
                typename res_T::value_type value = 0;
                if (real)
                    value = in[c];
                out[c] = value;
            }
            res.write(out);
        }
    }
}

struct fc_repack_config {
    static const unsigned n = 1;
};

// A stream with words of another size, value by value. Arrays are flat and need no such step.
template <class data_T, class res_T, typename CONFIG_T> void fc_repack(hls::stream<data_T> &data, hls::stream<res_T> &res) {
    data_T in;
    res_T out;
    for (unsigned i = 0; i < CONFIG_T::n; i++) {
        #pragma HLS PIPELINE
        if (i % data_T::size == 0)
            in = data.read();
        out[i % res_T::size] = in[i % data_T::size];
        if ((i + 1) % res_T::size == 0)
            res.write(out);
    }
}

} // namespace nnet

#endif
