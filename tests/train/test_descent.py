"""Descent weight by weight: what is tried is what would come of it, what is kept costs less, and the student is the one that was found."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fpgacompress import zoo
from fpgacompress.errors import UnsupportedError
from fpgacompress.integer import run
from fpgacompress.integer.types import FixedType
from fpgacompress.keras_stack import load, seed_everything
from fpgacompress.lower import lower
from fpgacompress.metrics.cost import channel_bits, ebops
from fpgacompress.prune import prune
from fpgacompress.quantize.build import build_student
from fpgacompress.quantize.learned import fixed_twin, learned_twin
from fpgacompress.quantize.learned.twin import round_biases
from fpgacompress.recipe import PruneSection, QuantizeSection
from fpgacompress.train import TrainConfig, TrainingData, fit, logits_of
from fpgacompress.train.chain import Chain, layers_of, places, put_back
from fpgacompress.train.descent import Descent, can_descend, neighbours, used_bits

KIND = FixedType(8, 3, True, "RND_CONV", "SAT")


@pytest.fixture(scope="module")
def rings():
    """400 points of three rings in 6 features, of which 4 are noise, in the input type."""
    rng = np.random.default_rng(4)
    y = rng.integers(0, 3, 400)
    angle, radius = rng.uniform(0, 2 * np.pi, 400), 0.5 + y + rng.normal(0, 0.15, 400)
    x = np.stack([radius * np.cos(angle), radius * np.sin(angle), *rng.normal(0, 1, (4, 400))], axis=1)
    return KIND.to_float(KIND.quantize(x)).astype(np.float32), y.astype(np.int32)


@pytest.fixture(scope="module")
def trained(rings):
    seed_everything(5)
    model = zoo.build("mlp", (6,), 3, {"hidden": [10, 6]})
    fit(model, TrainingData(*rings, *rings), TrainConfig(30, learning_rate=1e-2, batch_size=32))
    section = QuantizeSection(preset="int4", input=KIND.width, input_integer=KIND.integer - KIND.signed)
    return build_student(model, section, rings[0]).model


def twin_of(trained, activations="channel"):
    twin = learned_twin(trained, activations=activations)
    round_biases(twin)
    return twin


def entropy(y):
    return lambda logits: load().tf.reduce_mean(load().tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits))


@pytest.mark.parametrize("activations", ["channel", "tensor"])
def test_a_chain_computes_what_the_model_does(trained, rings, activations):
    twin = twin_of(trained, activations)
    chain = Chain(layers_of(twin, KIND.width), rings[0], entropy(rings[1]))
    assert np.array_equal(chain.z[-1].numpy().T, twin.predict(rings[0], verbose=0))


def test_losses_that_are_tried_come_true(trained, rings):
    chain = Chain(layers_of(twin_of(trained), KIND.width), rings[0], entropy(rings[1]))
    rng = np.random.default_rng(0)
    for place, layer in enumerate(chain.layers):
        for _ in range(4):
            row, column = (int(rng.integers(n)) for n in layer.kernel.shape)
            values, now = rng.choice([-1.0, -0.25, 0.0, 0.5, 2.0], 10), layer.kernel[row, column]
            told = chain.weights(place, row, column, values)
            layer.kernel[row, column] = values[3]
            assert chain.refresh() == pytest.approx(float(told[3]), rel=1e-5)
            layer.kernel[row, column] = now
            chain.refresh()
            row = int(rng.integers(len(layer.kernel) - 1))
            fraction, integer = rng.integers(-1, 4, 10).astype(float), rng.integers(-1, 4, 10).astype(float)
            told, before = chain.activations(place, row, fraction, integer), (layer.reads.fraction[row], layer.reads.integer[row])
            layer.reads.fraction[row], layer.reads.integer[row] = fraction[7], integer[7]
            assert chain.refresh() == pytest.approx(float(told[7]), rel=1e-5)
            layer.reads.fraction[row], layer.reads.integer[row] = before
            chain.refresh()


@pytest.mark.parametrize("activations", ["channel", "tensor"])
def test_sweeps_lower_the_priced_loss_and_leave_an_exact_student(trained, rings, activations):
    twin = twin_of(trained, activations)
    x, y = rings
    descent = Descent(twin, x, entropy(y), KIND.width)
    descent.read()
    price, seen = 1e-3, [descent.loss + 1e-3 * descent.cost]
    cost, rng = descent.cost, np.random.default_rng(2)
    while descent.sweep(price, rng):
        seen.append(descent.loss + price * descent.cost)
        assert len(seen) < 30
    descent.write()
    assert all(after < before for before, after in zip(seen, seen[1:])) and descent.cost < 0.7 * cost
    student = fixed_twin(twin, "truncate")
    network = lower(student, KIND)
    logits = logits_of(student, x)
    assert np.array_equal(network.output.out.to_float(run(network, KIND.exactly(x))), logits)
    assert np.array_equal(logits, descent.chain.z[-1].numpy().T)
    assert ebops(network).value <= descent.ebops < descent.cost
    if activations == "channel":
        assert ebops(network).value == descent.ebops
        biases = np.concatenate([node.bias.values[descent.heard(i)] for i, node in enumerate(network.weighted)])
        read = [np.any(node.kernel.values != 0, axis=1) for node in network.weighted[1:]]
        values = sum(np.sum(channel_bits(network, node.inputs[0])[heard]) for node, heard in zip(network.weighted[1:], read))
        assert descent.cost == pytest.approx(descent.ebops + 1.3 * used_bits(biases).sum() + 1.7 * values)


@pytest.mark.parametrize("activations", ["channel", "tensor"])
def test_what_a_change_is_said_to_cost_is_the_difference_of_the_costs(trained, rings, monkeypatch, activations):
    descent = Descent(twin_of(trained, activations), rings[0], entropy(rings[1]), KIND.width)
    descent.read()
    rng, told = np.random.default_rng(3), []

    def any_of_them(losses, costs, price):
        chosen = int(rng.integers(len(costs)))
        told.append((descent.cost, costs[chosen]))
        return chosen

    def visited(share):
        if told:
            before, change = told.pop()
            assert descent.cost == pytest.approx(before + change, abs=1e-6)
            changes.append(change)

    changes = []
    monkeypatch.setattr(descent, "_best", any_of_them)
    for _ in range(2):
        descent.sweep(1.0, np.random.default_rng(1), visited)
    assert len(changes) > 100 and min(changes) < 0 < max(changes)


def test_biases_stay_on_their_grid_while_activations_become_finer(trained, rings):
    twin = twin_of(trained)
    descent, begin = Descent(twin, rings[0], entropy(rings[1]), KIND.width), twin.get_weights()
    for seed, price in ((1, 0.0), (0, 1e-4)):
        twin.set_weights(begin)
        descent.read()
        rng = np.random.default_rng(seed)
        for _ in range(3):
            descent.sweep(price, rng)
            descent.write()
            assert np.array_equal(twin.predict(rings[0], verbose=0), descent.chain.z[-1].numpy().T)


def test_a_sweep_tells_how_far_it_is(trained, rings):
    descent = Descent(twin_of(trained), rings[0], entropy(rings[1]), KIND.width)
    told = []
    descent.sweep(1e-3, np.random.default_rng(1), told.append)
    assert np.allclose(told, np.arange(1, len(told) + 1) / len(told)) and len(told) > 100


def test_a_hidden_value_that_is_worth_little_goes_as_a_whole(trained, rings):
    """Its weights one by one would each cost accuracy before the last one saves the value."""
    descent = Descent(twin_of(trained), rings[0], entropy(rings[1]), KIND.width)
    descent.read()
    assert np.all(descent.heard(0)) and len(descent.heard(0)) == 10
    descent.sweep(1e-2, np.random.default_rng(1))
    hidden = descent.layers[1]
    gone = hidden.reads.bits == 0
    assert np.count_nonzero(gone) >= 3
    assert not np.any(descent.layers[0].kernel[:, gone]) and not np.any(hidden.kernel[:-1][gone])
    descent.write()
    assert np.array_equal(descent.model.predict(rings[0], verbose=0), descent.chain.z[-1].numpy().T)


def test_pruned_weights_stay_pruned(trained, rings):
    twin = twin_of(trained)
    masks, rng = prune(twin, PruneSection(sparsity=0.5), 10).masks, np.random.default_rng(1)
    masks.assign({name: rng.integers(0, 2, mask.shape) for name, mask in masks.alive.items()})
    descent = Descent(twin, rings[0], entropy(rings[1]), KIND.width, pruned=masks.pairs)
    descent.read()
    assert descent.sweep(0.0, np.random.default_rng(2)) > 0
    descent.write()
    for kernel, mask in masks.pairs:
        assert not np.any(kernel.numpy()[mask.numpy() == 0])


def test_what_is_no_small_chain_is_refused():
    seed_everything(1)
    images = np.random.default_rng(1).uniform(0, 1, (50, 8, 8, 1)).astype(np.float32)
    section = QuantizeSection(preset="int8", input=8, input_integer=0)
    cnn = learned_twin(build_student(zoo.build("cnn", (8, 8), 3, {"filters": [2], "hidden": [4]}), section, images).model)
    with pytest.raises(UnsupportedError, match="conv1.*descent_sweeps: 0"):
        Descent(cnn, images, entropy(np.zeros(50, np.int32)), 8)
    assert not can_descend(cnn, 8)


def test_chains_with_more_or_less_than_one_quantizer_between_layers_are_refused():
    keras, qkeras = load().keras, load().qkeras

    def relu(name, channels=4):
        return qkeras.QActivation(qkeras.quantizers.learned_activation((channels,), 4, 1, name=name), name=name)

    def dense(name, units=4, **more):
        kernel = qkeras.quantizers.learned_bits((1, units), 4, f"{name}_kernel")
        bias = qkeras.quantizers.learned_bits((units,), 4, f"{name}_bias", frozen=True)
        return qkeras.QDense(units, kernel_quantizer=kernel, bias_quantizer=bias, name=name, **more)

    def model(*layers, shape=(4,)):
        return keras.Sequential([keras.Input(shape), *layers])

    assert can_descend(model(dense("a"), relu("r"), dense("b")), 8)
    for bad, word in (
        (model(dense("a"), shape=(3, 4)), r"'a' \(QDense\) reads inputs of shape \(3, 4\)"),
        (model(dense("a", activation="relu"), dense("b")), "'a' .* has the activation"),
        (model(dense("a"), dense("b")), "'b' .* reads sums that no quantizer rounds"),
        (model(dense("a"), relu("r"), relu("s"), dense("b")), "'s' .* quantizes what is quantized"),
        (model(dense("a"), qkeras.QActivation("quantized_relu(4,1)", name="q"), dense("b")), "'q' .* has no learned bits"),
        (model(dense("a"), relu("r")), "'r' .* stands at the end"),
    ):
        with pytest.raises(UnsupportedError, match=word):
            layers_of(bad, 8)


def test_what_is_dead_is_left_out_and_becomes_zero(trained, rings):
    twin = twin_of(trained)
    layers = layers_of(twin, KIND.width)
    dead = [0, 2, 3, 5, 6, 9]
    layers[1].kernel[[*dead, 1]] = 0
    layers[1].reads.fraction[dead] = -layers[1].reads.integer[dead]
    put_back(layers)
    before = twin.predict(rings[0], verbose=0)
    descent = Descent(twin, rings[0], entropy(rings[1]), KIND.width)
    whole = descent.work
    descent.read()
    assert [d.kernel.shape for d in descent.layers] == [(7, 4), (5, 6), (7, 3)] and descent.work < whole
    descent.write()
    assert np.array_equal(twin.predict(rings[0], verbose=0), before)
    gone = np.setdiff1d(np.arange(10), descent.layers[0].columns)
    hidden = descent.layers[0].layer
    assert len(gone) == 6 and not np.any(hidden.kernel.numpy()[:, gone]) and not np.any(hidden.bias.numpy()[gone])
    assert descent.sweep(1e-3, np.random.default_rng(2)) > 0


@given(st.integers(1, 2**20), st.integers(-20, 10))
def test_places_of_numbers(mantissa, shift):
    number = math.ldexp(mantissa, shift)
    digits = bin(mantissa)[2:].rstrip("0")
    assert used_bits(number) == used_bits(-number) == len(digits)
    assert places(number) == len(digits) - len(bin(mantissa)[2:]) - shift
    assert all(v != number and places(v) <= 10 for v in neighbours(number, 0))
