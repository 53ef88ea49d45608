import numpy as np
import pytest

from fpgacompress.errors import ModelError
from fpgacompress.quantize.sensitivity import Row, Sensitivity, Tensor, agreement, fisher, measure
from fpgacompress.quantize.sensitivity.measured import without_smallest
from fpgacompress.train import logits_of
from fpgacompress.train.monitor import score

A, B, C = (Tensor(name, "kernel") for name in "abc")


def table(values, method="measured"):
    rows = tuple(Row(t, "bits", bits, loss, -loss, loss / 2) for t, losses in values.items() for bits, loss in losses.items())
    return Sensitivity(method, "float", 10, 0.5, 0.9, rows)


@pytest.fixture(scope="module")
def measured(candidates, samples):
    return measure(candidates, *samples, sparsity=(0.9, 0.5))


def test_measured_change_is_that_of_a_model_with_this_one_kernel_replaced(measured, candidates, samples, trained_mlp):
    x, y = samples
    model = trained_mlp[0]
    kernel = model.get_layer("hidden2").kernel
    own = kernel.numpy()
    for bits in (8, 4, 2):
        before = score(logits_of(model, x), y)
        kernel.assign(candidates.kernels["hidden2", bits])
        after = score(logits_of(model, x), y)
        kernel.assign(own)
        row = next(r for r in measured.rows if r.tensor == Tensor("hidden2", "kernel") and r.what == "bits" and r.value == bits)
        assert row.loss == pytest.approx(after["val_loss"] - before["val_loss"], abs=1e-5)
        assert row.accuracy == pytest.approx(after["val_accuracy"] - before["val_accuracy"], abs=1e-9)


def test_every_tensor_has_every_width_and_kernels_every_sparsity(measured, candidates):
    assert measured.matrix().shape == (6, 3) and np.isfinite(measured.matrix()).all()
    assert measured.matrix("sparsity").shape == (3, 2) and measured.values("sparsity") == (0.5, 0.9)
    assert measured.values() == (8, 4, 2)
    divergence = measured.matrix(quantity="divergence")
    assert (divergence >= 0).all() and (divergence[:, 2] > divergence[:, 0]).all()


def test_the_input_at_the_width_of_the_data_changes_nothing(measured):
    row = next(r for r in measured.rows if r.tensor.kind == "input" and r.value == 8)
    assert (row.loss, row.accuracy, row.divergence) == (0.0, 0.0, 0.0)


def test_other_tensors_can_be_at_a_width_of_their_own(candidates, samples, measured):
    coarse = measure(candidates, *samples, base_bits=4)
    assert coarse.base == "4 bits" and coarse.loss != measured.loss
    rows = [r for r in coarse.rows if r.value == 4 and r.tensor.kind != "input"]
    assert rows and all(r.loss == 0 for r in rows)
    with pytest.raises(ModelError, match="8, 4, 2"):
        measure(candidates, *samples, base_bits=5)


def test_the_smallest_weights_become_zero():
    kernel = np.array([[3.0, -1.0], [0.5, -2.0]], np.float32)
    np.testing.assert_array_equal(without_smallest(kernel, 0.5), [[3, 0], [0, -2]])
    assert kernel[0, 1] == -1


def test_fisher_of_a_softmax_regression_equals_its_formula_by_hand(samples, fashion):
    from fpgacompress.keras_stack import load, seed_everything
    from fpgacompress.quantize.sensitivity import Candidates

    x, y = samples[0][:200], samples[1][:200]
    keras = load().keras
    seed_everything(3)
    model = keras.Sequential([keras.layers.Input((784,)), keras.layers.Dense(10, name="logits")])
    found = Candidates(model, x, fashion.preprocessing.input_type, bits=(3,))
    told = {(r.tensor.kind, r.value): r.loss for r in fisher(found, x, y).rows}
    kernel = model.get_layer("logits").kernel.numpy().astype(np.float64)
    z = x.astype(np.float64) @ kernel
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    slope = p - np.eye(10)[y]
    squares = (x.astype(np.float64) ** 2).T @ slope**2 / len(x)
    error = found.kernels["logits", 3] - kernel
    assert told["kernel", 3] == pytest.approx(0.5 * np.sum(squares * error**2), rel=1e-4)
    kind = found.change({Tensor(found.model.inputs[0]._keras_history.layer.name, "input"): 3}).types.popitem()[1]
    error = kind.to_float(kind.quantize(x)) - x
    assert told["input", 3] == pytest.approx(0.5 * np.mean(np.sum((error * (slope @ kernel.T)) ** 2, axis=1)), rel=1e-4)


def test_fisher_of_a_convolution_is_the_mean_square_of_each_samples_own_gradient():
    import numpy as np

    from fpgacompress.integer.types import FixedType
    from fpgacompress.keras_stack import load, seed_everything
    from fpgacompress.quantize.sensitivity import Candidates

    stack = load()
    seed_everything(3)
    layers = stack.keras.layers
    model = stack.keras.Sequential(
        [
            layers.Input((6, 6, 1)),
            layers.Conv2D(2, 3, name="conv"),
            layers.ReLU(name="relu"),
            layers.Flatten(),
            layers.Dense(3, name="logits"),
        ]
    )
    rng = np.random.default_rng(1)
    x, y = (rng.integers(0, 256, (20, 6, 6, 1)) / 256).astype(np.float32), rng.integers(0, 3, 20)
    found = Candidates(model, x, FixedType(8, 0, False), bits=(3,))
    squares = 0.0
    for i in range(len(x)):
        with stack.tf.GradientTape() as tape:
            loss = stack.tf.nn.sparse_softmax_cross_entropy_with_logits(y[i : i + 1], model(x[i : i + 1]))
        squares += tape.gradient(loss, model.get_layer("conv").kernel).numpy() ** 2 / len(x)
    error = found.kernels["conv", 3] - model.get_layer("conv").kernel.numpy()
    told = next(r.loss for r in fisher(found, x, y).rows if r.tensor == Tensor("conv", "kernel"))
    assert told == pytest.approx(0.5 * float(np.sum(squares * error**2)), rel=1e-4)


def test_fisher_ranks_the_tensors_of_a_trained_network_much_as_their_measured_divergence(measured, candidates, samples):
    found = agreement(measured, fisher(candidates, *samples), "divergence")
    assert found.spearman > 0.9 and found.entries == 17  # 6 tensors at 3 widths, without the input at its own width


def test_agreement_of_a_table_with_itself_and_with_its_opposite():
    one = table({A: {4: 0.1, 2: 0.5}, B: {4: 0.2, 2: 0.6}, C: {4: 0.3, 2: 0.7}})
    turned = table({A: {4: 0.3, 2: 0.7}, B: {4: 0.2, 2: 0.6}, C: {4: 0.1, 2: 0.5}})
    same, opposite = agreement(one, one), agreement(one, turned)
    assert (same.spearman, same.same_worst, same.by_bits) == (1.0, 1.0, {4: 1.0, 2: 1.0})
    assert (opposite.same_worst, opposite.by_bits) == (0.0, {4: -1.0, 2: -1.0})


def test_losses_never_fall_with_the_bits():
    noisy = table({A: {8: -0.1, 4: 0.3, 2: 0.2}})
    assert noisy.losses(A, (2, 4, 8)) == {8: 0.0, 4: 0.3, 2: 0.3}
    with pytest.raises(ModelError, match="a kernel at 3 bits"):
        noisy.losses(A, (3,))


def test_tables_survive_json_and_print_every_tensor(measured):
    assert Sensitivity.from_json(measured.to_json()) == measured
    text = measured.text()
    assert "hidden1 kernel" in text and "90 % zeros" in text and "relu2 activation" in text


def test_heat_map_is_drawn(measured, tmp_path):
    from fpgacompress.report.plots_sensitivity import sensitivity_map

    path = sensitivity_map(measured.to_json(), tmp_path / "map.png")
    assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n" and path.stat().st_size > 20_000
