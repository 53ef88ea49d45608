"""Quantize a trained float model without training it: from a file and a data set to a student, its integer network and honest accuracies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..data import Dataset, Split, load
from ..data.splitting import first_stratified
from ..errors import DataError, FpgaCompressError, ModelError
from ..export.tflite import Interpreter, TfliteFile, write_tflite
from ..figures import Figure
from ..integer import Emulator, store
from ..keras_stack import save_model
from ..metrics.statistics import PairedTest, paired_test, proportion
from ..metrics.task import correct
from ..quantize.policy import default_bits
from ..quantize.ptq import PtqResult, post_training
from ..quantize.ptq.measure import table
from ..recipe import QuantizeSection, load_recipe
from ..run import write_json
from ..train import logits_of
from ..train.loop import shaped
from ..zoo.files import from_file

METHODS = ("ptq", "full-integer", "dynamic")
"""ptq: weights and activations in fixed point. full-integer: the input, too. dynamic: weights only, activations stay float (no firmware)."""
TFLITE_SAMPLES = 500


@dataclass(frozen=True)
class Lite:
    """A TFLite file beside the student: what it is, and the accuracy of the interpreter's output on the test split."""

    file: TfliteFile
    title: str
    accuracy: Figure
    differing_logits: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain dictionary."""
        return self.file.to_json() | {"title": self.title, "test": self.accuracy, "differing_logits": self.differing_logits}


@dataclass(frozen=True)
class Quantized:
    """A model that was quantized after training.

    Attributes:
        method: one of :data:`METHODS`.
        section: the settings.
        result: student, integer network and report.
        dataset: where the samples are from; its test split was read once.
        validation, test: accuracies of "float" and "quantized".
        paired: quantized minus float on the test samples.
        differing_logits: logits of the test samples in which Keras and the integer network differ; None without a network.
        tflite: files written.
        notes: sentences about what was taken, removed or refused.
    """

    method: str
    section: QuantizeSection
    result: PtqResult
    dataset: Dataset
    validation: dict[str, Figure]
    test: dict[str, Figure]
    paired: PairedTest
    differing_logits: int | None
    tflite: tuple[Lite, ...]
    notes: tuple[str, ...]

    def save(self, folder: str | Path) -> list[Path]:
        """Write the student into a folder, in the form that ``verify`` and ``estimate`` read; a dynamic model is called ``dynamic.h5``.

        Raises:
            ModelError, DataError, RunError: a file cannot be written.
        """
        folder = Path(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ModelError(f"the folder '{folder}' cannot be made ({error})", do="choose another folder") from error
        network = self.result.network
        files = [save_model(self.result.student, folder / ("student.h5" if network else "dynamic.h5"))]
        if network:
            files.append(store.save(network, folder / "student.npz"))
        return [*files, self.dataset.preprocessing.save(folder), write_json(folder / "quantize.json", self.to_json())]

    def to_json(self) -> dict[str, Any]:
        """Plain dictionary with figures."""
        return {
            "method": self.method,
            "settings": self.section.model_dump(mode="json"),
            "data": self.dataset.to_json(),
            "accuracy": {"validation": self.validation, "test": self.test},
            "difference": vars(self.paired),
            "differing_logits": self.differing_logits,
            "report": self.result.report.to_json(),
            "tflite": [lite.to_json() for lite in self.tflite],
            "notes": list(self.notes),
        }

    def text(self) -> str:
        """Layers, accuracies, sizes and notes as plain text."""
        report, paired = self.result.report, self.paired
        lines = [table(report.layers, report.ranges)]
        for split, found in (("validation", self.validation), ("test", self.test)):
            lines.append(f"{split + ' accuracy':20} float {found['float'].text()}, quantized {found['quantized'].text()}")
        lines.append(
            f"{'difference, test':20} {100 * paired.difference:+.2f} points ({100 * paired.low:+.2f} to {100 * paired.high:+.2f}), p {paired.p:.2g}"
        )
        lines.append(f"{'weights':20} {report.bytes:,} bytes, float {report.float_bytes:,} bytes")
        if self.differing_logits is not None:
            lines.append(f"{'integer network':20} {self.differing_logits} logits differ from Keras on {paired.n:,} test samples")
        for lite in self.tflite:
            same = "" if lite.differing_logits is None else f", {lite.differing_logits} logits differ from the student's"
            lines.append(f"{lite.file.path.name:20} {lite.title}: {lite.file.bytes:,} bytes, test accuracy {lite.accuracy.text()}{same}")
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)]) + "\n"


def section_of(
    method: str, preset: str | None = "int8", settings: Sequence[str] = (), *, ranges: str | None = None, **flags: bool
) -> QuantizeSection:
    """The recipe section that a request means.

    Args:
        method: one of :data:`METHODS`.
        preset: bits to start from.
        settings: assignments to fields of the section, such as ``"default.bias=12"``.
        ranges: how integer bits of weights and activations are fitted; the section's own rules when None.
        flags: ``equalize``, ``bias_correction``.

    Raises:
        ModelError: unknown method.
        RecipeError: a wrong field or value.
    """
    if method not in METHODS:
        raise ModelError(f"the method {method!r}", expected=f"one of {', '.join(METHODS)}")
    own = {"method": "dynamic" if method == "dynamic" else "ptq", "preset": preset} | flags
    if ranges is not None:
        own |= {"ranges": ranges, "activation_ranges": ranges}
    draft = {"name": "quantize", "data": {"source": "given"}, "quantize": own}
    section = load_recipe(draft, overrides=[f"quantize.{setting}" for setting in settings]).quantize
    if method == "full-integer" and section.input is None:
        section = section.model_copy(update={"input": default_bits(section).activation})
    return section


def _accuracy(right: np.ndarray, what: str) -> Figure:
    return proportion(int(right.sum()), len(right), stage="trained", provenance=f"{what} samples")


def quantize_model(
    model: str | Path | Any,
    data: str,
    *,
    method: str = "ptq",
    section: QuantizeSection | None = None,
    tflite: str | Path | None = None,
    data_dir: str | Path | None = None,
) -> Quantized:
    """Quantize a trained float model without training it, and measure what that costs.

    Args:
        model: path of a float Keras file (a final softmax or sigmoid is removed), or a tf_keras model ending in logits.
        data: data set by name, or a path to your own with labels. Ranges are fitted on training samples; the test split is read once.
        method: one of :data:`METHODS`.
        section: settings; by default the preset ``int8``.
        tflite: path of a TFLite file to write: for "dynamic" TFLite's own; else our student's integers where TFLite can hold them, and TFLite's
            own int8 form of the float model beside it (``<name>_own.tflite``).
        data_dir: folder searched first for named data sets.

    Raises:
        ModelError, UnsupportedError, DataError: what cannot be had; one sentence each.
    """
    section = section_of(method) if section is None else section
    dataset = load(data, data_dir=data_dir)
    if not len(dataset.validation):
        raise DataError(f"'{dataset.name}' has no validation samples", expected="some, to judge the settings by")
    notes: list[str] = []
    if isinstance(model, (str, Path)):
        model, notes = from_file(model, dataset.input_shape, len(dataset.classes))
    apply, kind = dataset.preprocessing.apply, dataset.preprocessing.input_type
    chosen = first_stratified(dataset.train.y, max(section.calibration_samples, len(dataset.classes)))
    calibration = apply(dataset.train.x[chosen])
    result = post_training(model, section, calibration, input_type=kind)
    notes += [f"ranges fitted on {result.report.samples:,} training samples of {dataset.name}", *result.report.notes]
    if result.network is None:
        notes.append("activations stay float, so there is no integer network and no firmware; use ptq or full-integer for those")

    def rights(split: Split) -> dict[str, np.ndarray]:
        x = apply(split.x)
        return {name: correct(logits_of(m, x), split.y) for name, m in (("float", model), ("quantized", result.student))}

    validation, test_split = rights(dataset.validation), dataset.read_test("quantize")
    test = rights(test_split)
    files, differing = [], None
    logits = logits_of(result.student, apply(test_split.x))
    if result.network is not None:
        stored = dataset.preprocessing.apply_integer(test_split.x).reshape(-1, *result.network.input.shape)
        computed = result.network.output.out.to_float(Emulator(result.network).run(stored))
        differing = int(np.count_nonzero(computed != logits))
    if tflite is not None:
        files, told = _lite_files(model, result, Path(tflite), apply(test_split.x), test_split.y, logits, shaped(model, calibration))
        notes += told
    return Quantized(
        method,
        section,
        result,
        dataset,
        {name: _accuracy(right, "validation") for name, right in validation.items()},
        {name: _accuracy(right, "test") for name, right in test.items()},
        paired_test(test["quantized"], test["float"]),
        differing,
        tuple(files),
        tuple(notes),
    )


def _lite_files(
    model: Any, result: PtqResult, path: Path, x: np.ndarray, y: np.ndarray, logits: np.ndarray, calibration: np.ndarray
) -> tuple[list[Lite], list[str]]:
    """TFLite files of a request, run on the test samples, and what TFLite cannot hold."""

    def ran(file: TfliteFile, title: str, compare: bool = False) -> Lite:
        answers = Interpreter(file.path).run(x)
        differing = int(np.count_nonzero(answers != logits)) if compare else None
        return Lite(file, title, _accuracy(correct(answers, y), "test"), differing)

    if result.network is None:
        file = write_tflite(model, path, "dynamic")
        return [ran(file, "TFLite's own dynamic-range form")], ["TFLite's dynamic-range weights have 8 bits, whatever the preset says"]
    files, notes = [], []
    try:
        files.append(ran(write_tflite(result.network, path, "fixed"), "the student's own integers in TFLite", compare=True))
    except FpgaCompressError as error:
        notes.append(f"TFLite cannot hold this student: {error}")
    own = path.with_name(f"{path.stem}_own{path.suffix or '.tflite'}") if files else path
    files.append(ran(write_tflite(model, own, "int8", calibration[:TFLITE_SAMPLES]), "TFLite's own int8 form of the float model"))
    return files, [*notes, "TFLite computes with 8 bits: weights and activations of fewer bits take as much room there"]
