"""Emulation against a plain int64 reading of each operation, and intervals that nothing leaves."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fpgacompress.errors import DataError, ModelError, UnsupportedError
from fpgacompress.integer import Emulator, FixedType, Tensor, inexact_in_float32, ranges, run, trace
from fpgacompress.integer.types import OVERFLOWS, ROUNDINGS
from fpgacompress.lower.builder import Builder

from . import plain
from .networks import cnn, mlp, samples, tensor


def same(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a)


kinds = st.builds(FixedType, st.integers(2, 12), st.integers(-2, 8), st.booleans())


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 2**32),
    st.lists(st.integers(1, 9), min_size=2, max_size=4),
    kinds,
    st.sampled_from(ROUNDINGS),
    st.sampled_from(OVERFLOWS),
)
def test_random_mlps_are_exact_and_stay_in_their_intervals(seed, widths, kind, rounding, overflow):
    rng = np.random.default_rng(seed)
    network = mlp(rng, widths, kind, rounding, overflow)
    x = samples(rng, network, 20)
    got = trace(network, x)
    assert same(got, plain.trace(network, x))
    for name, found in ranges(network).items():
        assert (got[name] >= found.low).all() and (got[name] <= found.high).all()
        out = network.node(name).out
        assert out.low <= found.bounds[0] and found.bounds[1] <= out.high


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 2**32), st.integers(4, 7))
def test_random_residual_cnns_are_exact(seed, size):
    rng = np.random.default_rng(seed)
    network = cnn(rng, size)
    x = samples(rng, network, 5)
    got = trace(network, x)
    assert same(got, plain.trace(network, x))
    for name, found in ranges(network).items():
        assert (got[name] >= found.low).all() and (got[name] <= found.high).all()


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32), kinds)
def test_the_first_layers_bounds_are_reached(seed, kind):
    rng = np.random.default_rng(seed)
    network = mlp(rng, [6, 4], kind)
    dense = network.weighted[0]
    found = ranges(network)[dense.name]
    for j in range(4):
        up = dense.kernel.values[:, j] > 0
        highest, lowest = np.where(up, kind.high, kind.low), np.where(up, kind.low, kind.high)
        got = trace(network, np.stack([highest, lowest]), [dense.name])[dense.name]
        assert got[0, j] == found.high[j] and got[1, j] == found.low[j]


@pytest.mark.parametrize("bits, carrier", [(8, np.float32), (20, np.float64), (44, np.int64)])
def test_every_carrier_is_exact(bits, carrier):
    """Sums near 2**20, 2**36 and 2**60: float32, float64 and int64 carry them."""
    rng = np.random.default_rng(bits)
    net = Builder("wide")
    at = net.input("x", FixedType(bits, 4), (9,))
    at = net.weighted("fc", "dense", at, (5,), tensor(rng, (9, 5), FixedType(12, 1), 0), tensor(rng, (5,), FixedType(9, 3)))
    net.quantize("q", at, FixedType(bits, 5, True, "RND_CONV", "SAT"))
    network = net.network()
    x = samples(rng, network, 50)
    assert same(trace(network, x), plain.trace(network, x))


def test_float32_limits_are_told():
    net = Builder("wide")
    at = net.input("x", FixedType(12, 1), (100,))
    net.weighted("fc", "dense", at, (2,), Tensor(np.full((100, 2), 100, np.int64), FixedType(8, 1)), None)
    assert inexact_in_float32(net.network()) == {"fc": 25}


def test_sums_beyond_int64_are_refused():
    net = Builder("wide")
    at = net.input("x", FixedType(40, 1), (100,))
    kernel = Tensor(np.full((100, 2), 2**20, np.int64), FixedType(22, 1))
    with pytest.raises(UnsupportedError, match="layer 'fc'"):
        net.weighted("fc", "dense", at, (2,), kernel, None)


def test_batches_do_not_matter():
    rng = np.random.default_rng(3)
    network = cnn(rng)
    x = samples(rng, network, 33)
    emulator = Emulator(network)
    whole = emulator.run(x)
    emulator._batch = 7
    assert np.array_equal(emulator.run(x), whole)
    assert emulator.run(x[:0]).shape == (0, 4)


@pytest.mark.parametrize(
    "wrong, message",
    [
        (np.zeros((3, 6)), "dtype float64"),
        (np.zeros((3, 5), int), "shape"),
        (np.full((3, 6), 128), "from 128"),
    ],
)
def test_wrong_inputs_are_refused(wrong, message):
    network = mlp(np.random.default_rng(0), [6, 3], FixedType(8, 3))
    with pytest.raises(DataError, match=message):
        run(network, wrong)


def test_a_cast_that_float32_would_round_is_named():
    """QKeras computes ``x + (q - x)``: the difference needs the input's range and the quantizer's least bit at once."""
    for width, expected in ((18, {}), (19, {"act": 26})):
        net = Builder("cast")
        at = net.input("x", FixedType(width, width), (2,))
        net.quantize("act", at, FixedType(8, 1, True, "RND_CONV", "SAT"))  # 7 fractional bits
        assert inexact_in_float32(net.network()) == expected


def test_what_is_no_integer_network_is_said_to_be_none(tmp_path):
    from fpgacompress.integer import load

    np.savez(tmp_path / "data.npz", x=np.zeros(3))
    (tmp_path / "model.h5").write_bytes(b"\x89HDF")
    with pytest.raises(ModelError, match="holds no integer network"):
        load(tmp_path / "data.npz")
    with pytest.raises(ModelError, match="is a Keras model"):
        load(tmp_path / "model.h5")


def test_no_tensorflow_needed():
    code = "import sys, fpgacompress.integer, fpgacompress.firmware.hls; assert not {'tensorflow', 'hls4ml'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_store_checks_what_it_reads(tmp_path):
    from fpgacompress.integer import load, network_hash, save

    network = cnn(np.random.default_rng(1))
    path = save(network, tmp_path / "n.npz")
    back = load(path)
    assert network_hash(back) == network_hash(network)
    x = samples(np.random.default_rng(2), network, 4)
    assert same(trace(back, x), trace(network, x))
    assert not list(tmp_path.glob("*.part"))

    whole = path.read_bytes()
    for damaged in (whole[:200], whole[: len(whole) // 2], b"", b"not a zip", whole[:700] + bytes([whole[700] ^ 255]) + whole[701:]):
        path.write_bytes(damaged)
        with pytest.raises(ModelError, match="damaged"):
            load(path)
    with pytest.raises(ModelError, match="there is no"):
        load(tmp_path / "missing.npz")


def test_store_finds_changed_weights(tmp_path):
    from fpgacompress.integer import load, save

    network = mlp(np.random.default_rng(1), [4, 3], FixedType(8, 3))
    path = save(network, tmp_path / "n.npz")
    arrays = dict(np.load(path))
    arrays["kernel_1"] = arrays["kernel_1"].copy()
    arrays["kernel_1"][0, 0] ^= 1
    np.savez(path, **arrays)
    with pytest.raises(ModelError, match="hash"):
        load(path)


def test_hash_is_stable():
    """Files written on one machine must be known on another: this value changes only with the format."""
    from fpgacompress.integer import network_hash

    net = Builder("fixed")
    at = net.input("x", FixedType(8, 3), (2,))
    net.weighted("fc", "dense", at, (2,), Tensor(np.array([[1, -2], [3, 0]]), FixedType(4, 1)), Tensor(np.array([1, 1]), FixedType(4, 2)))
    assert network_hash(net.network()) == "33fa18372cc68b3d4b4c60afc1e54b71afc2bb03df90ba968320d35e35c0fe54"
