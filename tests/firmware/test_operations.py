"""Every operation in C simulation, both io types: all bits of all layers equal the emulation."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from integer.networks import samples, tensor

from firmware.exact import assert_exact
from firmware.networks import Net
from fpgacompress.hardware import toolchains
from fpgacompress.integer import FixedType, IntegerNetwork, Tensor, run
from fpgacompress.integer.types import OVERFLOWS, ROUNDINGS

pytestmark = pytest.mark.skipif(toolchains.find("g++") is None, reason="g++ is not there")

BOTH = pytest.mark.parametrize("io", ["io_parallel", "io_stream"])


def maps() -> Net:
    """Operations on single values, and joins."""
    net = Net(FixedType(6, 2), (3, 4))
    x = net.at
    net.add("clip", low=-9, high=22)
    net.add("leaky_relu", shift=3)
    leaky = net.add("clip", low=-30, high=200, out=FixedType(9, 2))
    net.add("clip", x, low=-30, high=3)
    low = net.add("leaky_relu", shift=4)  # the result's type is too small for what goes in
    net.add("shift", x, shift=-2)
    moved = net.add("shift", shift=5)
    net.add("threshold", x, thresholds=[-20, -5, 0, 1, 17], values=[3, -4, 0, 1, 2, -1], out=FixedType(3, 1))
    steps = net.add("threshold", thresholds=[-1, 0], values=[0, 1, 3], out=FixedType(2, 2, False))
    kernel = Tensor(np.array([3, -5, 0, 7]), FixedType(4, 1))
    scaled = net.add("scale", x, kernel=kernel, bias=tensor(net.rng, (4,), FixedType(5, 3)))
    net.add("scale", kernel=kernel)
    narrow = net.add("scale", kernel=kernel, bias=tensor(net.rng, (4,), FixedType(7, 1)), out=FixedType(6, 4, True, "RND_CONV", "SAT"))
    total = net.add("add", leaky, moved, x, scaled, low)
    twice = net.add("add", scaled, scaled)
    net.add("concatenate", total, twice, narrow, axis=1)
    joined = net.add("concatenate", steps, net.at, axis=1)
    net.add("concatenate", joined, net.quantize("fixed<5,1,RND,SAT_SYM>", joined), axis=0)
    net.weighted("dense", (16, 3))
    flat = net.add("flatten")
    net.quantize("ufixed<5,4,RND_CONV,SAT>")
    net.add("concatenate", flat, net.at, axis=0)
    net.add("reshape", shape=(4, 9))
    net.add("permute", axes=[1, 0])
    net.add("flatten")
    net.weighted("dense", (36, 2))
    return net


def elements() -> Net:
    """Casts of each channel and of each element to types of their own: no bits, one bit, finer and coarser, narrower and wider than the input."""
    net = Net(FixedType(6, 2), (3, 4))
    x, branches = net.at, []
    channels = {"bits": [3, 0, 1, 6], "integer": [2, 1, 0, 3]}
    elements = {"bits": net.rng.integers(0, 7, (3, 4)).tolist(), "integer": net.rng.integers(-1, 4, (3, 4)).tolist()}
    for params in (channels, elements):
        for signed in (True, False):
            branches.append(net.add("quantize_each", x, out=FixedType(11, 3, signed, "TRN", "SAT"), **params))
            net.weighted("dense", (4, 2), branches[-1])
            branches.append(net.at)
    return joined(net, branches)


def images() -> Net:
    """Pooling, padding, repetition, permutation of images; convolutions of every kind."""
    net = Net(FixedType(4, 2), (5, 6, 2))
    x = net.at
    positive = net.quantize("ufixed<3,2,RND_CONV,SAT>")
    net.pool("maxpool", [2, 3], [1, 1], "same")
    a = net.pool("avgpool", [3, 2], [2, 2], "same", out=FixedType(5, 2, False, "RND_CONV", "SAT"))
    net.add("zeropad", x, pads=[[1, 0], [0, 2]])
    net.pool("sumpool", [2, 3], [2, 1])
    net.add("upsample", size=[2, 1])
    net.add("permute", axes=[2, 0, 1])
    net.pool("avgpool", [2, 3], [1, 2], out=FixedType(4, 2, True, "RND", "WRAP"))
    net.conv("conv2d", (1, 2), 2, x, strides=[2, 1])
    net.conv("depthwise2d", (3, 2), 1, x, strides=[2, 2], padding="same")
    net.quantize("fixed<5,2,TRN,SAT>")
    b = net.conv("depthwise2d", (2, 2), 2, padding="same", dilation=[2, 1])
    c = net.conv("conv2d", (3, 1), 4, positive, strides=[2, 2], padding="same")
    d = net.weighted("dense", (2, 4), a, biased=False)
    net.add("add", b, c, d)
    net.add("concatenate", b, net.at, axis=0)
    net.pool("avgpool", [6, 3], out=FixedType(7, 4, True, "RND_CONV", "SAT"))
    net.add("reshape", shape=(4,))
    net.weighted("dense", (4, 3))
    return net


def signals() -> Net:
    """One spatial axis."""
    net = Net(FixedType(5, 1), (9, 2))
    x = net.at
    a = net.conv("conv1d", (3,), 2, padding="causal", dilation=[2])
    b = net.conv("depthwise1d", (2,), 1, x, padding="same")
    net.add("add", a, b)
    net.quantize("ufixed<4,2,RND_CONV,SAT>")
    net.pool("maxpool", [3], [2], "same")
    c = net.pool("avgpool", [2], [1], "same", out=FixedType(4, 2, False, "RND_CONV", "SAT"))
    net.conv("depthwise1d", (3,), 2, x, strides=[2], padding="same")
    net.add("concatenate", c, net.at, axis=1)
    net.add("zeropad", pads=[[2, 1]])
    net.add("upsample", size=[2])
    net.pool("sumpool", [3])
    net.pool("avgpool", [5], out=FixedType(5, 3, True, "TRN", "SAT"))
    net.add("flatten")
    net.weighted("dense", (6, 3))
    return net


def narrow() -> Net:
    """Accumulators narrower than the exact sums: every rounding and overflow, in each kind of layer."""
    net = Net(FixedType(4, 2), (5, 6, 2))
    x = net.at
    net.conv("conv2d", (2, 3), 3, out=FixedType.parse("fixed<7,3,RND_CONV,SAT>"), padding="same")
    net.conv("conv2d", (3, 2), 2, out=FixedType.parse("fixed<10,3,TRN,SAT>"))
    net.add("flatten")
    a = net.weighted("dense", (30, 4), out=FixedType.parse("fixed<8,3,RND,SAT_SYM>"))
    net.conv("depthwise2d", (2, 3), 1, x, out=FixedType.parse("fixed<6,3,RND>"))
    net.conv("depthwise2d", (2, 2), 2, strides=[2, 2], out=FixedType.parse("ufixed<6,4,RND_CONV,SAT>"))
    net.add("flatten")
    b = net.weighted("dense", (16, 4), out=FixedType.parse("fixed<5,4>"))
    net.add(
        "scale",
        a,
        kernel=tensor(net.rng, (4,), FixedType(5, 2)),
        bias=tensor(net.rng, (4,), FixedType(6, 1)),
        out=FixedType.parse("fixed<6,4,RND,SAT>"),
    )
    net.add("add", b, net.at)
    return net


def joined(net: Net, branches: list[str]) -> Net:
    """All branches as one vector."""
    net.add("concatenate", *[net.add("flatten", b) if len(net.nodes[b].shape) > 1 else b for b in branches], axis=0)
    return net


def odd_images() -> Net:
    """Strides beyond the window, windows of one row, leftover rows, two-bit weights, all with few bits above the point."""
    net = Net(FixedType(3, 5), (5, 7, 2))
    x = net.at
    same = {"padding": "same"}
    convolutions = [
        net.conv("conv2d", (1, 1), 2, x, strides=[2, 3]),
        net.conv("conv2d", (1, 3), 2, x, strides=[3, 2], **same),
        net.conv("conv2d", (3, 1), 2, x, strides=[2, 3], **same),
        net.conv("conv2d", (2, 4), 2, x, strides=[3, 1], kind=FixedType(2, 2), **same),
        net.conv("depthwise2d", (1, 1), 1, x, strides=[2, 3]),
        net.conv("depthwise2d", (1, 2), 1, x, strides=[2, 1], dilation=[1, 3], kind=FixedType(3, -2)),
    ]
    net.add("permute", x, axes=[1, 0, 2])
    pools = [net.pool("maxpool", [2, 2]), net.pool("maxpool", [3, 2], [2, 3]), net.pool("sumpool", [2, 1], [3, 2], "same")]
    return joined(net, [*convolutions, *pools])


def odd_signals() -> Net:
    """The same with one axis; one bit, streams reshaped where no dense layer reads them."""
    net = Net(FixedType(1, 1, False), (7, 2))
    x = net.at
    branches = [
        net.conv("conv1d", (1,), 2, x, strides=[3]),
        net.conv("conv1d", (1,), 2, x, strides=[7]),
        net.conv("conv1d", (2,), 3, x, strides=[3], padding="causal", kind=FixedType(1, 1)),
        net.conv("depthwise1d", (1,), 3, x, strides=[2], kind=FixedType(2, 2)),
    ]
    net.add("reshape", x, shape=(2, 7))
    net.quantize("fixed<3,2,RND,SAT>")
    branches.append(net.pool("maxpool", [2]))
    net.add("reshape", x, shape=(1, 7, 2))
    branches.append(net.add("upsample", size=[3, 1]))
    return joined(net, branches)


@BOTH
@pytest.mark.parametrize("make", [maps, elements, images, signals, narrow])
def test_operations_are_exact(make, io, tmp_path):
    assert_exact(make().network(), tmp_path, io, backend="Vivado" if io == "io_stream" else "Vitis")


@pytest.mark.slow
@BOTH
@pytest.mark.parametrize("make", [odd_images, odd_signals])
def test_odd_shapes_are_exact(make, io, tmp_path):
    firmware = assert_exact(make().network(), tmp_path, io)
    x = samples(np.random.default_rng(2), firmware.network, 200)
    assert np.array_equal(firmware.predict(x), run(firmware.network, x))


@pytest.mark.slow
@pytest.mark.parametrize("reuse", [1, 3, 6, 18])
def test_resource_strategy_is_exact_where_sums_wrap(reuse, tmp_path):
    """Products are rounded one by one, sums wrap, so the order of additions is free; a depthwise layer shares multipliers in streams."""
    out = FixedType.parse("fixed<7,3,RND_CONV>")
    net = Net(FixedType(4, 2), (5, 6, 2))
    net.conv("conv2d", (2, 2), 2, name="c", out=out)
    net.conv("depthwise2d", (3, 3), 1, name="d", out=out)
    net.add("flatten")
    net.weighted("dense", (12, 4), name="e", out=out)
    plan = {"c": ("resource", 8), "d": ("resource", reuse), "e": ("resource", 12)}
    assert_exact(net.network(), tmp_path, "io_stream", plan=plan)


def random_network(rng: np.random.Generator) -> IntegerNetwork:
    """Up to eight random operations on an image or a signal, then a dense layer; widths are cut now and then so that types stay small."""
    axes = int(rng.integers(1, 3))
    net = Net(random_type(rng), (*(int(n) for n in rng.integers(4, 8, axes)), int(rng.integers(1, 4))), int(rng.integers(2**31)))

    def pick(*values):
        return values[int(rng.integers(len(values)))]

    for _ in range(int(rng.integers(4, 9))):
        node = net.nodes[net.at]
        *spatial, channels = node.shape
        window = [int(rng.integers(1, min(3, n) + 1)) for n in spatial]
        strides = [int(s) for s in rng.integers(1, 3, axes)]
        padding = pick("valid", "same")
        op = pick(
            "conv",
            "depthwise",
            "dense",
            "scale",
            "clip",
            "leaky",
            "each",
            "shift",
            "threshold",
            "max",
            "sum",
            "avg",
            "permute",
            "pad",
            "up",
            "join",
        )
        if node.out.width > 9:
            op = "cut"
        if op == "conv":
            net.conv(f"conv{axes}d", tuple(window), int(rng.integers(1, 4)), strides=strides, padding=padding)
        elif op == "depthwise":
            net.conv(f"depthwise{axes}d", tuple(window), pick(1, 1, 2), strides=strides, padding=padding, dilation=[1] * axes)
        elif op == "dense":
            net.weighted("dense", (channels, int(rng.integers(1, 4))))
        elif op == "scale":
            net.add("scale", kernel=tensor(net.rng, (channels,), FixedType(4, 1)), bias=tensor(net.rng, (channels,), FixedType(5, 2)))
        elif op == "clip":
            low, high = np.sort(rng.integers(node.out.low, node.out.high + 1, 2))
            net.add("clip", low=int(low), high=int(high), out=FixedType(node.out.width, node.out.integer, node.out.signed))
        elif op == "leaky":
            net.add("leaky_relu", shift=int(rng.integers(1, 4)))
        elif op == "each":
            params = {"bits": rng.integers(0, 7, channels).tolist(), "integer": rng.integers(-1, 4, channels).tolist()}
            net.add("quantize_each", out=FixedType(11, 3, bool(rng.random() < 0.5), "TRN", "SAT"), **params)
        elif op == "shift":
            net.add("shift", shift=int(rng.integers(-3, 4)))
        elif op == "threshold":
            found = np.unique(rng.integers(node.out.low, node.out.high + 1, int(rng.integers(1, 6))))
            out = FixedType(3, int(rng.integers(-1, 4)))
            net.add("threshold", thresholds=found.tolist(), values=rng.integers(out.low, out.high + 1, len(found) + 1).tolist(), out=out)
        elif op in ("max", "sum"):
            net.pool(f"{op}pool", window, strides, padding)
        elif op == "avg":
            net.pool("avgpool", window, strides, padding, out=random_type(rng))
        elif op == "permute":
            net.add("permute", axes=[int(a) for a in rng.permutation(axes + 1)])
        elif op == "pad":
            net.add("zeropad", pads=rng.integers(0, 2, (axes, 2)).tolist())
        elif op == "up":
            net.add("upsample", size=[int(n) for n in rng.integers(1, 3, axes)])
        elif op == "join":
            other = net.quantize(str(random_type(rng)), node.name)
            join = pick("add", "concatenate")
            settings = {} if join == "add" else {"axis": int(rng.integers(axes + 1))}
            net.add(join, *pick((node.name, other), (other, node.name, other)), **settings)
        else:
            net.quantize(str(random_type(rng)))
        if np.prod(net.nodes[net.at].shape) > 120:
            break
    net.add("flatten")
    net.weighted("dense", (net.nodes[net.at].shape[0], 2))
    return net.network()


def random_type(rng: np.random.Generator) -> FixedType:
    width = int(rng.integers(2, 7))
    return FixedType(
        width, int(rng.integers(0, width + 1)), bool(rng.random() < 0.6), str(rng.choice(ROUNDINGS)), str(rng.choice(OVERFLOWS))
    )


@pytest.mark.slow
@BOTH
@settings(max_examples=6, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1))
def test_random_networks_are_exact(io, seed, tmp_path):
    assert_exact(random_network(np.random.default_rng(seed)), tmp_path / f"{seed}", io, 100)
