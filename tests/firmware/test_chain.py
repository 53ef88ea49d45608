"""The chain on real images: QKeras = emulation = hls4ml's C simulation, every output bit."""

import json

import numpy as np
import pytest
from lower.models import MODELS
from lower.test_lower import PIXELS, images

from fpgacompress.firmware.hls import Firmware, generate
from fpgacompress.firmware.verify import HlsExecutor, IntegerExecutor, KerasExecutor, verify
from fpgacompress.hardware import toolchains
from fpgacompress.integer import FixedType, IntegerNetwork, load, network_hash, run, trace
from fpgacompress.lower import lower

pytestmark = pytest.mark.skipif(toolchains.find("g++") is None, reason="g++ is not there")


def legal_plan(network: IntegerNetwork, strategy: str) -> dict[str, tuple[str, int]]:
    """Resource everywhere at reuse n_in (dense) or the kernel's size (convolution); or latency where it may be."""
    plan = {}
    for node in network.weighted:
        n_in = int(np.prod(node.kernel.values.shape[:-1]))
        if strategy == "resource" or node.kernel.values.size > 4096:
            plan[node.name] = ("resource", n_in)
    return plan


def check(name: str, folder, backend: str, io: str, strategy: str, count: int) -> Firmware:
    model = MODELS[name]()
    network = lower(model, PIXELS)
    x = images(count, 28 if name == "mlp" else 14)
    firmware = generate(
        network, folder / name, backend=backend, io=io, plan=legal_plan(network, strategy), vectors=x[:10], preprocessing={"scale": 2**-8}
    )
    report = verify(network, x, {"keras": KerasExecutor(model, network), "integer": IntegerExecutor(network), "hls": HlsExecutor(firmware)})
    expected = {
        "samples": count,
        "outputs": 10,
        "differing_bits": 0,
        "differing_samples": 0,
        "executors": ["integer", "keras", "hls"],
        "first_difference": None,
        "by_executor": {"keras": 0, "integer": 0, "hls": 0},
    }
    told = report.to_json()
    assert {key: told[key] for key in expected} == expected
    return firmware


@pytest.fixture(scope="module")
def mlp(tmp_path_factory) -> Firmware:
    """A 784-32-16-10 MLP in Resource strategy, compiled, equal on 1000 images."""
    return check("mlp", tmp_path_factory.mktemp("mlp"), "Vitis", "io_parallel", "resource", 1000)


def test_mlp_project_is_complete(mlp):
    folder = mlp.project_dir
    assert network_hash(load(folder / "network.npz")) == network_hash(mlp.network)
    assert json.loads((folder / "preprocessing.json").read_text()) == {"scale": 2**-8}
    x = np.loadtxt(folder / "tb_data/tb_input_features.dat")
    y = np.loadtxt(folder / "tb_data/tb_output_predictions.dat")
    stored = mlp.network.input.out.exactly(x)
    assert x.shape == (10, 784) and np.array_equal(mlp.network.output.out.exactly(y), run(mlp.network, stored))
    readme = (folder / "README.md").read_text()
    assert "vitis-run --mode hls --tcl build_prj.tcl" in readme and "ufixed<6,2,RND_CONV,SAT>" in readme and "resource | 784" in readme
    assert (folder / "build_prj.tcl").is_file() and "OutputDir: mlp" in (folder / "hls4ml_config.yml").read_text()


def test_mlp_real_values_are_cast_like_inputs(mlp):
    stored = images(5, 28).reshape(5, 784)
    real = (stored / 256).astype(np.float32)
    assert np.array_equal(mlp.predict(real), mlp.predict(stored))


def test_mlp_is_compiled_once(mlp):
    again = Firmware(mlp.project_dir, mlp.network, mlp.name).compile()
    assert again.compile_seconds < 1


def test_mlp_tampered_firmware_is_found(mlp, tmp_path):
    """Weights on disk are changed by one step: verify names the layer, from the C simulation's own trace."""
    network = lower(MODELS["mlp"](seed=1), PIXELS)
    report = verify(network, images(100, 28), {"hls": HlsExecutor(mlp)})
    assert not report.exact and report.first_difference["layer"] == "fc1" and report.first_difference["executor"] == "hls"


def test_mlp_trace_equals_emulation(mlp):
    x = images(4, 28)
    want, got = trace(mlp.network, x), mlp.trace(x)
    assert set(got) == {n.name for n in mlp.network.nodes if n.op != "input"}
    assert all(np.array_equal(want[name], got[name]) for name in got)


def test_mlp_random_inputs(mlp):
    x = np.random.default_rng(0).integers(0, 256, (300, 784))
    assert np.array_equal(mlp.predict(x), run(mlp.network, x))


def test_cnn_stream(tmp_path):
    check("cnn", tmp_path, "Vitis", "io_stream", "latency", 500)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, backend, io, strategy",
    [
        ("cnn", "Vitis", "io_parallel", "latency"),
        ("cnn", "Vivado", "io_stream", "resource"),
        ("cnn1d", "Vitis", "io_stream", "latency"),
        ("cnn1d", "Vitis", "io_parallel", "resource"),
        ("residual", "Vitis", "io_stream", "resource"),
        ("residual", "Vivado", "io_parallel", "latency"),
        ("mlp", "VivadoAccelerator", "io_stream", "resource"),
        ("mlp", "Vivado", "io_parallel", "resource"),
    ],
)
def test_other_ways(name, backend, io, strategy, tmp_path):
    check(name, tmp_path, backend, io, strategy, 500)


def test_every_rounding_and_overflow(tmp_path):
    """Types no QKeras quantizer makes: TRN, RND, WRAP and SAT_SYM, wide and narrow, in one random network."""
    from integer.networks import samples, tensor

    from fpgacompress.integer.types import OVERFLOWS, ROUNDINGS
    from fpgacompress.lower.builder import Builder

    rng = np.random.default_rng(0)
    net = Builder("modes")
    at = net.input("x", FixedType(7, 2), (12,))
    for i, (rounding, overflow) in enumerate((r, o) for r in ROUNDINGS for o in OVERFLOWS):
        at = net.weighted(f"fc{i}", "dense", at, (12,), tensor(rng, (12, 12), FixedType(4, 0)), tensor(rng, (12,), FixedType(6, 1)))
        at = net.quantize(f"q{i}", at, FixedType(6, 3, bool(i % 2), rounding, overflow))
    network = net.network()
    x = samples(rng, network, 2000)
    report = verify(network, x, {"hls": HlsExecutor(generate(network, tmp_path / "modes"))})
    assert report.exact, report.first_difference
