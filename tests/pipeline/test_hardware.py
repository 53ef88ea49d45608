"""What the board computes: neurons left out without a differing bit, and accumulators narrower than the exact ones."""

import numpy as np
import pytest

from fpgacompress.errors import RecipeError
from fpgacompress.integer import Emulator, simplify
from fpgacompress.pipeline import check, compress
from fpgacompress.pipeline.verification import verify_model

from .conftest import RECIPE


def quietly(line: str) -> None:
    pass


def test_the_firmware_computes_the_simplified_student(job):
    told = simplify(job.network)
    assert job.firmware.network == job.hardware == told.network
    assert [r.to_json() for r in told.removed] == job.figures["hardware"]["removed"]
    x = np.random.default_rng(0).integers(job.network.input.out.low, job.network.input.out.high + 1, (64, *job.network.input.shape))
    assert np.array_equal(Emulator(job.network).run(x), job.firmware.predict(x))


def test_a_run_and_its_published_copy_verify_in_every_layer(job, tmp_path):
    from fpgacompress.report.card import publish

    told = verify_model(job.folder, "fashion_mnist", samples=100, hls_samples=20)
    assert told.exact and {"keras", "integer", "hls"} <= set(told.executors)
    assert told.sources["data"]["samples"] == 10000 and told.by_executor == {"keras": 0, "integer": 0, "hls": 0}
    assert {"hidden1", "hidden2", "logits"} <= set(told.layers_compared["keras"]) & set(told.layers_compared["hls"])
    publish(job.figures, job.artifacts, tmp_path / "published")
    told = verify_model(tmp_path / "published", samples=100, against=["keras", "integer"])
    assert told.exact and told.layers_compared["keras"]


def test_narrow_accumulators_are_emulated_as_the_firmware_computes_them(job, places, tmp_path):
    narrow = RECIPE | {"firmware": {"accumulators": {"logits": "fixed<8,4>", "hidden1": "fixed<9,5>"}}}
    run = compress(narrow, run_dir=places["run_dir"], projects=tmp_path, message=quietly)
    verify = run.figures["verify"]
    assert verify["by_executor"]["hls"] == 0  # the same wrapped sums
    assert verify["by_executor"]["keras"] > 0 and any("bits differ" in p for p in run.problems)  # which are not the student's
    rows = {r["layer"]: r for r in run.figures["hardware"]["accumulators"]}
    assert rows["logits"]["used"] == "fixed<8,4>" and not rows["logits"]["holds"] and rows["hidden2"]["holds"]


@pytest.mark.parametrize(
    "given, text",
    [({"hiden1": "fixed<16,6>"}, "firmware.accumulators.*hiden1"), ({"logits": "int8"}, "'int8' is not a fixed-point type")],
)
def test_wrong_accumulators_are_refused_before_training(given, text):
    with pytest.raises(RecipeError, match=text):
        check(RECIPE | {"firmware": {"accumulators": given}})
