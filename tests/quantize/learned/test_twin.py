"""Learned bits start as the student's own, and come back as ordinary quantizers of exactly the same values."""

import numpy as np
import pytest

from fpgacompress.errors import UnsupportedError
from fpgacompress.integer import FixedType, run
from fpgacompress.keras_stack import load
from fpgacompress.lower import lower
from fpgacompress.metrics.cost import ebops
from fpgacompress.quantize.build import build_student
from fpgacompress.quantize.learned import Ebops, fixed_twin, freeze, learned_twin
from fpgacompress.quantize.learned.twin import learned_roles, round_biases
from fpgacompress.recipe import QuantizeSection

stack = load()
keras, L = stack.keras, stack.keras.layers
PIXEL = FixedType(8, 0, False, "RND_CONV", "SAT")


def mlp():
    layers = [L.Input((28, 28)), L.Flatten(), L.Dense(12, activation="relu", name="h1"), L.Dense(9, name="h2"), L.ReLU(name="r2")]
    return keras.Sequential([*layers, L.Dense(10, name="out")])


def cnn():
    x = image = L.Input((28, 28, 1))
    x = L.ReLU(name="r1")(L.Conv2D(3, 5, strides=3, name="c1")(x))
    x = L.ReLU(name="r2")(L.Conv2D(4, 3, name="c2")(L.MaxPooling2D(2)(x)))
    return keras.Model(image, L.Dense(10, name="out")(L.Flatten()(x)))


def residual():
    x = image = L.Input((28, 28, 1))
    x = L.ReLU(name="r1")(L.Conv2D(3, 5, strides=4, name="c1")(x))
    y = L.Conv2D(3, 3, padding="same", name="c2")(x)
    x = L.ReLU(name="r2")(L.Add()([L.Conv2D(3, 1, name="c3")(x), y]))
    return keras.Model(image, L.Dense(10, name="out")(L.Flatten()(x)))


MODELS = {"mlp": mlp, "cnn": cnn, "residual": residual}


@pytest.fixture(scope="module")
def pixels(images):
    return images[0][:600]


def student(kind, pixels, **settings):
    stack.keras.utils.set_random_seed(3)
    model = MODELS[kind]()
    x = pixels.reshape(-1, *model.input_shape[1:])
    return build_student(model, QuantizeSection(**({"preset": "int8"} | settings)), x).model, x


def scramble(model, seed=0):
    """Other bits for every weight and activation, some of them none."""
    rng = np.random.default_rng(seed)
    for role in learned_roles(model):
        fraction = role.quantizer.fraction
        if role.kind == "kernel":
            fraction.assign(rng.integers(0, 9, fraction.shape).astype(np.float32))
        elif role.kind == "activation":
            each = fraction.shape if fraction.shape != (1,) else ()
            fraction.assign(np.broadcast_to(rng.integers(-1 if each else 2, 6, each), fraction.shape).astype(np.float32))
    round_biases(model)


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("granularity", ["weight", "channel", "tensor"])
def test_the_twin_starts_with_the_students_values(kind, granularity, pixels):
    fixed, x = student(kind, pixels, scales="channel" if granularity == "channel" else "tensor")
    twin = learned_twin(fixed, granularity)
    for role in learned_roles(twin):
        if role.kind == "kernel":
            own = fixed.get_layer(role.layer.name)
            assert np.array_equal(role.quantizer(role.layer.kernel), own.kernel_quantizer_internal(own.kernel))
    ours, theirs = twin.predict(x, verbose=0), fixed.predict(x, verbose=0)
    assert np.mean(ours.argmax(1) == theirs.argmax(1)) > 0.97  # ties of halves apart, and biases have other grids


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("rounding", ["nearest", "truncate"])
@pytest.mark.parametrize("width, activations", [(None, "tensor"), (5, "tensor"), (5, "channel")])
def test_the_fixed_student_is_exact_in_integers_and_truncation_equals_the_trained_model(kind, rounding, width, activations, pixels):
    front = {} if width is None else {"input": width, "input_integer": 0}
    fixed, x = student(kind, pixels, **front)
    twin = learned_twin(fixed, activations=activations)
    scramble(twin)
    out = fixed_twin(twin, rounding)
    assert not learned_roles(out)
    network = lower(out, PIXEL)
    logits = out.predict(x, verbose=0)
    assert np.array_equal(network.output.out.to_float(run(network, PIXEL.exactly(x))), logits)
    if rounding == "truncate":
        assert np.array_equal(logits, twin.predict(x, verbose=0))
    shapes = {r.quantizer.shape for r in learned_roles(twin) if r.kind == "activation" and not r.layer.name.endswith("input_quantizer")}
    assert (activations == "channel") == any(len(shape) == 1 and shape != (1,) for shape in shapes)
    assert network.input.out == PIXEL


def test_inputs_have_bits_where_a_weight_can_tell_them_apart(pixels):
    widths = {}
    for kind in ("mlp", "cnn"):
        fixed, _ = student(kind, pixels, input=6, input_integer=0)
        for inputs in ("feature", "tensor"):
            first = next(r for r in learned_roles(learned_twin(fixed, inputs=inputs)) if r.kind == "activation")
            widths[kind, inputs] = first.quantizer.shape
    assert widths == {("mlp", "feature"): (28, 28), ("mlp", "tensor"): (1,), ("cnn", "feature"): (1,), ("cnn", "tensor"): (1,)}


def columns():
    """An image as rows that a dense layer reads one by one."""
    layers = [L.Input((28, 28)), L.Dense(4, name="h"), L.ReLU(name="r"), L.Flatten(), L.Dense(10, name="out")]
    return keras.Sequential(layers)


def reshaped():
    """A convolution behind a reshape that makes other channels."""
    layers = [L.Input((28, 28)), L.Reshape((28, 28, 1)), L.Conv2D(3, 5, strides=4, name="c"), L.ReLU(name="r"), L.Flatten()]
    return keras.Sequential([*layers, L.Dense(10, name="out")])


def biasless():
    """No bias to take half a step, and none at the two logits."""
    layers = [
        L.Input((28, 28)),
        L.Flatten(),
        L.Dense(5, use_bias=False, name="h"),
        L.ReLU(name="r"),
        L.Dense(2, use_bias=False, name="out"),
    ]
    return keras.Sequential(layers)


@pytest.mark.parametrize("make, front, hidden", [(columns, (28,), (4,)), (reshaped, (1,), (3,)), (biasless, (28, 28), (5,))])
def test_bits_belong_to_what_all_readers_tell_apart(make, front, hidden, pixels):
    stack.keras.utils.set_random_seed(3)
    fixed = build_student(make(), QuantizeSection(preset="int8", input=8, input_integer=0), pixels).model
    twin = learned_twin(fixed, activations="channel")
    assert [r.quantizer.shape for r in learned_roles(twin) if r.kind == "activation"] == [front, hidden]
    scramble(twin)
    out = fixed_twin(twin, "truncate")
    network = lower(out, PIXEL)
    assert np.array_equal(network.output.out.to_float(run(network, PIXEL.exactly(pixels))), out.predict(pixels, verbose=0))
    assert ebops(network).value <= float(Ebops(twin, 8)())


def test_weights_of_inputs_without_bits_are_zero(pixels):
    fixed, _ = student("mlp", pixels, input=8, input_integer=0)
    twin = learned_twin(fixed)
    front = next(r for r in learned_roles(twin) if r.kind == "activation").quantizer
    fractions = front.fraction.numpy()
    fractions[:, :14] = -8
    front.fraction.assign(fractions)
    rows = fixed_twin(twin, "truncate").get_layer("h1").kernel.numpy().reshape(28, 28, -1)
    assert not rows[:, :14].any() and rows[:, 14:].any()


def test_of_two_classes_one_logit_is_computed(pixels):
    stack.keras.utils.set_random_seed(3)
    model = keras.Sequential([L.Input((28, 28)), L.Flatten(), L.Dense(6, activation="relu", name="h"), L.Dense(2, name="out")])
    fixed = build_student(model, QuantizeSection(preset="int8"), pixels).model
    weights = [w.copy() for w in fixed.get_weights()]
    apart = fixed.predict(pixels, verbose=0)
    twin = learned_twin(fixed)
    assert all(np.array_equal(a, b) for a, b in zip(weights, fixed.get_weights()))  # the student given stays as it is
    logits = twin.predict(pixels, verbose=0)
    assert not logits[:, 0].any()
    assert np.allclose(logits[:, 1], apart[:, 1] - apart[:, 0], atol=0.06)
    with stack.tf.GradientTape() as tape:
        loss = stack.tf.reduce_mean(twin(pixels[:50])[:, 0])
    kernel, bias = twin.get_layer("out").kernel, twin.get_layer("out").bias
    assert not any(np.any(np.asarray(g)) for g in tape.gradient(loss, [kernel, bias]))
    network = lower(fixed_twin(twin, "truncate"), PIXEL)
    assert not network.output.kernel.values[:, 0].any() and network.output.bias.values[0] == 0
    assert learned_twin(fixed, one_logit=False).predict(pixels, verbose=0)[:, 0].any()


def test_weights_without_bits_are_zero_in_the_student(pixels):
    fixed, _ = student("mlp", pixels)
    twin = learned_twin(fixed)
    role = next(r for r in learned_roles(twin) if r.kind == "kernel" and r.layer.name == "h1")
    role.quantizer.fraction.assign(np.full(role.quantizer.shape, -8, np.float32))
    assert not np.any(fixed_twin(twin).get_layer("h1").kernel.numpy())


def test_the_cost_is_the_sum_over_weights_of_their_bits_times_their_inputs(pixels):
    fixed, _ = student("cnn", pixels, input=6, input_integer=0)
    twin = learned_twin(fixed)
    by_hand = 0.0
    inputs = {"c1": 6, "c2": 8, "out": 8}
    positions = {"c1": 8 * 8, "c2": 2 * 2, "out": 1}
    for role in learned_roles(twin):
        if role.kind == "kernel":
            bits = np.asarray(role.quantizer.used_bits(role.layer.kernel), np.float64).sum()
            by_hand += bits * inputs[role.layer.name] * positions[role.layer.name]
    assert float(Ebops(twin, 8)()) == by_hand


@pytest.mark.parametrize("kind", MODELS)
def test_the_cost_bounds_what_the_integer_network_counts(kind, pixels):
    fixed, _ = student(kind, pixels)
    twin = learned_twin(fixed)
    scramble(twin)
    counted = ebops(lower(fixed_twin(twin, "nearest"), PIXEL)).value
    assert counted <= float(Ebops(twin, 8)()) < 3 * counted


@pytest.mark.parametrize("activations", ["tensor", "channel"])
def test_every_fraction_feels_the_cost(activations, pixels):
    fixed, _ = student("cnn", pixels, input=6, input_integer=0)
    twin = learned_twin(fixed, activations=activations)
    cost, fractions = Ebops(twin, 8), [r.quantizer.fraction for r in learned_roles(twin) if r.kind != "bias"]
    with stack.tf.GradientTape() as tape:
        total = cost()
    assert all(np.all(np.asarray(g) >= 0) and np.any(np.asarray(g) > 0) for g in tape.gradient(total, fractions))


def test_freezing_leaves_the_real_weights_to_train(pixels):
    twin = learned_twin(student("mlp", pixels)[0])
    assert any("fraction" in v.name for v in twin.trainable_variables)
    freeze(twin)
    assert sorted(v.name.split("/")[1] for v in twin.trainable_variables) == ["bias:0"] * 3 + ["kernel:0"] * 3


@pytest.mark.parametrize(("settings", "message"), [({"preset": "binary"}, "binary"), ({"preset": "ternary"}, None)])
def test_quantizers_that_are_no_fixed_point_are_refused(settings, message, pixels):
    fixed, _ = student("mlp", pixels, **settings)
    if message is None:
        learned_twin(fixed)
        return
    with pytest.raises(UnsupportedError, match=message):
        learned_twin(fixed)


def test_sums_that_nobody_quantized_have_no_cost(pixels):
    x = image = L.Input((28, 28))
    flat = L.Flatten()(x)
    both = L.Add(name="sum")([L.Dense(5, activation="relu", name="a")(flat), L.Dense(5, activation="relu", name="b")(flat)])
    fixed = build_student(keras.Model(image, L.Dense(4, name="c")(both)), QuantizeSection(preset="int8"), pixels).model
    with pytest.raises(UnsupportedError, match="'sum' .* sums that no activation has quantized"):
        Ebops(learned_twin(fixed), 8)


def test_quantizers_of_bare_sums_cannot_learn(pixels):
    x = image = L.Input((28, 28))
    model = keras.Model(image, L.Dense(4, name="b")(L.Dense(5, name="a")(L.Flatten()(x))))
    fixed = build_student(model, QuantizeSection(preset="int8"), pixels).model
    with pytest.raises(UnsupportedError, match="'a_quantizer' .* rounds sums.*a ReLU between"):
        learned_twin(fixed)
