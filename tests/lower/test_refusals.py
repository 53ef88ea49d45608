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
    "alpha auto": (lambda: [dense(kernel_quantizer="quantized_bits(4,0,1,alpha='auto')")], "layer 'fc'.*alpha.*alpha=1"),
    "alpha none": (lambda: [dense(kernel_quantizer="quantized_bits(4,0)")], "layer 'fc'.*alpha=1"),
    "alpha two": (lambda: [dense(kernel_quantizer="quantized_bits(4,0,alpha=2)")], "alpha is 2"),
    "no bias quantizer": (lambda: [dense(bias_quantizer=None)], "layer 'fc' has a bias without quantizer.*bias_quantizer="),
    "no kernel quantizer": (lambda: [dense(kernel_quantizer=None)], "layer 'fc' has no kernel quantizer"),
    "one bit": (lambda: [dense(kernel_quantizer="quantized_bits(1,0,alpha=1)")], "at least 2 bits"),
    "po2": (lambda: [dense(kernel_quantizer="quantized_po2(4)")], "quantized_po2.*one of quantized_bits"),
    "slope": (lambda: [dense(), qkeras.QActivation("quantized_relu(4,1,negative_slope=0.25)", name="leaky")], "layer 'leaky'.*slope"),
    "tanh": (lambda: [dense(), qkeras.QActivation("quantized_tanh(4)", name="t")], "layer 't'.*quantized_tanh"),
    "softmax at the end": (lambda: [dense(), L.Activation("softmax", name="end")], "layer 'end' is a softmax.*remove the softmax"),
    "softmax layer": (lambda: [dense(), L.Softmax(name="end")], "layer 'end' is a softmax"),
    "softmax inside": (lambda: [dense(activation=keras.activations.softmax)], "layer 'fc' is a softmax"),
    "float relu": (lambda: [dense(), L.Activation("relu", name="r")], "layer 'r' has the float activation 'relu'.*QActivation"),
    "float dense": (lambda: [L.Dense(3, name="plain")], "layer 'plain' .Dense. has float weights.*QDense"),
    "float dense softmax": (lambda: [L.Dense(3, activation="softmax", name="plain")], "softmax inside"),
    "unsupported layer": (lambda: [L.Reshape((2, 3)), L.LSTM(2, name="memory")], "layer 'memory' of class LSTM"),
    "dense on two axes": (lambda: [L.Reshape((2, 3)), dense()], "layer 'fc'.*Flatten"),
    "dilation": (lambda: [L.Reshape((6, 1)), qkeras.QConv1D(2, 2, dilation_rate=2, name="c", **Q)], "layer 'c'.*dilation"),
    "groups": (lambda: [L.Reshape((2, 3, 1)), L.DepthwiseConv2D(2, name="dw")], "layer 'dw'"),
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


def test_shared_weights():
    a = L.Input((4,))
    layer = dense()
    with pytest.raises(UnsupportedError, match="'fc' is used more than once"):
        lower(keras.Model(a, L.Add()([layer(a), layer(qkeras.QActivation("quantized_relu(3,1)")(a))])), FixedType(4, 1))


def test_unbuilt():
    with pytest.raises(UnsupportedError, match="not built"):
        lower(keras.Sequential([dense()]), FixedType(4, 1))


def test_unknown_shape():
    a = L.Input((None, 2))
    with pytest.raises(UnsupportedError, match="all axes known"):
        lower(keras.Model(a, qkeras.QConv1D(2, 2, **Q)(a)), FixedType(4, 1))
