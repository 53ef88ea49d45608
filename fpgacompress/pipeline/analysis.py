"""A float model and real samples for the analyses that come before quantization: sensitivity and allocation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..data import Dataset, load
from ..errors import DataError, ModelError
from ..quantize.sensitivity import BITS, Candidates
from ..recipe import QuantizeSection, load_recipe
from ..train import TrainingData
from ..train.loop import shaped
from ..zoo.files import from_file
from .training import read_data

SAMPLES = 2000
CALIBRATION = 1024
_ARTIFACT = re.compile("float-[0-9a-f]+")
"""Neither a former generation nor a training that is not finished."""


@dataclass(frozen=True, eq=False)
class Analysis:
    """What an analysis needs.

    Attributes:
        model: float tf_keras model ending in logits.
        candidates: its tensors at every width.
        x, y: validation samples ``(n, *model input)`` float32 and class numbers.
        calibration: training samples that activation ranges are fitted on, ``(n, *model input)``.
        dataset: where the samples are from.
        notes: sentences about what was taken or removed.
    """

    model: Any
    candidates: Candidates
    x: np.ndarray
    y: np.ndarray
    calibration: np.ndarray
    dataset: Dataset
    notes: tuple[str, ...]

    def training_data(self) -> TrainingData:
        """All training samples, and the validation samples of the analysis."""
        train = self.dataset.train
        return TrainingData(self.dataset.preprocessing.apply(train.x), train.y.astype(np.int32), self.x, self.y)


def prepare(
    model: str | Path,
    data: str | None = None,
    *,
    bits: Sequence[int] = BITS,
    samples: int = SAMPLES,
    section: QuantizeSection | None = None,
    data_dir: str | Path | None = None,
) -> Analysis:
    """Open a float model and its data.

    Args:
        model: a float Keras file (.h5, .keras, SavedModel), or a run folder, whose float student is taken.
        data: a data set by name, or a path to your own with labels; a run folder knows its own.
        bits: widths to look at.
        samples: validation samples used, the first ones.
        section: settings besides widths; those of the run, else least squared error ranges.
        data_dir: folder searched first for named data sets.

    Raises:
        ModelError, DataError, UnsupportedError: what cannot be had; one sentence each.
    """
    path, notes = Path(model), []
    if samples < 1:
        raise DataError(f"{samples} samples", expected="at least 1")
    if path.is_dir() and not (path / "saved_model.pb").is_file():
        recipe = _recipe_of(path)
        path = _float_student(path)
        notes.append(f"the float student of the run, {path.parent.name}")
        section = section or recipe.quantize
        dataset = read_data(recipe, data_dir) if data is None else load(data, data_dir=data_dir)
    elif data is None:
        raise DataError("no data", expected="a data set by name, or a path to your own", do="give --data")
    else:
        dataset = load(data, data_dir=data_dir)
    if not len(dataset.validation):
        raise DataError(f"'{dataset.name}' has no validation samples", expected="some, everything is measured on them")
    network, changed = from_file(path, dataset.input_shape, len(dataset.classes))
    notes += changed
    apply = dataset.preprocessing.apply
    x, y = shaped(network, apply(dataset.validation.x[:samples])), dataset.validation.y[:samples]
    calibration = shaped(network, apply(dataset.train.x[:CALIBRATION]))
    candidates = Candidates(network, calibration, dataset.preprocessing.input_type, bits, section)
    notes.append(f"{len(x):,} validation samples of {dataset.name}; ranges fitted on {len(calibration):,} training samples")
    return Analysis(network, candidates, x, y, calibration, dataset, tuple(notes))


def _recipe_of(folder: Path) -> Any:
    path = folder / "recipe.yaml"
    if not path.is_file():
        raise ModelError(
            f"the folder '{folder}' holds no run", expected="a SavedModel or the folder of a run", do="give the model file itself"
        )
    return load_recipe(path)


def _float_student(folder: Path) -> Path:
    """The newest float student of a run."""
    whole = [p for p in folder.glob("artifacts/float-*/model.h5") if _ARTIFACT.fullmatch(p.parent.name)]
    found = sorted(whole, key=lambda p: p.stat().st_mtime)
    if not found:
        raise ModelError(f"the run '{folder}' has no float student yet", do="fpgacompress run RECIPE first")
    return found[-1]
