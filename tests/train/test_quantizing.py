"""Stages of bits, fading in and random rounding: what happens in training, that nothing of it is left behind, and that a kill changes no bit."""

import numpy as np
import pytest

from fpgacompress.errors import Interrupted, ModelError, UnsupportedError
from fpgacompress.keras_stack import load, seed_everything
from fpgacompress.keras_stack.roles import quantizers
from fpgacompress.prune import prune
from fpgacompress.quantize.build import quantized_kernel, quantized_student
from fpgacompress.recipe import LayerBits, PruneSection, QuantizeSection
from fpgacompress.train import TrainConfig, fit, logits_of
from fpgacompress.train.loop import shaped, steps_of
from fpgacompress.train.monitor import score
from fpgacompress.train.quantizing import Quantizing

FOUR = QuantizeSection(default=LayerBits(kernel=4, activation=4), layers={"logits": LayerBits(kernel=7)})
WAYS = {
    "stages": {"stages": (8, 6)},
    "noise": {"noise_warmup": 0.5},
    "random": {"stochastic_rounding": True},
    "all": {"stages": (8,), "noise_warmup": 0.3, "stochastic_rounding": True},
}


def config(epochs=3, **more):
    return TrainConfig(epochs, batch_size=64, learning_rate=2e-3, seed=11, **more)


def student_of(trained_mlp):
    model, data = trained_mlp
    seed_everything(2)
    return quantized_student(model, FOUR, shaped(model, data.x[:256]))


def pruned(student, data, settings):
    return prune(student, PruneSection(sparsity=0.5, end=0.4, frequency=10), steps_of(len(data.x), settings))


def weights(model):
    return [v.numpy() for v in model.weights]


def own_bits(student):
    """Bits of the kernels by layer, pruning wrappers or not."""
    return {role.layer.name: role.quantizer.bits for role in quantizers(student) if role.kind == "kernel"}


def test_killed_and_resumed_gives_the_same_bits(trained_mlp, tmp_path, monkeypatch):
    settings = config(**WAYS["all"])
    whole = student_of(trained_mlp)
    rows = fit(whole, trained_mlp[1], settings, pruning=pruned(whole, trained_mlp[1], settings), folder=tmp_path / "a")

    from fpgacompress.train import loop

    real, calls = loop._epoch, []

    def dies_in_the_second_epoch(*args):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        real(*args)

    monkeypatch.setattr(loop, "_epoch", dies_in_the_second_epoch)
    killed = student_of(trained_mlp)
    with pytest.raises(Interrupted, match="epoch 2 of 3"):
        fit(killed, trained_mlp[1], settings, pruning=pruned(killed, trained_mlp[1], settings), folder=tmp_path / "b")
    assert own_bits(killed) == {"hidden1": 4, "hidden2": 4, "logits": 7}
    monkeypatch.setattr(loop, "_epoch", real)
    resumed = student_of(trained_mlp)
    again = fit(resumed, trained_mlp[1], settings, pruning=pruned(resumed, trained_mlp[1], settings), folder=tmp_path / "b")
    assert [r["loss"] for r in again] == [r["loss"] for r in rows]
    assert all(np.array_equal(a, b) for a, b in zip(weights(whole), weights(resumed)))


@pytest.fixture(scope="module")
def students(trained_mlp):
    """Way to (student, history), all from the same start with the same batches; "plain" is quantized from the first update on."""
    found = {}
    for way, more in {"plain": {}, **WAYS}.items():
        student = student_of(trained_mlp)
        found[way] = student, fit(student, trained_mlp[1], config(**more))
    return found


@pytest.mark.parametrize("way", WAYS)
def test_what_is_left_is_the_exact_student_that_validation_saw(way, students, trained_mlp):
    (student, rows), data = students[way], trained_mlp[1]
    logits = logits_of(student, data.x_val)
    assert own_bits(student) == {"hidden1": 4, "hidden2": 4, "logits": 7}
    assert len(np.unique(quantized_kernel(student.get_layer("hidden1")))) <= 16
    assert np.array_equal(logits, np.concatenate([student(data.x_val.reshape(-1, 784)[i : i + 1000]) for i in (0, 1000)]))
    first = {"stages": 2, "noise": 2, "random": 0, "all": 1}[way]  # 3 epochs: the last third, behind one half, all, the last two
    best = max(rows[first:], key=lambda r: (r["val_accuracy"], -r["val_loss"]))
    assert score(logits, data.y_val)["val_accuracy"] == best["val_accuracy"]
    assert all(float(role.quantizer.qnoise_factor) == 1 for role in quantizers(student))


def test_the_ways_differ_from_each_other_and_from_plain_training(students):
    kernels = [quantized_kernel(student.get_layer("hidden1")) for student, _ in students.values()]
    assert all(not np.array_equal(a, b) for i, a in enumerate(kernels) for b in kernels[:i])


def test_stages_train_with_their_bits_and_begin_the_learning_rate_anew(trained_mlp, monkeypatch):
    from fpgacompress.train import loop

    settings = config(7, stages=(8, 6))
    student, seen, real = student_of(trained_mlp), [], loop._epoch

    def looks(step, *args):
        before = float(step._rate(step.step))
        real(step, *args)
        relu = student.get_layer("relu1").quantizer
        seen.append((own_bits(student)["hidden1"], own_bits(student)["logits"], relu.bits, relu.integer, before))

    monkeypatch.setattr(loop, "_epoch", looks)
    rows = fit(student, trained_mlp[1], settings)
    integer = seen[0][3]
    assert [s[:4] for s in seen] == [(8, 8, 8, integer)] * 2 + [(6, 7, 6, integer)] * 2 + [(4, 7, 4, integer)] * 3
    assert [r["stage"] for r in rows] == [1, 1, 2, 2, 3, 3, 3]
    assert [round(s[4] / 2e-3, 3) for s in seen] == [1, 0.5, 1, 0.5, 1, 0.75, 0.25]


def test_more_stages_than_epochs_are_refused(trained_mlp):
    settings = config(2, stages=(8, 6))
    with pytest.raises(ModelError, match="2 epochs for 3 stages"):
        fit(student_of(trained_mlp), trained_mlp[1], settings)


def test_quantization_fades_in_evenly_and_ends_at_exactly_one():
    tf = load().tf
    quantizing = Quantizing(load().keras.Sequential([load().keras.Input((2,))]), warmup=7)
    factors = [float(quantizing.factor(tf.constant(i, tf.int64))) for i in range(12)]
    assert factors[:7] == pytest.approx([(i + 1) / 7 for i in range(7)]) and factors[6:] == [1.0] * 6


def layer_with(quantizer, bias=None):
    stack = load()
    layer = stack.qkeras.QDense(300, kernel_quantizer=quantizer, use_bias=False, name="fc")
    model = stack.keras.Sequential([stack.keras.Input((200,)), layer])
    layer.kernel.assign(np.random.default_rng(0).normal(0, 0.4, (200, 300)))
    return model, layer


def random_kernels(quantizer, draws=64):
    """The float kernel and many draws of what the layer makes of it."""
    tf = load().tf
    model, layer = layer_with(quantizer)
    quantizing, kernels = Quantizing(model, stochastic=True, seed=3), []
    for i in range(draws):
        with quantizing.training(tf.constant(i, tf.int64)):
            kernels.append(np.asarray(layer.kernel_quantizer_internal(layer.kernel)))
    return layer, np.array(kernels)


@pytest.mark.parametrize(
    "text", ["quantized_bits(4,1,alpha=1)", "quantized_bits(3,1,1,alpha=1)", "truncated_bits(4,1)", "binary(alpha=2.0)"]
)
def test_random_rounding_has_the_weight_as_its_mean_and_only_its_two_neighbours(text):
    quantizer = load().qkeras.get_quantizer(text)
    layer, kernels = random_kernels(quantizer)
    kernel = layer.kernel.numpy()
    step = {"quantized_bits(4,1,alpha=1)": 0.25, "quantized_bits(3,1,1,alpha=1)": 0.5, "truncated_bits(4,1)": 0.25, "binary(alpha=2.0)": 4}[
        text
    ]
    shift = step / 2 if text.startswith("truncated") else 0  # what truncation loses in the mean
    inside = np.abs(kernel) < 1.2
    mean = kernels.mean(0)
    error = (mean - kernel + shift)[inside]
    assert abs(error.mean()) < step / 500 and np.abs(error).max() < 5 * step / 2 / np.sqrt(len(kernels))
    assert (np.abs(kernels - kernel + shift)[:, inside] < step * 1.0001).all()
    assert np.array_equal(np.unique(kernels), np.unique(np.round(kernels / (step / 2)) * (step / 2)))
    assert np.array_equal(np.asarray(layer.kernel_quantizer_internal(layer.kernel)), np.asarray(quantizer(layer.kernel)))


def test_random_rounding_is_a_function_of_seed_update_and_layer():
    tf = load().tf
    model, layer = layer_with("quantized_bits(4,1,alpha=1)")

    def draw(seed, step):
        with Quantizing(model, stochastic=True, seed=seed).training(tf.constant(step, tf.int64)):
            return np.asarray(layer.kernel_quantizer_internal(layer.kernel))

    assert np.array_equal(draw(1, 5), draw(1, 5))
    assert not np.array_equal(draw(1, 5), draw(1, 6)) and not np.array_equal(draw(1, 5), draw(2, 5))


def test_scales_that_depend_on_the_weights_cannot_round_at_random():
    model, _ = layer_with("quantized_bits(4,0,1,alpha='auto_po2')")
    with pytest.raises(UnsupportedError, match="cannot be rounded at random.*stochastic_rounding: false"):
        Quantizing(model, stochastic=True)
