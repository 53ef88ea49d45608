"""Every activation quantizer against QKeras itself, on every value of a fine grid; every weight quantizer on random weights."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fpgacompress.errors import UnsupportedError
from fpgacompress.integer import FixedType, run
from fpgacompress.lower.builder import Builder
from fpgacompress.lower.quantizers import activation_steps, fixed_type
from fpgacompress.lower.steps import chain
from fpgacompress.lower.weights import quantized_tensor

from .models import qkeras, stack

GRID = FixedType(14, 6)
Q = qkeras.quantizers


def lowered(quantizer, grid=GRID):
    net = Builder("one")
    return net.network(chain(net, "act", net.input("x", grid, (1,)), activation_steps(quantizer, "layer 'act'"), "layer 'act'"))


def assert_equal_everywhere(quantizer, grid=GRID):
    """The lowered quantizer and QKeras give the same value for every stored integer of ``grid``."""
    network = lowered(quantizer, grid)
    stored = np.arange(grid.low, grid.high + 1)[:, None]
    mine = network.output.out.to_float(run(network, stored))
    theirs = np.asarray(quantizer(stack.tf.constant(grid.to_float(stored), "float32")), np.float64)
    wrong = np.flatnonzero(mine != theirs)
    assert not wrong.size, (str(quantizer), grid.to_float(stored[wrong[:5]]).ravel(), mine[wrong[:5]].ravel(), theirs[wrong[:5]].ravel())
    assert network.output.name == "act" or len(network.nodes) == 1


def grids():
    """Types with 14 bits: coarse and fine, signed and not, far inside and far outside of the quantizers' ranges."""
    return st.builds(FixedType, st.integers(10, 14), st.integers(-2, 9), st.booleans())


def shifts(low, high):
    return st.integers(low, high).map(lambda k: 2.0**k)


bits = st.builds(
    lambda b, i, s, n, a: Q.quantized_bits(b, i, s, n, alpha=a),
    st.integers(1, 10),
    st.integers(-4, 6),
    st.integers(0, 1),
    st.booleans(),
    st.none() | st.just(1.0) | shifts(-5, 5),
)
relu = st.builds(
    lambda b, i, slope, bound, clip: Q.quantized_relu(
        max(b, 1 - int(np.log2(slope or 1))), i, negative_slope=slope, relu_upper_bound=bound, is_quantized_clip=clip
    ),
    st.integers(1, 10),
    st.integers(-4, 6),
    st.just(0.0) | shifts(-3, 0),
    st.none() | st.sampled_from([0.0, 0.25, 1.5, 3, 6, 6.3125, 20]),
    st.booleans(),
)
others = st.one_of(
    st.builds(lambda b, i: Q.quantized_relu(b, i, use_sigmoid=1), st.integers(1, 8), st.integers(-3, 4)),
    st.builds(lambda b, s: Q.quantized_tanh(b, symmetric=s), st.integers(1, 10), st.booleans()),
    st.builds(lambda b, s: Q.quantized_sigmoid(b, symmetric=s), st.integers(1, 10), st.booleans()),
    st.builds(lambda a, t: Q.ternary(alpha=a, threshold=t), st.none() | shifts(-4, 4), st.none() | st.floats(-0.5, 8)),
    st.builds(lambda a: Q.stochastic_ternary(alpha=a), shifts(-2, 2)),
    st.builds(lambda a, z: Q.binary(use_01=z, alpha=a), st.none() | shifts(-4, 4), st.booleans()),
    st.builds(lambda a: Q.stochastic_binary(alpha=a), st.none() | shifts(-4, 4)),
    st.builds(lambda b, m: Q.quantized_po2(b, max_value=m), st.integers(2, 5), st.sampled_from([None, 0.5, 1, 4, 16])),
    st.builds(
        lambda b, m, s: Q.quantized_relu_po2(b, max_value=m, negative_slope=s),
        st.integers(1, 4),
        st.sampled_from([None, 0.5, 1, 4, 16]),
        st.just(0.0) | shifts(-3, 0),
    ),
)


@settings(max_examples=150)
@given(bits, grids())
def test_quantized_bits(quantizer, grid):
    assert_equal_everywhere(quantizer, grid)


@settings(max_examples=150)
@given(relu, grids())
def test_quantized_relu(quantizer, grid):
    assert_equal_everywhere(quantizer, grid)


@settings(max_examples=200)
@given(others, grids())
def test_other_quantizers(quantizer, grid):
    assert_equal_everywhere(quantizer, grid)


@pytest.mark.parametrize("threshold", [None, 0.1, 0.33, 0.7, 1e-9, 0.0, -1.0, 5.3])
def test_ternary_thresholds_between_two_levels(threshold):
    """The comparison is float32's: on a grid of 22 fractional bits around the threshold."""
    centre = 0.33 if threshold is None else abs(threshold)
    grid = FixedType(23, 4 if centre > 1 else 1)
    quantizer = Q.ternary(alpha=1.0, threshold=threshold)
    network = lowered(quantizer, grid)
    middle = int(centre / grid.lsb)
    stored = np.unique(np.clip(np.concatenate([sign * np.arange(middle - 500, middle + 500) for sign in (-1, 1)]), grid.low, grid.high))[
        :, None
    ]
    theirs = np.asarray(quantizer(stack.tf.constant(grid.to_float(stored), "float32")), np.float64)
    assert np.array_equal(network.output.out.to_float(run(network, stored)), theirs)


@pytest.mark.parametrize(
    "make", [lambda: Q.quantized_tanh(5), lambda: Q.quantized_sigmoid(5), lambda: Q.quantized_relu(5, 1, use_sigmoid=1)]
)
def test_smooth_sigmoid(make):
    """QKeras' global switch is followed: 0.1875 x + 0.5 is dyadic; its real sigmoid is not."""
    try:
        Q.set_internal_sigmoid("smooth")
        assert_equal_everywhere(make())
        assert_equal_everywhere(make(), FixedType(14, 2))
        Q.set_internal_sigmoid("real")
        with pytest.raises(UnsupportedError, match="internal sigmoid is set to 'real'"):
            lowered(make())
    finally:
        Q.set_internal_sigmoid("hard")


def test_float_functions_keep_every_bit():
    for function in (stack.keras.activations.relu, stack.keras.activations.linear):
        assert_equal_everywhere(function)
    assert_equal_everywhere(stack.tf.nn.relu6)


REFUSED = {
    "quantized_bits(4,0,alpha='auto')": "alpha is 'auto', so the scale depends on the batch.*alpha=1",
    "quantized_bits(4,0,alpha='auto_po2')": "depends on the batch",
    "quantized_bits(4,0,alpha=0.75)": "no power of two",
    "quantized_relu(3,0,0,0.0625)": "slope of 0.0625 leaves no level below zero",
    "quantized_relu(6,1,1,0.25)": "use_sigmoid and a negative slope",
    "quantized_tanh(4,0,0,1)": "use_real_tanh",
    "quantized_sigmoid(4,0,1)": "use_real_sigmoid",
    "quantized_ulaw(4)": "'quantized_ulaw', which has no exact",
    "quantized_hswish(4)": "'quantized_hswish', which has no exact",
    "bernoulli()": "'bernoulli', which has no exact",
    "quantized_po2(4,quadratic_approximation=1)": "logarithms",
    "quantized_po2(8)": "levels down to 2..-64",
    "binary(use_stochastic_rounding=1)": "use_stochastic_rounding",
    "hard_sigmoid": "layer 'act' has the float activation 'hard_sigmoid'",
    "tanh": "layer 'act' has the float activation 'tanh'",
    "sigmoid": "layer 'act' is a sigmoid",
}


@pytest.mark.parametrize("text", REFUSED)
def test_refused(text):
    with pytest.raises(UnsupportedError, match=REFUSED[text]) as caught:
        lowered(Q.get_quantizer(text))
    assert "\n" not in str(caught.value)


def test_partial_noise_is_refused():
    with pytest.raises(UnsupportedError, match="qnoise_factor is not 1"):
        lowered(Q.quantized_relu(4, 1, qnoise_factor=0.5))


def test_inputs_finer_than_float32_are_refused():
    """hard sigmoid adds one half in float32, which drops bits below 2**-24."""
    with pytest.raises(UnsupportedError, match="28 fractional bits"):
        lowered(Q.quantized_sigmoid(4), FixedType(20, -8))
    with pytest.raises(UnsupportedError, match="rounds them for inputs as large as 4096"):
        lowered(Q.ternary(alpha=0.7), FixedType(14, 13))


def test_fixed_type_is_for_plain_casts():
    assert str(fixed_type(Q.quantized_bits(6, 1, alpha=1), "x")) == "fixed<6,2,RND_CONV,SAT>"
    with pytest.raises(UnsupportedError, match="not a plain cast"):
        fixed_type(Q.ternary(alpha=1.0), "x")


weights = st.one_of(
    bits,
    st.builds(lambda b, i, a: Q.quantized_bits(b, i, 1, alpha=a), st.integers(2, 8), st.integers(-3, 3), st.just("auto_po2")),
    st.builds(lambda a, t: Q.ternary(alpha=a, threshold=t), st.none() | shifts(-4, 4), st.none() | st.floats(0, 1)),
    st.builds(lambda a: Q.ternary(alpha=a), st.just("auto_po2")),
    st.builds(lambda a: Q.stochastic_ternary(alpha=a), st.just("auto_po2")),
    st.builds(lambda a: Q.binary(alpha=a), st.none() | shifts(-4, 4) | st.just("auto_po2")),
    st.builds(lambda a: Q.stochastic_binary(alpha=a), st.none() | st.just("auto_po2")),
    st.builds(lambda b, m: Q.quantized_po2(b, max_value=m), st.integers(2, 5), st.sampled_from([None, 1, 4])),
    st.builds(lambda b: Q.quantized_bits(b, 0, alpha=1.0, use_stochastic_rounding=True), st.integers(2, 8)),
)


@settings(max_examples=200)
@given(weights, st.integers(0, 2**31), st.sampled_from([0.01, 0.3, 2.0]))
def test_weights_are_what_the_quantizer_returns(quantizer, seed, spread):
    """Exact values, in a type that holds them, for kernels of two and four axes."""
    for shape in ((7, 5), (3, 2, 2, 4)):
        values = np.random.default_rng(seed).normal(0, spread, shape).astype(np.float32)
        tensor = quantized_tensor(stack.tf.constant(values), quantizer, "the kernel of layer 'fc'")
        expected = np.asarray(quantizer(stack.tf.constant(values)), np.float64)
        assert np.array_equal(tensor.type.to_float(tensor.values), expected)
        assert tensor.values.min() >= tensor.type.low and tensor.values.max() <= tensor.type.high


def test_weight_types():
    values = stack.tf.constant([[0.3, -0.6], [0.1, 0.9]])

    def kind(text):
        return str(quantized_tensor(values, Q.get_quantizer(text), "x").type)

    assert kind("quantized_bits(6,0,alpha=1)") == "fixed<6,1>"
    assert kind("quantized_bits(6,0,alpha=4)") == "fixed<6,3>"
    assert kind("quantized_bits(6,0,0,0,alpha=1)") == "ufixed<6,0>"
    assert kind("ternary(alpha=1)") == "fixed<2,2>"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("quantized_bits(4,0,1,alpha='auto')", "alpha is 'auto', and the trained scale is no power of two"),
        ("ternary(alpha='auto')", "alpha is 'auto'"),
        ("bernoulli()", "random numbers"),
        ("quantized_ulaw(4)", "not fixed-point numbers"),
        ("quantized_po2(8)", "needs .* bits to be exact"),
    ],
)
def test_weights_refused(text, message):
    values = np.random.default_rng(0).normal(0, 0.3, (8, 8)).astype(np.float32)
    values[0, 0] = 0
    with pytest.raises(UnsupportedError, match=message):
        quantized_tensor(stack.tf.constant(values), Q.get_quantizer(text), "the kernel of layer 'fc'")
