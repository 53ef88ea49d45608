"""Verify: every layer of every executor, sources of inputs told apart, TensorFlow's own rounding proven and not forgiven blindly."""

import json

import numpy as np
import pytest
from lower.models import MODELS, L, Q, keras, qkeras, scatter

from fpgacompress.errors import ModelError
from fpgacompress.firmware.executors import IntegerExecutor, KerasExecutor
from fpgacompress.firmware.verify import differing_bits, verify
from fpgacompress.integer import FixedType, run
from fpgacompress.integer.vectors import corners, random_inputs
from fpgacompress.lower import lower

PIXELS = FixedType(8, 0, False)


def wide_mlp(seed: int = 0):
    """Sums of up to 33 bits, which float32 cannot hold; every kind of quantizer cast behind them."""
    fine = {"kernel_quantizer": "quantized_bits(14,2,alpha=1)", "bias_quantizer": "quantized_bits(14,3,alpha=1)"}
    x = i = L.Input((48,), name="x")
    x = qkeras.QDense(24, name="fc1", **fine)(x)
    x = qkeras.QActivation("quantized_relu(16,4)", name="relu1")(x)
    x = qkeras.QDense(12, name="fc2", **fine)(x)
    x = qkeras.QActivation("quantized_bits(18,6,alpha=1)", name="linear2")(x)
    return scatter(keras.Model(i, qkeras.QDense(5, name="logits", **fine)(x), name="wide"), seed, 1.5)


@pytest.fixture(scope="module")
def wide():
    model = wide_mlp()
    return model, lower(model, FixedType(14, 2))


def test_float32_rounding_is_proven_and_told_and_not_counted(wide):
    model, network = wide
    x = random_inputs(network, 300)
    raw = KerasExecutor(model, network)(x)
    assert not np.array_equal(raw, run(network, x)), "the test needs a model that float32 really gets wrong"
    report = verify(network, {"random": x, "corners": corners(network, limit=100)}, {"keras": KerasExecutor(model, network)})
    assert report.exact and report.differing_bits == 0 and report.differing_samples == 0 and report.first_difference is None
    told = report.float32_inexact
    assert told["samples"] > 100 and told["layer"] == "fc1" and told["executor"] == "keras" and told["expected"] != told["got"]
    assert any("float64 gives the integers bit for bit" in note for note in report.notes)
    assert keras.backend.floatx() == "float32"
    assert model.predict(np.zeros((1, 48), np.float32), verbose=0).dtype == np.float32


def test_a_real_difference_is_not_excused_as_rounding(wide):
    """The same model with one weight moved by one step: float64 differs from the integers too."""
    model, network = wide
    other = keras.models.clone_model(model)
    other.set_weights(model.get_weights())
    kernel = other.get_layer("fc2").kernel
    kernel.assign(kernel.numpy() + np.where(np.arange(kernel.shape[1]) == 3, 2.0**-11, 0).astype(np.float32))
    report = verify(network, random_inputs(network, 60), {"keras": KerasExecutor(other, network)})
    assert not report.exact and report.differing_samples == 60
    assert report.first_difference["executor"] == "keras" and report.first_difference["source"] == "inputs"
    assert report.by_layer["keras"]["fc2"] > 0


@pytest.mark.parametrize("form", ["quantized_bits({},{},alpha=1)", "quantized_relu({},{})", "quantized_bits({},{},1,alpha=1)"])
def test_float64_follows_every_quantizer(form):
    """A cast behind a 30-bit sum, compared in float64: the quantizer itself must not fall back to float32."""
    fine = {"kernel_quantizer": "quantized_bits(12,1,alpha=1)", "bias_quantizer": "quantized_bits(12,1,alpha=1)"}
    layers = [L.Input((32,), name="x"), qkeras.QDense(16, name="fc", **fine), qkeras.QActivation(form.format(24, 6), name="act")]
    model = scatter(keras.Sequential([*layers, qkeras.QDense(2, name="out", **Q)], name="casts"), 3, 1.0)
    network = lower(model, FixedType(14, 2))
    report = verify(network, random_inputs(network, 200, seed=2), {"keras": KerasExecutor(model, network)})
    assert report.exact and report.float32_inexact["samples"] > 50


def test_a_cast_of_large_values_to_a_fine_grid_is_proven_too():
    """No sum passes 24 bits, but QKeras' ``x + (q - x)`` does; the network names the cast beforehand."""
    coarse = {"kernel_quantizer": "quantized_bits(4,12,alpha=1)", "use_bias": False}
    layers = [
        L.Input((4,), name="x"),
        qkeras.QDense(6, name="fc", **coarse),
        qkeras.QActivation("quantized_bits(12,0,alpha=1)", name="act"),
    ]
    model = scatter(keras.Sequential([*layers, qkeras.QDense(2, name="out", **Q)], name="cast"), 3, 2000.0)
    network = lower(model, FixedType(6, 6))
    report = verify(network, random_inputs(network, 200), {"keras": KerasExecutor(model, network)})
    assert any("'act'" in note for note in report.notes) and not any("'fc'" in note for note in report.notes)
    assert report.exact and report.float32_inexact["layer"] == "act"


@pytest.mark.parametrize("name", MODELS)
def test_every_layer_is_compared(name):
    model = MODELS[name](seed=2)
    network = lower(model, PIXELS)
    report = verify(
        network,
        {"random": random_inputs(network, 60), "corners": corners(network, limit=60)},
        {"keras": KerasExecutor(model, network), "integer": IntegerExecutor(network)},
    )
    assert report.exact and report.samples > 100 and report.float32_inexact is None
    assert report.layers_compared["integer"] == [n.name for n in network.nodes]
    skipped = {n.name for n in network.nodes} - set(report.layers_compared["keras"])
    inner = {f"{layer.name}" for layer in model.layers if getattr(layer, "activation", None) is not None}
    assert skipped <= inner, "only sums inside a layer with its own activation have no Keras tensor"
    assert report.sources["random"]["executors"]["keras"] == {"samples": 60, "traced": 60, "differing_bits": 0}
    assert report.saturations["reached"] > 0 and report.saturations["reached"] <= report.saturations["possible"]


class Wrong:
    """The emulation with one bit of one hidden value flipped in one sample."""

    def __init__(self, network, layer, sample):
        self.inner, self.network, self.layer, self.sample, self.seen = IntegerExecutor(network), network, layer, sample, 0

    def __call__(self, stored):
        return self.inner(stored)

    def trace(self, stored):
        found = self.inner.trace(stored)
        if self.seen <= self.sample < self.seen + len(stored):
            found[self.layer][self.sample - self.seen].flat[1] ^= 1
        self.seen += len(stored)
        return found


@pytest.mark.parametrize("sample", [0, 777, 9999])
def test_a_hidden_bit_is_enough(sample):
    """One flipped bit in a hidden layer of one of 10,000 samples: not exact, though all outputs agree."""
    network = lower(MODELS["mlp"](), PIXELS)
    report = verify(network, random_inputs(network, 10_000), {"broken": Wrong(network, "fc2_relu", sample)})
    assert not report.exact and report.differing_bits == report.differing_samples == 1
    first = report.first_difference
    assert (first["layer"], first["sample"], first["element"], first["executor"]) == ("fc2_relu", sample, [1], "broken")
    assert first["expected"] ^ first["got"] == 1 and report.by_layer == {"broken": {"fc2_relu": 1}}


def test_limits_of_slow_executors_are_kept_and_told():
    network = lower(MODELS["mlp"](), PIXELS)
    slow = IntegerExecutor(network)
    slow.limit, slow.traced = 30, 10
    report = verify(network, {"a": random_inputs(network, 50), "b": random_inputs(network, 20)}, {"slow": slow})
    assert report.sources["a"]["executors"]["slow"] == {"samples": 30, "traced": 10, "differing_bits": 0}
    assert report.sources["b"]["executors"]["slow"] == {"samples": 20, "traced": 10, "differing_bits": 0}
    assert report.samples == 70


def test_values_between_levels_differ():
    kind = FixedType(8, 3)
    assert differing_bits(np.array([4]), np.array([4.25]), kind).tolist() == [1]
    assert differing_bits(np.array([4, 4]), np.array([5.0, np.nan]), kind).tolist() == [1, 1]
    assert differing_bits(np.array([-1]), np.array([0]), kind).tolist() == [8]
    assert differing_bits(np.array([0]), np.array([256]), kind).tolist() == [1]


def test_wrong_shape_is_refused():
    network = lower(MODELS["mlp"](), PIXELS)
    with pytest.raises(ModelError, match="executor 'odd' returned shape"):
        verify(network, random_inputs(network, 4), {"odd": lambda stored: np.zeros((4, 3), np.int64)})


def test_json_has_the_stable_keys():
    network = lower(MODELS["mlp"](), PIXELS)
    told = verify(network, random_inputs(network, 4), {"integer": IntegerExecutor(network)}).to_json()
    stable = ["samples", "outputs", "differing_bits", "differing_samples", "executors", "first_difference", "notes", "by_executor"]
    added = ["sources", "layers_compared", "by_layer", "saturations", "float32_inexact"]
    assert list(told) == stable + added and json.loads(json.dumps(told)) == told


def test_a_simplified_network_is_compared_channel_by_channel():
    """The simplified network as an executor: its fewer channels are compared with the same channels of the whole one."""
    from fpgacompress.integer import simplify

    model = MODELS["mlp"]()
    model.get_layer("fc1").set_weights([w * (np.arange(32) % 2) for w in model.get_layer("fc1").get_weights()])
    network = lower(model, PIXELS)
    smaller = simplify(network)
    executor = IntegerExecutor(smaller.network)
    executor.kept = smaller.kept
    report = verify(network, random_inputs(network, 50), {"simplified": executor})
    assert smaller.network.node("fc1").shape == (16,) and report.exact
    assert report.layers_compared["simplified"] == [n.name for n in network.nodes]
    del executor.kept
    with pytest.raises(ModelError, match=r"returned shape \(50, 16\).*\(50, 32\)"):
        verify(network, random_inputs(network, 50), {"simplified": executor})
