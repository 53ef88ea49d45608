"""Masks through a whole run: what is pruned is zero in the student, in the integer network and in the file of masks."""

import numpy as np
import pytest

from fpgacompress.errors import RecipeError
from fpgacompress.integer import store
from fpgacompress.keras_stack import load_model
from fpgacompress.pipeline import check, compress
from fpgacompress.prune import kernels_of, read_masks
from fpgacompress.run import read_json

RECIPE = {
    "name": "pruned",
    "data": {"source": "fashion_mnist", "limit": 1200},
    "teacher": {"model": "mlp", "options": {"hidden": [24]}, "epochs": 1},
    "student": {"options": {"hidden": [16, 12]}},
    "train": {"pretrain_epochs": 3, "epochs": 3, "batch_size": 32, "learning_rate": 2e-3, "tensorboard": False},
    "compare": ["qat"],
    "firmware": {"compile": False},
}


def run(tmp_path, until=None, **more):
    lines = []
    return compress(RECIPE | more, run_dir=tmp_path / "run", projects=tmp_path / "projects", message=lines.append, until=until), lines


def test_zeros_of_a_method_with_options_reach_the_integers(tmp_path):
    prune = {"method": "rigl", "sparsity": 0.8, "allocation": "erk", "frequency": 10, "options": {"start": "magnitude"}}
    job, _ = run(tmp_path, prune=prune)
    masks, student = read_masks(job.artifacts["student"] / "masks.npz"), load_model(job.artifacts["student"] / "model.h5")
    network = store.load(job.artifacts["lower"] / "student.npz")
    kernels = {n.name: np.asarray(n.kernel.values) for n in network.weighted}
    assert set(masks) <= set(kernels) and not (job.artifacts["qat"] / "masks.npz").exists()
    for name, mask in masks.items():
        assert not np.any(kernels[name][~mask]) and not np.any(student.get_layer(name).kernel.numpy()[~mask])
    zeros = sum(int((~m).sum()) for m in masks.values())
    assert zeros / sum(k.size for k in kernels.values()) == pytest.approx(0.8, abs=0.001)
    assert job.figures["verify"]["differing_bits"] == 0


def test_quantized_students_keep_the_zeros_of_a_pruned_float_student(tmp_path):
    prune = {"sparsity": 0.8, "allocation": "global", "frequency": 5, "float_student": True}
    job, _ = run(tmp_path, until="train", prune=prune, distill={"float_student": True})
    zeros = {n: k.numpy() != 0 for n, k in kernels_of(load_model(job.artifacts["float"] / "model.h5")).items()}
    masks = read_masks(job.artifacts["student"] / "masks.npz")
    whole = np.concatenate([np.ravel(z) for z in zeros.values()])
    assert np.mean(whole) == pytest.approx(0.2, abs=0.001) and all(np.array_equal(masks[n], z) for n, z in zeros.items())
    student = kernels_of(load_model(job.artifacts["student"] / "model.h5"))
    assert all(not np.any(k.numpy()[~zeros[n]]) for n, k in student.items())
    rows = read_json(job.artifacts["float"] / "history.json")
    assert rows[-1]["sparsity"] == pytest.approx(0.8, abs=0.001) and "distill" in rows[-1]


def test_aligned_zeros_free_multipliers_of_the_firmware(tmp_path):
    prune = {"method": "aligned", "sparsity": 0.75, "options": {"reuse": 16}, "layers": {"logits": 0}, "frequency": 10}
    firmware = {"strategy": "resource_unrolled", "layers": {"hidden*": 16}, "compile": False}
    job, _ = run(tmp_path, prune=prune, firmware=firmware)
    layers = {row["name"]: row for row in job.figures["estimate"]["layers"]}
    assert layers["hidden1"]["strategy"] == "Resource_Unrolled" and layers["hidden1"]["mults"] == 784 * 16 // 16 // 4
    assert layers["hidden2"]["mults"] <= 3 and job.figures["estimate"]["total"]["lut"].value is None
    code = "".join(path.read_text() for path in (tmp_path / "projects").rglob("nnet_code_gen.h"))
    assert f"limit={784 * 16 // 16 // 4}" in code


def test_the_zeros_of_learned_bits_are_told_too(tmp_path):
    learned = {"masks": True, "epochs": 12, "cycles": 2, "settle_epochs": 1, "tune_epochs": 2, "points": 2, "descent_sweeps": 0}
    job, _ = run(
        tmp_path,
        until="lower",
        data={"source": "gamma_neutron", "validation": 250, "limit": 800},
        student={"options": {"hidden": [8]}},
        quantize={"method": "learned", "learned": learned},
        prune={"sparsity": 0.5, "end": 0.3, "frequency": 5},
    )
    masks = read_masks(job.artifacts["student"] / "masks.npz")
    network = store.load(job.artifacts["lower"] / "student.npz")
    assert set(masks) == {n.name for n in network.weighted}
    assert all(not np.any(np.asarray(n.kernel.values)[~masks[n.name]]) for n in network.weighted)
    assert sum((~m).sum() for m in masks.values()) >= 0.5 * sum(m.size for m in masks.values())


@pytest.mark.parametrize(
    ("prune", "message"),
    [
        ({"method": "nm", "sparsity": 0.5, "options": {"n": 3, "m": 5}}, "prune: .*3:5 and sparsity 0.5"),
        ({"method": "rigl", "allocation": "global"}, "prune.allocation: global with 'rigl'. Expected: uniform or erk"),
        ({"method": "digits", "float_student": True}, "prune: .*'hidden1' has no quantizer"),
        ({"allocation": "sensitivity", "sparsity": 0.995, "layers": {"logits": 0}}, "0.995 with allocation sensitivity.*at most 0.99"),
        ({"sparsity": 0.9999}, "prune: .*leaves none"),
        ({"method": "lottery"}, "lottery"),
        ({"method": "fixed", "options": {"file": "nowhere.npz"}}, "nowhere.npz"),
        ({"options": {"adaptve": True}}, "'adaptve' is not an option of 'magnitude'"),
    ],
)
def test_what_cannot_be_done_is_found_before_any_training(prune, message):
    with pytest.raises(RecipeError, match=message):
        check(RECIPE | {"prune": prune})


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"quantize": {"preset": "binary"}}, r"prune: .*weights of 'hidden1' cannot be zero \(binary\).*layers: \{hidden1: 0\}"),
        ({"shrink": {"share": 0.5}, "prune": {"float_student": True}}, "prune.float_student: .*lost by shrink"),
        ({"quantize": {"start": "scratch"}, "prune": {"float_student": True}}, "prune.float_student: .*lost by quantize.start"),
        (
            {"quantize": {"method": "learned", "learned": {"masks": True}}, "prune": {"method": "digits"}},
            "pruning of digits, and learned bits",
        ),
        (
            {"quantize": {"method": "learned", "learned": {"masks": True}}, "prune": {"method": "movement"}},
            "learned masks, and learned bits",
        ),
        ({"shrink": {"share": 0.5, "layers": {"hidden1": 1.5}, "rounds": 2}}, "shrink.layers: .*share of 'hidden1' is 1.5"),
    ],
)
def test_what_does_not_go_together_is_found_before_any_training(more, message):
    with pytest.raises(RecipeError, match=message):
        check(RECIPE | more)


def test_zeros_of_the_float_student_are_kept_with_more_bits_too(tmp_path):
    prune = {"sparsity": 0.8, "frequency": 5, "float_student": True}
    job, _ = run(tmp_path, until="train", prune=prune, quantize={"preset": "int4"}, distill={"chain": [8]}, compare=[])
    base, student = (kernels_of(load_model(job.artifacts[n] / "model.h5")) for n in ("float", "student"))
    assert all(not np.any(k.numpy()[base[n].numpy() == 0]) for n, k in student.items())
    assert all(np.mean(k.numpy() == 0) >= 0.79 for k in student.values())
