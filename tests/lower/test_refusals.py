"""What cannot be exact is refused in one sentence that names the layer and the fix."""

import pytest

from fpgacompress.errors import UnsupportedError
from fpgacompress.integer import FixedType
from fpgacompress.lower import lower

from .models import L, Q, keras, qkeras

B = Q["bias_quantizer"]


def dense(**settings):
    return qkeras.QDense(4, name="fc", **(Q | settings))


CASES = {
    "alpha auto": (lambda: [dense(kernel_quantizer="quantized_bits(4,0,1,alpha='auto')")], "layer 'fc'.*alpha is 'auto'.*alpha=1"),
    "bias alpha auto": (lambda: [dense(bias_quantizer="ternary(alpha='auto')")], "the bias of layer 'fc'.*alpha is 'auto'"),
    "no kernel quantizer": (lambda: [dense(kernel_quantizer=None)], "layer 'fc' has no kernel quantizer"),
    "random weights": (lambda: [dense(kernel_quantizer="bernoulli()")], "the kernel of layer 'fc'.*random numbers"),
    "steep slope": (lambda: [dense(), qkeras.QActivation("quantized_relu(3,1,0,0.0625)", name="leaky")], "layer 'leaky'.*slope"),
    "relu slope": (lambda: [L.LeakyReLU(0.3, name="leaky")], "layer 'leaky' has a negative slope of 0.3.*power of two"),
    "relu threshold": (lambda: [L.ReLU(threshold=1, name="r")], "layer 'r' .ReLU. has threshold=1"),
    "relu bound": (lambda: [L.ReLU(max_value=0.1, name="r")], "layer 'r' has a bound that needs 2[0-9] bits"),
    "tanh": (lambda: [dense(), qkeras.QActivation("quantized_tanh(4,0,0,1)", name="t")], "layer 't'.*use_real_tanh"),
    "attached": (lambda: [dense(activation="quantized_hswish(4)")], "the activation of layer 'fc' has the quantizer 'quantized_hswish'"),
    "softmax at the end": (lambda: [dense(), L.Activation("softmax", name="end")], "layer 'end' is a softmax.*remove the softmax"),
    "softmax layer": (lambda: [dense(), L.Softmax(name="end")], "layer 'end' is a softmax"),
    "softmax inside": (lambda: [dense(activation=keras.activations.softmax)], "layer 'fc' is a softmax"),
    "float tanh": (lambda: [dense(), L.Activation("tanh", name="r")], "layer 'r' has the float activation 'tanh'.*QActivation"),
    "float dense": (lambda: [L.Dense(3, name="plain")], "layer 'plain' .Dense. has float weights.*QDense"),
    "float dense softmax": (lambda: [L.Dense(3, activation="softmax", name="plain")], "softmax inside"),
    "unsupported layer": (lambda: [L.Reshape((2, 3)), L.LSTM(2, name="memory")], "layer 'memory' of class LSTM"),
    "float depthwise": (lambda: [L.Reshape((2, 3, 1)), L.DepthwiseConv2D(2, name="dw")], "layer 'dw'"),
    "groups": (lambda: [L.Reshape((3, 1, 2)), qkeras.QConv2D(2, 1, groups=2, name="c", **Q)], "layer 'c' .QConv2D. has groups=2"),
    "interpolation": (lambda: [L.Reshape((3, 1, 2)), L.UpSampling2D(2, interpolation="bilinear", name="u")], "layer 'u'.*interpolation"),
}


@pytest.mark.parametrize("case", CASES)
def test_refused(case):
    make, message = CASES[case]
    model = keras.Sequential([keras.Input((6,), name="x"), *make()])
    with pytest.raises(UnsupportedError, match=message) as caught:
        lower(model, FixedType(6, 1))
    assert "\n" not in str(caught.value)


def test_two_inputs():
    a, b = L.Input((3,)), L.Input((3,))
    with pytest.raises(UnsupportedError, match="2 inputs"):
        lower(keras.Model([a, b], L.Add()([a, b])), FixedType(4, 1))


def test_two_outputs():
    a = L.Input((3,))
    with pytest.raises(UnsupportedError, match="2 outputs"):
        lower(keras.Model(a, [dense()(a), qkeras.QDense(2, **Q)(a)]), FixedType(4, 1))


def test_a_float_bias():
    layer = dense(bias_quantizer=None)
    model = keras.Sequential([keras.Input((6,), name="x"), layer])
    layer.bias.assign([0, 0, 0.1, 0])
    with pytest.raises(UnsupportedError, match="layer 'fc' has a bias without quantizer.*bias_quantizer="):
        lower(model, FixedType(6, 1))


def test_unbuilt():
    with pytest.raises(UnsupportedError, match="not built"):
        lower(keras.Sequential([dense()]), FixedType(4, 1))


def test_unknown_shape():
    a = L.Input((None, 2))
    with pytest.raises(UnsupportedError, match="all axes known"):
        lower(keras.Model(a, qkeras.QConv1D(2, 2, **Q)(a)), FixedType(4, 1))
