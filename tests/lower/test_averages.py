"""float32 division followed by QKeras' rounding is the correctly rounded average wherever ``single_rounding`` says so: by brute force."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fpgacompress.errors import UnsupportedError
from fpgacompress.integer import FixedType
from fpgacompress.integer.operations.pools import rounded_quotient
from fpgacompress.lower import lower
from fpgacompress.lower.averages import single_rounding

from .models import L, keras, qkeras


def both(sums: np.ndarray, count: int, fraction: int, out: FixedType) -> tuple[np.ndarray, np.ndarray]:
    """Stored results: of float32 division and QKeras' rounding, and of exact integers."""
    up = out.fraction - fraction
    quotient = (sums.astype(np.float32) * np.float32(2.0**-fraction)) / np.float32(count)
    theirs = np.clip(np.rint(quotient * np.float32(2.0**out.fraction)), out.low, out.high).astype(np.int64)
    exact = rounded_quotient(sums << max(up, 0), np.int64(count << max(-up, 0)), "RND_CONV")
    return theirs, np.clip(exact, out.low, out.high)


@given(st.integers(1, 200), st.integers(-2, 16), st.integers(1, 16), st.integers(-3, 8), st.booleans(), st.data())
def test_one_rounding(count, fraction, width, integer, signed, data):
    """Sums around every tie of the result's grid, up to the largest that the rule allows, where float32 is coarsest."""
    out = FixedType(width + signed, integer + signed, signed, "RND_CONV", "SAT")
    largest = data.draw(st.integers(1, 24).map(lambda b: 2**b))
    if not single_rounding(largest, count, fraction, out):
        return
    levels = np.unique(np.linspace(out.low, out.high, 4001).astype(np.int64)) * 2 + 1  # ties, in half levels
    near = levels * count * 2.0 ** (fraction - out.fraction - 1)
    sums = (np.floor(near)[:, None] + np.arange(-2, 4)).astype(np.int64).ravel()
    sums = sums[np.abs(sums) <= largest]
    theirs, exact = both(sums, count, fraction, out)
    assert np.array_equal(theirs, exact)


@pytest.mark.parametrize("count", [3, 5, 7, 9, 49, 100])
def test_every_sum_of_18_bits(count):
    out = FixedType(10, 3, True, "RND_CONV", "SAT")
    sums = np.arange(-(2**18), 2**18)
    assert single_rounding(2**18, count, 12, out)
    theirs, exact = both(sums, count, 12, out)
    assert np.array_equal(theirs, exact)


def test_the_rule_is_needed():
    """A sum whose quotient is no tie, but rounds to one in float32: QKeras' result is not the rounded average."""
    out, total = FixedType(24, 24, True, "RND_CONV", "SAT"), 15728681
    theirs, exact = both(np.array([total]), 49, 0, out)
    assert (theirs[0], exact[0]) == (320994, 320993) and total / 49 < 320993.49
    assert not single_rounding(total, 49, 0, out)


def test_wide_averages_are_refused():
    model = keras.Sequential(
        [keras.Input((3, 3, 1), name="x"), L.AveragePooling2D(3, name="mean"), qkeras.QActivation("quantized_bits(22,8,alpha=1)")]
    )
    with pytest.raises(UnsupportedError, match="layer 'mean' averages sums of up to 22 bits to fixed<22,9,RND_CONV,SAT>"):
        lower(model, FixedType(19, 9))


def test_averages_that_nothing_rounds_are_refused():
    for behind in ([], [L.Flatten()], [L.Add()], [L.ReLU()], [qkeras.QActivation("ternary(alpha=1)")]):
        x = L.Input((3, 3, 1), name="x")
        y = L.AveragePooling2D(3, name="mean")(x)
        for layer in behind:
            y = layer([y, y]) if type(layer).__name__ == "Add" else layer(y)
        with pytest.raises(UnsupportedError, match="layer 'mean' divides by .*no power of two.*QActivation such as .* directly after it"):
            lower(keras.Model(x, y), FixedType(6, 2))


def test_two_quantizers_may_read_one_average():
    from .exact import assert_exact

    x = L.Input((3, 3, 2), name="x")
    y = L.AveragePooling2D(3, name="mean")(x)
    z = L.Add()([qkeras.QActivation("quantized_relu(4,1)", name="a")(y), qkeras.QActivation("quantized_bits(6,1,alpha=1)", name="b")(y)])
    network = assert_exact(keras.Model(x, z), FixedType(6, 2))
    assert [n.op for n in network.nodes] == ["input", "avgpool", "avgpool", "add"]
