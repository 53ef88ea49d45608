"""Random networks: any layers in any order, random types, shapes, weights and inputs. Every layer of every one is exact.

Networks whose sums leave the 24 bits of float32 are left out: there QKeras itself rounds.
"""

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fpgacompress.integer import FixedType
from fpgacompress.integer.intervals import inexact_in_float32, ranges
from fpgacompress.lower import lower

from .exact import differences, inputs
from .models import L, keras, qkeras, scatter

small = st.integers(1, 3)
scale = st.sampled_from(["alpha=1", "alpha=0.5", "alpha=4"])
activations = st.one_of(
    st.builds("quantized_bits({},{},{},{})".format, st.integers(2, 6), st.integers(0, 3), st.integers(0, 1), scale),
    st.builds("quantized_bits({},{},0,0,alpha=1)".format, st.integers(1, 5), st.integers(0, 2)),
    st.builds("quantized_bits({},{})".format, st.integers(1, 5), st.integers(0, 2)),
    st.builds("quantized_relu({},{})".format, st.integers(1, 6), st.integers(0, 3)),
    st.builds("quantized_relu({},{},0,{})".format, st.integers(4, 6), st.integers(0, 3), st.sampled_from([0.5, 0.25, 0.125])),
    st.builds("quantized_relu({},{},1)".format, st.integers(2, 5), st.integers(0, 2)),
    st.builds("quantized_tanh({})".format, st.integers(2, 6)),
    st.builds("quantized_sigmoid({})".format, st.integers(2, 6)),
    st.sampled_from(["ternary()", "ternary(alpha=1)", "ternary(alpha=0.5,threshold=0.7)", "binary()", "binary(use_01=1,alpha=1)"]),
    st.builds("quantized_relu_po2({})".format, st.integers(1, 3)),
)
casts = st.one_of(
    st.builds("quantized_bits({},{},alpha=1)".format, st.integers(2, 6), st.integers(0, 3)),
    st.builds("quantized_relu({},{})".format, st.integers(2, 6), st.integers(0, 3)),
)
kernels = st.one_of(
    st.builds("quantized_bits({},{},{},{})".format, st.integers(2, 5), st.integers(-2, 1), st.integers(0, 1), scale),
    st.builds("quantized_bits({},0)".format, st.integers(2, 4)),
    st.sampled_from(["ternary(alpha=1)", "ternary()", "binary(alpha=1)", "binary()", "quantized_po2(3)", "stochastic_ternary()"]),
)
biases = st.builds("quantized_bits({},{},alpha=1)".format, st.integers(2, 5), st.integers(0, 2))


class Maker:
    """Puts one random layer behind another."""

    def __init__(self, draw, x):
        self.draw, self.x, self.seen = draw, x, [x]

    def quantizers(self, *parts):
        found = {f"{part}_quantizer": self.draw(kernels) for part in parts}
        attached = self.draw(st.none() | activations | st.just("relu"))
        return found | {"bias_quantizer": self.draw(biases), "use_bias": self.draw(st.booleans()), "activation": attached}

    def window(self):
        """Kernel, strides and padding; strides equal, or none where the kernel is dilated."""
        axes = len(self.x.shape) - 2
        padding = self.draw(st.sampled_from(["same", "valid", "causal"] if axes == 1 else ["same", "valid"]))
        kernel = tuple(min(self.draw(small), n) if padding == "valid" else self.draw(small) for n in self.x.shape[1:-1])
        spread = {}
        if self.draw(st.booleans()):
            spread = {"strides": self.draw(st.integers(1, 2))}
        elif padding != "valid":
            spread = {"dilation_rate": self.draw(st.integers(1, 2))}
        return {"kernel_size": kernel, "padding": padding} | spread

    def pool(self):
        padding = self.draw(st.sampled_from(["same", "valid"]))
        size = tuple(min(self.draw(small), n) for n in self.x.shape[1:-1])
        return {"pool_size": size if len(size) > 1 else size[0], "padding": padding, "strides": self.draw(st.none() | st.integers(1, 2))}

    def kinds(self):
        rank = len(self.x.shape) - 1
        any_shape = ["dense", "activation", "relu", "leaky", "limited", "add", "flatten", "dropout", "concatenate"]
        spatial = ["conv", "separable", "max", "average", "global_max", "global_average", "zeropad", "upsample", "permute"]
        return any_shape + (spatial if rank > 1 else []) + (["depthwise", "folded", "folded_depthwise"] if rank == 3 else [])

    def add_layer(self):
        kind = self.draw(st.sampled_from(self.kinds()))
        axes, wide = len(self.x.shape) - 2, len(self.x.shape) == 4
        same = [t for t in self.seen if t.shape == self.x.shape]
        suffix = f"{axes}D"

        def window(without=()):
            return {k: v for k, v in self.window().items() if k not in without}

        if kind == "dense":
            y = qkeras.QDense(self.draw(small), **self.quantizers("kernel"))(self.x)
        elif kind == "activation":
            y = qkeras.QActivation(self.draw(activations))(self.x)
        elif kind == "relu":
            y = L.ReLU()(self.x)
        elif kind == "leaky":
            y = L.LeakyReLU(self.draw(st.sampled_from([0.5, 0.25])))(self.x)
        elif kind == "limited":
            y = L.ReLU(max_value=self.draw(st.sampled_from([0.5, 1.25, 3, 6])))(self.x)
        elif kind == "add":
            y = L.Add()([self.x, *(self.draw(st.sampled_from(same)) for _ in range(self.draw(st.integers(1, 2))))])
        elif kind == "concatenate":
            y = L.Concatenate()([self.x, self.draw(st.sampled_from(same))])
        elif kind == "flatten":
            y = L.Flatten()(self.x)
        elif kind == "dropout":
            y = L.Dropout(0.3)(self.x)
        elif kind == "conv":
            y = getattr(qkeras, f"QConv{suffix}")(self.draw(small), **self.window(), **self.quantizers("kernel"))(self.x)
        elif kind == "separable":
            settings_ = window(("dilation_rate",))
            settings_["padding"] = settings_["padding"].replace("causal", "same")  # QSeparableConv1D fails with causal padding
            config = settings_ | self.quantizers("depthwise", "pointwise") | {"depth_multiplier": self.draw(st.integers(1, 2))}
            y = getattr(qkeras, f"QSeparableConv{suffix}")(self.draw(small), **config)(self.x)
        elif kind == "depthwise":
            config = self.window() | self.quantizers("depthwise") | {"depth_multiplier": self.draw(st.integers(1, 2))}
            y = qkeras.QDepthwiseConv2D(**config)(self.x)
        elif kind == "folded":
            y = qkeras.QConv2DBatchnorm(self.draw(small), **self.window(), **self.quantizers("kernel"))(self.x)
        elif kind == "folded_depthwise":
            y = qkeras.QDepthwiseConv2DBatchnorm(**self.window(), **self.quantizers("depthwise"))(self.x)
        elif kind == "max":
            y = getattr(L, f"MaxPooling{suffix}")(**self.pool())(self.x)
        elif kind == "average":
            y = qkeras.QActivation(self.draw(casts))(getattr(L, f"AveragePooling{suffix}")(**self.pool())(self.x))
        elif kind == "global_max":
            y = getattr(L, f"GlobalMaxPooling{suffix}")(keepdims=self.draw(st.booleans()))(self.x)
        elif kind == "global_average":
            y = qkeras.QActivation(self.draw(casts))(getattr(L, f"GlobalAveragePooling{suffix}")(keepdims=self.draw(st.booleans()))(self.x))
        elif kind == "zeropad":
            y = getattr(L, f"ZeroPadding{suffix}")(1)(self.x)
        elif kind == "upsample":
            y = getattr(L, f"UpSampling{suffix}")(2)(self.x)
        else:
            y = L.Permute((2, 3, 1) if wide else (2, 1))(self.x)
        self.x = y
        self.seen.append(y)


shapes = st.one_of(
    st.tuples(st.integers(1, 8)),
    st.tuples(st.integers(2, 8), small),
    st.tuples(st.integers(2, 6), st.integers(2, 6), small),
)


def within_float32(network):
    """Every value, in least bits of its node, is a float32 number."""
    largest = max(int(r.magnitude.max()) for r in ranges(network).values())
    return not inexact_in_float32(network) and largest <= 2**24


@settings(max_examples=40)
@given(st.data(), shapes, st.integers(0, 2**31))
def test_random_networks(data, shape, seed):
    draw = data.draw
    maker = Maker(draw, L.Input(shape, name="input"))
    start = maker.x
    for _ in range(draw(st.integers(1, 6))):
        assume(int(np.prod(maker.x.shape[1:])) <= 1000)
        maker.add_layer()
    model = scatter(keras.Model(start, maker.x), seed, draw(st.sampled_from([0.2, 0.7, 2.0])))
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        norm = getattr(layer, "batchnorm", None)
        if norm is not None:
            norm.moving_mean.assign(rng.normal(0, 1, norm.moving_mean.shape))
            norm.moving_variance.assign(rng.uniform(0.1, 4, norm.moving_mean.shape))
    width = draw(st.integers(2, 7))
    type = FixedType(width, draw(st.integers(0, 3)), draw(st.booleans()))
    network = lower(model, type)
    assume(within_float32(network))
    wrong = {k: v for k, v in differences(model, network, inputs(type, shape, 40, seed)).items() if v}
    assert not wrong, (wrong, [(n.name, n.op, str(n.out), n.params) for n in network.nodes])
