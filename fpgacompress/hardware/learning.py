"""One LUT or FF law learned from its rows: coefficients, what is left over near the rows, intervals, and errors on what was left out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from .area import HEADS, features, head_of
from .calibration import FILE
from .coverage import bounds, covered, log_ratio
from .fitting import fit_law
from .residual import Rows, choose, log_error, position
from .table import Sample


def errors(predicted: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Median and 90th percentile of the relative error."""
    error = np.abs(predicted - y) / y
    return {"median": round(float(np.median(error)), 4), "p90": round(float(np.quantile(error, 0.9)), 4)}


LEAST_ROWS = 20
"""Rows of a kind of part (7 series, UltraScale+) from which it has an interval of its own."""


def architecture(sample: Sample) -> str:
    """Split key that keeps all widths and reuse factors of one layer shape together."""
    return "-".join([str(sample.layers[0][0].n_in)] + [str(f.n_out) for f, _ in sample.layers])


FOLDS = 20
"""Most parts into which a law's architectures are dealt to be left out; where there are more, several are left out together."""


@dataclass(frozen=True)
class LeftOut:
    """Every design of a law predicted by a fit on designs with other keys.

    Attributes:
        law: by the fitted law alone.
        told: with the smoother, whose width and prior were chosen among the other designs.
        support: of the smoother, 0 to 1.
    """

    law: np.ndarray
    told: np.ndarray
    support: np.ndarray


@dataclass(frozen=True)
class Learned:
    """The rows of one law: features and positions of all layers, whose designs they are, what was measured, and the split keys of the designs."""

    head: str
    x: np.ndarray
    places: np.ndarray
    owner: np.ndarray
    y: np.ndarray
    groups: np.ndarray
    families: np.ndarray

    @property
    def designs(self) -> np.ndarray:
        """Features of whole designs: sums over their layers."""
        found = np.zeros((len(self.y), self.x.shape[1]))
        np.add.at(found, self.owner, self.x)
        return found

    def rows(self, coefficients: np.ndarray) -> Rows:
        """The same with what a law says of each layer."""
        return Rows(self.places, self.owner, self.x @ coefficients, self.y)

    def left_out(self, keys: np.ndarray) -> LeftOut:
        """Predictions with the designs of each key left out in turn."""
        law, told, support, designs = np.zeros(len(self.y)), np.zeros(len(self.y)), np.zeros(len(self.y)), self.designs
        for key in dict.fromkeys(keys.tolist()):
            out = keys == key
            rows = self.rows(fit_law(self.head, designs[~out], self.y[~out]))
            inner, outer = rows.only(~out), rows.only(out)
            law[out] = told[out] = outer.law
            if chosen := choose(self.head, inner, self.groups[~out]):
                logs, near = inner.residual(self.head, *chosen).at(outer.places)
                told[out], support[out] = outer.corrected(logs), outer.per_design(near)
        return LeftOut(law, told, support)


def learned_rows(head: str, samples: list[Sample]) -> tuple[list[Sample], Learned | None]:
    """The samples that a law is fitted to, and their rows (None: there are none)."""
    kind, stage = head.split("_")[1:]
    column = f"{kind}_{'synth' if stage == 'post-synth' else 'csynth'}"
    samples = [
        s for s in samples if s.truth.get(column, 0) > 0 and all(head_of(f, s.strategy, rf, kind, stage) == head for f, rf in s.layers)
    ]
    layers = [(i, f, rf, s.setting) for i, s in enumerate(samples) for f, rf in s.layers]
    if not layers:
        return [], None
    return samples, Learned(
        head,
        np.stack([features(head, *layer) for _, *layer in layers]),
        np.stack([position(head, *layer) for _, *layer in layers]),
        np.array([i for i, *_ in layers]),
        np.array([s.truth[column] for s in samples]),
        np.array([f"{s.family} {architecture(s)}" for s in samples]),
        np.array([s.family for s in samples]),
    )


def _folds(groups: np.ndarray) -> np.ndarray:
    """Keys by which architectures are left out."""
    number = {group: i % FOLDS for i, group in enumerate(dict.fromkeys(groups.tolist()))}
    return np.array([number[g] for g in groups.tolist()])


def fit_head(head: str, samples: list[Sample]) -> dict[str, Any]:
    """Coefficients, smoother, intervals and left-out errors of one law; the shipped one where the table has no rows for it.

    The smoother is kept where its error, chosen and measured on architectures left out of everything, is less than the law's, and on families
    left out not more.
    """
    samples, rows = learned_rows(head, samples)
    if rows is None:
        return shipped()["heads"][head]
    y, names = rows.y, list(dict.fromkeys(rows.families.tolist()))
    coefficients = fit_law(head, rows.designs, y)
    near = rows.left_out(_folds(rows.groups))
    far = rows.left_out(rows.families) if len(names) > 1 else None
    whole = rows.rows(coefficients)
    chosen = choose(head, whole, rows.groups)
    better = log_error(near.told, y) < log_error(near.law, y) and (far is None or log_error(far.told, y) <= log_error(far.law, y))
    kept = whole.residual(head, *chosen) if chosen and better else None

    several = sum(np.sum(rows.families == n) >= LEAST_ROWS for n in names) > 1
    unknown = log_ratio(far.law if far is not None and several else near.law, y)
    known, support = log_ratio(near.told if kept else near.law, y), near.support if kept else np.zeros(len(y))
    intervals, pools = {"all": bounds(unknown, known, support)}, np.zeros(len(y), int)
    for number, (part, kind) in enumerate((("7series", False), ("ultrascale", True)), 1):
        own = np.array([s.setting.ultrascale == kind for s in samples])
        if LEAST_ROWS <= own.sum() < len(own):
            intervals[part], pools[own] = bounds(unknown[own], known[own], support[own]), number
    inside = covered(unknown, known, support, pools, rows.groups)
    return {
        "largest": {n: round(float(v), 1) for n, v in zip(HEADS[head], rows.x.max(axis=0))},
        "coefficients": {n: float(f"{c:.5g}") for n, c in zip(HEADS[head], coefficients)},
        "residual": kept.to_json(head) if kept else None,
        "intervals": {part: [round(float(np.exp(v)), 4) for v in ends] for part, ends in intervals.items()},
        "interval_from": "families left out" if far is not None and several else "architectures left out",
        "rows": len(y),
        "families": names,
        "coverage": {n: [round(float(np.mean(i[rows.families == n])), 3) for i in inside] for n in names},
        "in_sample": errors(rows.designs @ coefficients, y),
        "architectures_left_out": _both(near, y),
        "families_left_out": {n: _both(far, y, rows.families == n) if far else None for n in names},
    }


def _both(out: LeftOut, y: np.ndarray, own: np.ndarray | slice = slice(None)) -> dict[str, dict[str, float]]:
    """Errors of the law and of the law with the smoother."""
    return {"law": errors(out.law[own], y[own]), "with_residual": errors(out.told[own], y[own])}


def shipped() -> dict[str, Any]:
    """The calibration in the package; what a table has no rows for is kept from it."""
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.is_file() else {"heads": {}, "ratios": {}}
