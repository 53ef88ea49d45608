"""The loop: same seed, same bits; killed and resumed, same bits; best weights on validation; clear refusals."""

import numpy as np
import pytest

from fpgacompress import zoo
from fpgacompress.errors import DataError, Interrupted, ModelError, RunError
from fpgacompress.keras_stack import seed_everything
from fpgacompress.prune import prune
from fpgacompress.quantize.build import quantized_student
from fpgacompress.recipe import PruneSection, QuantizeSection
from fpgacompress.train import TrainConfig, TrainingData, fit, logits_of
from fpgacompress.train.loop import class_weights, shaped, steps_of
from fpgacompress.train.monitor import better, score

CONFIG = TrainConfig(4, batch_size=64, learning_rate=2e-3, seed=11, select_from=0.5)


def student_of(trained_mlp):
    model, data = trained_mlp
    seed_everything(2)
    twin = quantized_student(model, QuantizeSection(), shaped(model, data.x[:256]))
    return twin, prune(twin, PruneSection(sparsity=0.7, end=0.4, frequency=10), steps_of(len(data.x), CONFIG))


def fitted(student, *args, **kwargs):
    return fit(student[0], *args, pruning=student[1], **kwargs)


def weights(model):
    return [v.numpy() for v in model.weights]


def test_same_seed_same_bits(trained_mlp):
    results = []
    for _ in range(2):
        model, pruning = student_of(trained_mlp)
        fit(model, trained_mlp[1], CONFIG, pruning=pruning)
        results.append(weights(model))
    assert all(np.array_equal(a, b) for a, b in zip(*results))


def test_killed_and_resumed_gives_the_same_bits(trained_mlp, tmp_path, monkeypatch):
    whole = student_of(trained_mlp)
    rows = fitted(whole, trained_mlp[1], CONFIG, folder=tmp_path / "a")

    from fpgacompress.train import loop

    real, calls = loop._epoch, []

    def dies_in_the_third_epoch(*args):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        real(*args)

    monkeypatch.setattr(loop, "_epoch", dies_in_the_third_epoch)
    with pytest.raises(Interrupted, match="epoch 3 of 4"):
        fitted(student_of(trained_mlp), trained_mlp[1], CONFIG, folder=tmp_path / "b")
    monkeypatch.setattr(loop, "_epoch", real)
    resumed = student_of(trained_mlp)
    again = fitted(resumed, trained_mlp[1], CONFIG, folder=tmp_path / "b")
    assert [r["loss"] for r in again] == [r["loss"] for r in rows]
    assert all(np.array_equal(a, b) for a, b in zip(weights(whole[0]), weights(resumed[0])))


def test_best_weights_are_those_of_the_best_epoch_after_the_target(trained_mlp):
    model, pruning = student_of(trained_mlp)
    data = trained_mlp[1]
    rows = fit(model, data, CONFIG, pruning=pruning)
    best = max(rows[2:], key=lambda r: (r["val_accuracy"], -r["val_loss"]))
    assert score(logits_of(model, data.x_val), data.y_val)["val_accuracy"] == best["val_accuracy"]


def test_full_disk_while_checkpointing(trained_mlp, tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(RunError, match="No space left.*the run resumes"):
        fitted(student_of(trained_mlp), trained_mlp[1], CONFIG, folder=tmp_path)
    assert not list(tmp_path.glob("*"))


def test_a_damaged_checkpoint_is_not_used(trained_mlp, tmp_path):
    (tmp_path / "checkpoint.npz").write_bytes(b"PK\x03\x04 half a file")
    assert len(fitted(student_of(trained_mlp), trained_mlp[1], TrainConfig(1), folder=tmp_path)) == 1


def test_refusals(images):
    x, y, x_val, y_val = images
    model = zoo.build("mlp", (28, 28), 10, {"hidden": [4]})
    with pytest.raises(DataError, match="0 validation samples"):
        fit(model, TrainingData(x, y, x_val[:0], y_val[:0]), TrainConfig(1))
    with pytest.raises(ModelError, match="shape"):
        fit(model, TrainingData(x[:, :5], y, x_val, y_val), TrainConfig(1))
    with pytest.raises(ModelError, match="loss became"):
        fit(model, TrainingData(x * np.float32(1e38), y, x_val, y_val), TrainConfig(1))


def test_patience_stops(trained_mlp):
    model = student_of(trained_mlp)
    config = TrainConfig(30, batch_size=64, learning_rate=1e-9, patience=2)
    assert len(fitted(model, trained_mlp[1], config)) < 8


def test_class_weights_are_balanced():
    y = np.array([0] * 90 + [1] * 10)
    w = class_weights(y, 2)
    assert w[y].sum() == pytest.approx(100) and w[0] * 90 == pytest.approx(w[1] * 10)


def test_score_equals_sklearn():
    from sklearn.metrics import accuracy_score, f1_score, log_loss

    rng = np.random.default_rng(0)
    z, y = rng.normal(0, 2, (300, 4)), rng.integers(0, 4, 300)
    told = score(z, y)
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    assert told["val_accuracy"] == accuracy_score(y, z.argmax(1))
    assert told["val_macro_f1"] == pytest.approx(f1_score(y, z.argmax(1), average="macro"))
    assert told["val_loss"] == pytest.approx(log_loss(y, p))
    assert better({"val_accuracy": 0.5, "val_loss": 1.0}, [{"val_accuracy": 0.5, "val_loss": 2.0}], "accuracy")
