"""QKeras forward and emulation of the lowered network: every bit equal, on real images and on random models."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fpgacompress.firmware.verify import KerasExecutor, verify
from fpgacompress.integer import FixedType, trace
from fpgacompress.keras_stack import load_model, load_tfmot
from fpgacompress.lower import lower

from .models import MODELS, L, Q, keras, mlp, qkeras, scatter

PIXELS = FixedType(8, 0, False)
FILE = Path(__file__).parents[2] / "demos/data/fashion_mnist/t10k-images-idx3-ubyte.gz"


def images(count: int, size: int) -> np.ndarray:
    """Real Fashion-MNIST test images as stored integers, (count, 28, 28, 1), every second pixel for size 14."""
    raw = np.frombuffer(gzip.decompress(FILE.read_bytes()), np.uint8, offset=16, count=count * 784)
    return raw.reshape(-1, 28, 28, 1)[:, :: 28 // size, :: 28 // size].astype(np.int64)


@pytest.mark.parametrize("name", MODELS)
def test_real_images(name):
    model = MODELS[name]()
    network = lower(model, PIXELS)
    x = images(2000, 28 if name == "mlp" else 14)
    report = verify(network, x, {"keras": KerasExecutor(model, network)})
    assert report.differing_bits == 0 and report.samples == 2000 and report.first_difference is None
    assert network.output.shape == (10,)


@pytest.mark.parametrize("name", MODELS)
def test_every_layer_is_comparable(name):
    """The Keras trace covers what the emulation computes, and agrees with it."""
    model = MODELS[name](seed=3)
    network = lower(model, PIXELS)
    x = images(20, 28 if name == "mlp" else 14)
    mine, theirs = trace(network, x), KerasExecutor(model, network).trace(x)
    assert set(theirs) >= {n.name for n in network.nodes if n.op == "quantize"}
    for layer, value in theirs.items():
        assert np.array_equal(value, mine[layer]), layer


def test_types_are_those_of_the_quantizers():
    network = lower(mlp(), PIXELS)
    assert str(network.node("fc1").kernel.type) == "fixed<6,-2>"
    assert str(network.node("fc1_relu").out) == "ufixed<6,2,RND_CONV,SAT>"
    assert network.node("fc1").out.fraction == 16 and network.input.out == PIXELS


def test_a_difference_is_found_and_named():
    """Three executors: the model agrees, a model whose second layer was changed afterwards is named with layer, sample and both values."""
    model = mlp()
    network = lower(model, PIXELS)
    x = images(50, 28)
    kernel = model.get_layer("fc2").kernel
    kernel.assign(-kernel)
    report = verify(network, x, {"keras": KerasExecutor(model, network)})
    first = report.first_difference
    assert not report.exact and report.differing_bits >= report.differing_samples > 0
    assert first["layer"] == "fc2" and first["expected"] != first["got"] and 0 <= first["sample"] < 50
    assert {"samples", "outputs", "differing_bits", "differing_samples", "executors", "first_difference"} <= set(report.to_json())


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**31), st.data())
def test_random_mlps(seed, data):
    """Random widths, bits, ranges and signs, weights wide enough to saturate, random inputs: emulation equals QKeras."""
    draw = data.draw
    model = keras.Sequential([keras.Input((draw(st.integers(1, 12)),), name="x")])
    for i in range(draw(st.integers(1, 3))):
        bits, integer = draw(st.integers(2, 8)), draw(st.integers(-4, 3))
        model.add(
            qkeras.QDense(
                draw(st.integers(1, 9)),
                kernel_quantizer=f"quantized_bits({bits},{integer},{draw(st.integers(0, 1))},alpha=1)",
                bias_quantizer=f"quantized_bits({draw(st.integers(2, 8))},{draw(st.integers(-3, 3))},alpha=1)",
                use_bias=draw(st.booleans()),
                name=f"fc{i}",
            )
        )
        bits, integer = draw(st.integers(2, 8)), draw(st.integers(-2, 4))
        form = draw(
            st.sampled_from(
                [
                    "quantized_relu({},{})",
                    "quantized_bits({},{},alpha=1)",
                    "quantized_bits({},{},1,alpha=1)",
                    "quantized_bits({},{},0,keep_negative=False,alpha=1)",
                ]
            )
        )
        model.add(qkeras.QActivation(form.format(bits, integer), name=f"act{i}"))
    scatter(model, seed, draw(st.sampled_from([0.05, 0.5, 3.0])))
    kind = FixedType(draw(st.integers(2, 8)), draw(st.integers(-1, 3)), draw(st.booleans()))
    network = lower(model, kind)
    x = np.random.default_rng(seed).integers(kind.low, kind.high + 1, (100, *network.input.shape))
    report = verify(network, x, {"keras": KerasExecutor(model, network)})
    assert report.differing_bits == 0, report.first_difference


def test_pruning_wrappers_are_looked_through():
    wrapped = keras.Sequential(
        [
            keras.Input((6,), name="x"),
            load_tfmot().prune_low_magnitude(qkeras.QDense(4, name="fc", **Q)),
            qkeras.QActivation("quantized_relu(4,1)", name="r"),
        ]
    )
    network = lower(wrapped, FixedType(6, 1))
    assert [n.name for n in network.nodes] == ["x", "fc", "r"]
    x = np.random.default_rng(0).integers(-32, 32, (64, 6))
    assert verify(network, x, {"keras": KerasExecutor(wrapped, network)}).exact


def test_saved_models_lower_the_same(tmp_path):
    from fpgacompress.integer import network_hash

    model = MODELS["cnn"]()
    model.save(tmp_path / "m.h5", save_format="h5")
    assert network_hash(lower(load_model(tmp_path / "m.h5"), PIXELS)) == network_hash(lower(model, PIXELS))


def test_names_may_repeat_across_wrapped_parts():
    """Two activations named like generated nodes still give unique nodes."""
    x = i = L.Input((3,), name="x")
    x = qkeras.QDense(3, activation="quantized_relu(4,1)", name="a", **Q)(x)
    x = qkeras.QActivation("quantized_relu(3,1)", name="a_act")(x)
    network = lower(keras.Model(i, x), FixedType(4, 1))
    assert [n.name for n in network.nodes] == ["x", "a", "a_act", "a_act_2"]
