"""Zeros that free multipliers: hls4ml's unrolled Resource strategy, with groups of weights that are zero together."""

import re

import numpy as np
import pytest

from fpgacompress import zoo
from fpgacompress.errors import HardwareError
from fpgacompress.firmware.hls import generate
from fpgacompress.firmware.limits import check_request
from fpgacompress.firmware.verify import HlsExecutor, verify
from fpgacompress.hardware.board import load_board
from fpgacompress.hardware.estimate import estimate
from fpgacompress.hardware.factors import LayerPlan
from fpgacompress.hardware.reuse import plan
from fpgacompress.integer import FixedType, IntegerNetwork, Node, Tensor
from fpgacompress.keras_stack import seed_everything
from fpgacompress.lower import lower
from fpgacompress.prune import prune
from fpgacompress.quantize.build import quantized_student
from fpgacompress.recipe import PruneSection, QuantizeSection
from fpgacompress.train import TrainConfig, TrainingData, fit
from fpgacompress.train.loop import steps_of

REUSE = 8


@pytest.fixture(scope="module")
def network():
    """A network of 16 inputs, three quarters of whose groups of eight weights are pruned while it trains."""
    seed_everything(0)
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 1, (512, 16)).astype(np.float32)
    y = (x[:, :4].sum(1) > x[:, 4:8].sum(1)).astype(np.int64)
    wide = QuantizeSection(default={"kernel": 12, "activation": 12, "bias": 12})
    model = quantized_student(zoo.build("mlp", (16,), 2, {"hidden": [16, 8]}), wide, x)
    config = TrainConfig(6, batch_size=32, learning_rate=5e-3, select_from=0.5)
    section = PruneSection(method="aligned", sparsity=0.75, options={"reuse": REUSE}, layers={"logits": 0}, frequency=8)
    data = TrainingData(x, y, x[:128], y[:128])
    fit(model, data, config, pruning=prune(model, section, steps_of(len(x), config)))
    return lower(model, FixedType.parse("ufixed<12,0>"), "net")


def plan_of(network, strategy):
    return {
        node.name: LayerPlan(strategy if node.name.startswith("hidden") else "Latency", REUSE if node.name.startswith("hidden") else 1)
        for node in network.weighted
    }


@pytest.mark.parametrize(("backend", "io"), [("Vitis", "io_parallel"), ("Vivado", "io_stream")])
def test_multipliers_without_weights_are_gone_and_no_bit_differs(network, backend, io, tmp_path):
    firmware = generate(network, tmp_path / "net", backend=backend, io=io, plan=plan_of(network, "Resource_Unrolled"))
    stored = np.random.default_rng(1).integers(0, 4096, (400, 16))
    report = verify(network, stored, {"hls": HlsExecutor(firmware)})
    assert report.differing_bits == 0 and report.samples == 400
    code = "".join(path.read_text() for path in tmp_path.rglob("nnet_code_gen.h"))
    limits = [int(n) for n in re.findall(r"instances=mul limit=(\d+)", code)]
    kernels = {node.name: np.asarray(node.kernel.values) for node in network.weighted}
    alive = [int(np.any(kernels[n].T.reshape(-1, REUSE), axis=1).sum()) for n in ("hidden1", "hidden2")]
    assert limits == alive and alive[0] == 16 * 16 // REUSE // 4
    assert code.count("] += ") == sum(np.count_nonzero(kernels[n]) for n in ("hidden1", "hidden2"))


def test_the_estimate_counts_the_multipliers_that_are_left(network):
    board = load_board("zcu102")
    whole, sparse = (estimate(network, board=board, plan=plan_of(network, s)) for s in ("Resource", "Resource_Unrolled"))
    rows = {told.strategy: {row["name"]: row for row in told.layers} for told in (whole, sparse)}
    assert len(rows) == 1 and whole.strategy == sparse.strategy == "mixed"
    first, fewer = whole.layers[0], sparse.layers[0]
    assert (first["mults"], fewer["mults"]) == (32, 8) and (first["dsp"].value, fewer["dsp"].value) == (32, 8)
    assert fewer["dsp"].provenance == "extrapolated" and fewer["zeros_exploited"] and not first["zeros_exploited"]
    assert sparse.total["latency_cycles"].value == whole.total["latency_cycles"].value
    for name in ("latency_cycles", "ii", "bram18", "dsp"):
        assert sparse.total[name].provenance == "extrapolated"
    assert not any("are extrapolated" in note for note in sparse.notes)
    assert not sparse.total["lut"].available and "Resource_Unrolled" in sparse.total["lut"].reason and sparse.fits is None


def test_plans(network):
    board = load_board("zcu102")
    assert {p.strategy for p in plan(network, board=board, strategy="resource_unrolled").values()} == {"Resource_Unrolled"}
    given = plan(network, board=board, strategy="resource_unrolled", reuse={"hidden1": 4, "hidden2": 1})
    assert given["hidden1"] == LayerPlan("Resource_Unrolled", 4) and given["hidden2"] == LayerPlan("Resource", 1)
    assert all(p.strategy != "Resource_Unrolled" for p in plan(network, board=board).values())
    with pytest.raises(HardwareError, match="with reuse factor 5.*from 2 to the 16 inputs; the nearest are 4 and 8"):
        plan(network, board=board, strategy="resource_unrolled", reuse=5)


def test_code_that_no_compiler_takes_is_refused(network, monkeypatch, tmp_path):
    from fpgacompress.firmware import limits

    monkeypatch.setattr(limits, "LATENCY_LIMIT", 10)
    with pytest.raises(HardwareError, match="'hidden1' in strategy resource_unrolled has .* lines of C..*1 to 10"):
        limits.check_lines(network, {"hidden1": ("resource_unrolled", REUSE), "hidden2": ("resource", REUSE)})
    limits.check_lines(network, {"hidden1": ("resource", REUSE)})


def test_factors_that_hls4ml_writes_otherwise_are_not_planned(network):
    """Above the inputs its code has more multipliers than groups, and the largest factor it refuses: a layer of a prime number of outputs."""
    rng = np.random.default_rng(0)

    def one(inputs, outputs):
        kernel = Tensor(rng.integers(-3, 4, (inputs, outputs)), FixedType(4, 1))
        return IntegerNetwork(
            "one", (Node("x", "input", (), FixedType(6, 0), (inputs,)), Node("fc", "dense", ("x",), FixedType(18, 9), (outputs,), kernel))
        )

    board = load_board("zcu102")
    for inputs, outputs in ((16, 7), (16, 2), (8, 8)):
        (found,) = plan(one(inputs, outputs), board=board, strategy="resource_unrolled").values()
        assert found.strategy == "Resource_Unrolled" and 2 <= found.reuse <= inputs
        with pytest.raises(HardwareError, match=f"with reuse factor {inputs * outputs}"):
            estimate(one(inputs, outputs), board=board, plan={"fc": LayerPlan("Resource_Unrolled", inputs * outputs)})
    (tiny,) = plan(one(1, 1), board=board, strategy="resource_unrolled").values()
    assert tiny.strategy != "Resource_Unrolled"
    with pytest.raises(HardwareError, match="VivadoAccelerator, which hls4ml does not write"):
        check_request(network, {"hidden1": ("resource_unrolled", 8)}, "VivadoAccelerator", "io_parallel")
