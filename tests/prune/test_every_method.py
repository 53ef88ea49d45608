"""Every method: the zeros that were asked for, in the quantized weights, exact and held; its score as the paper has it; clear refusals."""

import numpy as np
import pytest

from fpgacompress.distill import Objective
from fpgacompress.errors import ModelError
from fpgacompress.keras_stack import load, load_model, save_model, seed_everything
from fpgacompress.prune import kernels_of, prune, read_masks, save_masks
from fpgacompress.prune.held import Moment
from fpgacompress.prune.methods.magnitude import lamp
from fpgacompress.quantize.build import quantized_kernel, quantized_student
from fpgacompress.recipe import PruneSection, QuantizeSection
from fpgacompress.train import TrainConfig, fit, logits_of
from fpgacompress.train.loop import shaped, steps_of
from fpgacompress.train.monitor import score
from fpgacompress.train.step import TrainingStep

CONFIG = TrainConfig(3, batch_size=64, learning_rate=2e-3, select_from=0.5)
ONCE = {"schedule": "one-shot", "begin": 0.0}
CASES = {
    "magnitude": {},
    "magnitude global": {"allocation": "global", "options": {"adaptive": True}},
    "magnitude cyclic": {"schedule": "cyclic", "rounds": 2},
    "magnitude sensitivity": {"allocation": "sensitivity"},
    "snip": ONCE | {"allocation": "global"},
    "grasp": ONCE | {"allocation": "global"},
    "taylor": {},
    "fisher": {"allocation": "erk"},
    "activation": {"options": {"by_output": True}},
    "hardware": {"options": {"value": "taylor"}},
    "movement": {},
    "threshold": {},
    "rigl": {"allocation": "erk", "options": {"start": "magnitude"}},
    "set": {"options": {"start": "random"}},
    "nm": {"options": {"n": 1, "m": 4}, "layers": {"logits": 0}},
    "aligned": {"options": {"reuse": 4}},
    "clusters": {"options": {"levels": 3}},
}


def student_of(trained_mlp):
    model, data = trained_mlp
    seed_everything(4)
    return quantized_student(model, QuantizeSection(preset="int4"), shaped(model, data.x[:256]))


@pytest.mark.parametrize("case", CASES)
def test_a_method_leaves_the_zeros_that_were_asked_for_and_holds_them(trained_mlp, case):
    student, data = student_of(trained_mlp), trained_mlp[1]
    section = PruneSection(**{"method": case.split()[0], "sparsity": 0.75, "end": 0.5, "frequency": 10} | CASES[case])
    pruning, seen = prune(student, section, steps_of(len(data.x), CONFIG), 3), []

    def look(*_):
        with pruning.shown():
            seen.append((pruning.masks.arrays(), {n: k.numpy() for n, k in pruning.masks.kernels.items()}))

    rows = fit(student, data, CONFIG, pruning=pruning, progress=look)
    for masks, kernels in seen:
        assert all(not np.any(kernels[n][~masks[n]]) for n in masks)
    masks = pruning.masks.arrays()
    zeros, sizes = sum(int((~m).sum()) for m in masks.values()), {n: int(np.prod(k.shape)) for n, k in kernels_of(student).items()}
    whole = sum(sizes[n] for n in sizes if n not in section.layers)  # erk may leave a layer dense
    assert zeros / whole == pytest.approx(0.75, abs=0.001) and rows[-1]["sparsity"] == pytest.approx(
        zeros / sum(m.size for m in masks.values())
    )
    for name, mask in masks.items():
        assert not np.any(quantized_kernel(student.get_layer(name))[~mask]) and mask.any()
    if section.method == "clusters":
        assert all(len(np.unique(quantized_kernel(student.get_layer(n)))) <= 4 for n in masks)
    if section.allocation == "uniform" and section.method != "threshold":
        assert all(
            np.mean(~m) == pytest.approx(0.75, abs=1 / m.size + (0.02 if section.method == "aligned" else 0)) for m in masks.values()
        )
    assert score(logits_of(student, data.x_val), data.y_val)["val_accuracy"] == max(r["val_accuracy"] for r in rows[2:])
    if section.method not in ("grasp", "movement"):  # one is for untrained networks, the other learns little in so few updates
        assert max(r["val_accuracy"] for r in rows) > 0.4


@pytest.mark.parametrize("case", ["magnitude", "magnitude cyclic", "rigl", "set", "nm", "clusters"])
def test_masks_hold_behind_every_single_update(trained_mlp, case):
    student, data = student_of(trained_mlp), trained_mlp[1]
    section = PruneSection(**{"method": case.split()[0], "sparsity": 0.75, "end": 0.8, "frequency": 3} | CASES[case])
    pruning = prune(student, section, 24, 3)
    arrays = {"x": shaped(student, data.x[:768]), "y": np.asarray(data.y[:768], np.int32)}
    rates = {"class_weights": None, "learning_rate": 1e-2, "total_steps": 24, "schedule": "constant"}
    step = TrainingStep(student, Objective(), arrays, pruning=pruning, **rates)
    pruning.begin()
    seen = []
    for update in range(24):
        step.run(np.arange(32 * update, 32 * update + 32, dtype=np.int32)[None])
        masks = pruning.masks.arrays()
        assert all(not np.any(kernel.numpy()[~masks[n]]) for n, kernel in pruning.masks.kernels.items()), update
        seen.append(np.concatenate([np.ravel(m) for m in masks.values()]))
    changed = [i for i in range(1, 24) if not np.array_equal(seen[i], seen[i - 1])]
    assert changed and set(changed) <= set(pruning.schedule.updates), "masks change where the schedule says"


@pytest.fixture(scope="module")
def moment(trained_mlp):
    """A moment of a training, and the step behind it: a float network, so that formulas can be checked by differences."""
    model, data = trained_mlp
    clone = load().keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    arrays = {"x": shaped(clone, data.x[:128]), "y": np.asarray(data.y[:128], np.int32)}
    pruning = prune(clone, PruneSection(sparsity=0.5), 10)
    step = TrainingStep(
        clone, Objective(), arrays, pruning=pruning, class_weights=None, learning_rate=1e-3, total_steps=10, schedule="constant"
    )
    return Moment(0, 0.0, pruning.final, pruning.final, pruning.masks.arrays(), step.probe, np.random.default_rng(0)), step


def entropy(model, arrays):
    tf = load().tf
    return float(tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(arrays["y"], model(arrays["x"], training=False))))


def test_what_a_probe_says_are_the_derivatives_of_the_loss_and_nothing_moves(moment):
    where, step = moment
    before = [v.numpy() for v in step.model.weights]
    gradients = where.probe.gradients(2)  # every batch holds all 128 samples
    squares = where.probe.gradients(2, squared=True)
    vectors = {name: np.random.default_rng(1).normal(0, 1, g.shape).astype(np.float32) for name, g in gradients.items()}
    products = where.probe.hessian_products(vectors, 1)
    inputs = where.probe.input_squares(128)
    assert all(np.array_equal(a, v.numpy()) for a, v in zip(before, step.model.weights))
    kernels, plain = kernels_of(step.model), entropy(step.model, step.arrays)
    assert where.probe.loss({}, 1) == pytest.approx(plain, rel=1e-5)
    name = "hidden2"
    kernel, place = kernels[name].numpy(), np.unravel_index(np.argmax(np.abs(gradients[name])), gradients[name].shape)
    moved_by = np.zeros_like(kernel)
    moved_by[place] = 5e-3
    difference = where.probe.loss({name: kernel + moved_by}, 1) - where.probe.loss({name: kernel - moved_by}, 1)
    assert difference / 1e-2 == pytest.approx(gradients[name][place], rel=0.05)
    assert squares[name][place] == pytest.approx(gradients[name][place] ** 2, rel=1e-3)
    assert np.array_equal(kernels[name].numpy(), kernel)
    for variable, vector in zip(kernels.values(), vectors.values()):
        variable.assign_add(1e-3 * vector)
    moved = where.probe.gradients(1)
    for variable, value in zip(step.model.weights, before):
        variable.assign(value)
    difference = {n: (moved[n] - gradients[n]) / 1e-3 for n in moved}
    cosine = np.sum(difference[name] * products[name]) / np.sqrt(np.sum(difference[name] ** 2) * np.sum(products[name] ** 2))
    assert cosine > 0.9
    assert np.allclose(inputs["hidden1"][:, 0], np.mean(np.square(step.arrays["x"].numpy()), 0), atol=1e-6)


def test_scores_are_those_of_the_papers(moment, trained_mlp):
    where, step = moment
    kernels, g, f = where.probe.kernels(), where.probe.gradients(8), where.probe.gradients(8, squared=True)
    inputs = where.probe.input_squares(1024)
    wanted = {
        "snip": {n: np.abs(k * g[n]) for n, k in kernels.items()},
        "taylor": {n: k**2 * f[n] for n, k in kernels.items()},
        "activation": {n: np.abs(k) * np.sqrt(inputs[n]) for n, k in kernels.items()},
    }
    for method, scores in wanted.items():
        rule = prune(step.model, PruneSection(method=method, sparsity=0.5), 10).rule
        for name, mask in rule(where).items():
            assert scores[name][mask].min() >= scores[name][~mask].max() * (1 - 1e-5), (method, name)
    values = np.array([[3.0, -1.0], [2.0, 0.5]], np.float32)
    total = np.cumsum([9, 4, 1, 0.25])
    assert np.allclose(lamp(values), [[9 / 9, 1 / total[2]], [4 / total[1], 0.25 / total[3]]])


def test_movement_adds_up_how_weights_move(trained_mlp):
    model, data = trained_mlp
    clone = load().keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    pruning = prune(clone, PruneSection(method="movement", sparsity=0.5, begin=0.9, end=1.0), 100)
    arrays = {"x": shaped(clone, data.x[:128]), "y": np.asarray(data.y[:128], np.int32)}
    step = TrainingStep(
        clone, Objective(), arrays, pruning=pruning, class_weights=None, learning_rate=1e-3, total_steps=100, schedule="constant"
    )
    pruning.begin()
    expected = {n: 0.0 for n in pruning.scores}
    for _ in range(3):
        kernels, gradients = step.probe.kernels(), step.probe.gradients(1)
        expected = {n: expected[n] - gradients[n] * kernels[n] for n in expected}
        step.run(np.arange(128, dtype=np.int32)[None])
    for name, value in pruning.scores.items():
        assert np.allclose(value.numpy(), expected[name], atol=1e-6), name


def test_cheap_weights_stay_where_they_are_worth_the_same(trained_mlp):
    """3 steps have two signed digits, 4 have one: of weights of about one size the ones with one digit stay."""
    student = student_of(trained_mlp)
    kernel = student.get_layer("hidden2").kernel
    levels = np.unique(quantized_kernel(student.get_layer("hidden2")))
    step = levels[levels > 0].min()
    kernel.assign(np.where(np.arange(kernel.shape[0])[:, None] % 2, 3 * step, 4 * step) * np.ones(kernel.shape))
    moment = Moment(0, 0.0, {"hidden2": 0.5}, {"hidden2": 0.5}, {"hidden2": np.ones(kernel.shape, bool)}, _Quantized(student), None)
    rule = prune(student, PruneSection(method="hardware", sparsity=0.5), 10).rule
    values = quantized_kernel(student.get_layer("hidden2"))
    assert len(np.unique(values)) == 2
    mask = rule(moment)["hidden2"]
    assert np.all(mask == (np.arange(kernel.shape[0]) % 2 == 0)[:, None])


class _Quantized:
    def __init__(self, student):
        self.student = student

    def kernels(self):
        return {n: k.numpy() for n, k in kernels_of(self.student).items()}

    def quantized(self):
        return {n: quantized_kernel(self.student.get_layer(n)) for n in kernels_of(self.student)}


def test_patterns(trained_mlp):
    model, rng = trained_mlp[0], np.random.default_rng(2)
    kernels = {n: rng.normal(0, 1, k.shape).astype(np.float32) for n, k in kernels_of(model).items()}

    class Values:
        def kernels(self):
            return kernels

    def masks(section, **sparsity):
        rule = prune(model, section, 10).rule
        final = dict.fromkeys(kernels, section.sparsity)
        return rule(Moment(0, 1.0, final, final | sparsity, {n: np.ones(k.shape, bool) for n, k in kernels.items()}, Values(), rng))

    half = masks(PruneSection(method="nm", sparsity=0.5, options={"n": 2, "m": 4}), hidden2=0.25)
    for name, mask in half.items():
        groups = np.moveaxis(mask, -2, -1).reshape(-1, 4)
        assert np.all(groups.sum(1) == (3 if name == "hidden2" else 2)), "one weight after the other goes"
        values = np.abs(np.moveaxis(kernels[name], -2, -1).reshape(-1, 4))
        assert np.all(np.where(groups, values, 9).min(1) > np.where(groups, 0, values).max(1))
    for mask in masks(PruneSection(method="aligned", sparsity=0.75, options={"reuse": 8})).values():
        groups = mask.T.reshape(-1, 8)
        assert set(groups.sum(1)) == {0, 8} and np.mean(mask) == pytest.approx(0.25, abs=0.01)


def test_fixed_masks_are_the_zeros_of_the_model_or_those_of_a_file(trained_mlp, tmp_path):
    data = trained_mlp[1]
    student = student_of(trained_mlp)
    first = prune(student, PruneSection(sparsity=0.8, **ONCE), 90)
    fit(student, data, TrainConfig(1, batch_size=64), pruning=first)
    save_masks(tmp_path / "masks.npz", first.alive())
    save_model(student, tmp_path / "student.h5")
    read = read_masks(tmp_path / "masks.npz")
    assert all(np.array_equal(read[n], m) for n, m in first.masks.arrays().items())
    for options, start in (({}, load_model(tmp_path / "student.h5")), ({"file": str(tmp_path / "masks.npz")}, student_of(trained_mlp))):
        again = prune(start, PruneSection(method="fixed", options=options), 90)
        fit(start, data, TrainConfig(1, batch_size=64), pruning=again)
        for name, mask in again.masks.arrays().items():
            assert np.array_equal(mask, read[name]) and not np.any(quantized_kernel(start.get_layer(name))[~mask])


def test_a_pruned_training_is_resumed_with_the_same_masks(trained_mlp, tmp_path, monkeypatch):
    from fpgacompress.errors import Interrupted
    from fpgacompress.train import loop

    data, real = trained_mlp[1], loop._epoch
    for method in ("rigl", "movement", "threshold"):
        ends = []
        for folder, kill in (("whole", False), ("stopped", True)):
            for again in (False, True) if kill else (True,):
                student = student_of(trained_mlp)
                section = PruneSection(method=method, sparsity=0.8, end=0.6, frequency=7)
                pruning = prune(student, section, steps_of(len(data.x), CONFIG), 3)
                calls = []

                def dies(*args, calls=calls, again=again):
                    calls.append(1)
                    if len(calls) == 2 and not again:
                        raise KeyboardInterrupt
                    real(*args)

                monkeypatch.setattr(loop, "_epoch", dies)
                try:
                    fit(student, data, CONFIG, pruning=pruning, folder=tmp_path / method / folder)
                except Interrupted:
                    continue
                ends.append([v.numpy() for v in (*student.weights, *pruning.variables)])
        assert all(np.array_equal(a, b) for a, b in zip(*ends, strict=True)), method


def test_refusals(trained_mlp):
    model, quantized = trained_mlp[0], student_of(trained_mlp)
    for section, message in (
        (PruneSection(method="nm", sparsity=0.7), "2:4 and sparsity 0.7.*sparsity 0.5"),
        (PruneSection(method="nm", sparsity=0.4, options={"n": 3, "m": 5}), r"3:5 for 'hidden1' with 784 inputs.*layers: \{hidden1: 0\}"),
        (PruneSection(method="aligned", options={"reuse": 5}), "groups of 5 of the 25088 weights of 'hidden1'"),
        (PruneSection(method="rigl", options={"drop": 1.5}), "drop is 1.5.*below 1"),
        (PruneSection(method="rigl", options={"start": "warm"}), "start is 'warm'.*random or magnitude"),
        (PruneSection(method="rigl", allocation="global"), "allocation: global with 'rigl'.*uniform or erk"),
        (PruneSection(method="movement", allocation="global"), "allocation: global with 'movement'.*uniform or erk"),
        (PruneSection(method="nm", sparsity=0.5, allocation="erk"), "allocation: erk with 'nm'"),
        (PruneSection(method="magnitude", options={"adaptve": True}), "'adaptve' is not an option of 'magnitude'.*adaptive"),
        (PruneSection(method="fixed", options={"file": "/nowhere.npz"}), "prune.options.file: '/nowhere.npz' holds no masks"),
        (PruneSection(method="hardware", options={"value": "luck"}), "value is 'luck'.*magnitude or taylor"),
        (PruneSection(sparsity=0.98, layers={"logits": 0.9999}), "0.9999 of the 160 weights of 'logits' leaves none"),
    ):
        with pytest.raises(ModelError, match=message):
            prune(quantized if section.method == "hardware" else model, section, 100)
