"""How near estimates come to measured rows of a table: errors and coverage of the intervals, family by family."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..figures import Figure
from .table import Sample

COUNTS = ("dsp", "bram18", "bram36", "latency", "ii")
"""Columns whose errors are told in units, not in percent."""


@dataclass(frozen=True)
class Score:
    """Errors of one column in one family and strategy.

    Attributes:
        family, strategy, column: which rows and which figure.
        rows: measured rows with an estimate.
        missing: measured rows without one.
        median, p90: of the relative error (a fraction), of the absolute error where the column is a count; None without rows.
        covered: share of the rows inside their interval; None without rows.
    """

    family: str
    strategy: str
    column: str
    rows: int
    missing: int
    median: float | None
    p90: float | None
    covered: float | None

    @property
    def relative(self) -> bool:
        """Errors are fractions of what was measured."""
        return self.column.split("_")[0] not in COUNTS


def scores(samples: list[Sample], told: list[dict[str, Figure]]) -> list[Score]:
    """One score for each family, strategy and measured column, in the order of the rows. ``told``: what was estimated for each sample."""
    found: dict[tuple[str, str, str], list[tuple[Figure, float]]] = {}
    for sample, figures in zip(samples, told, strict=True):
        strategy = sample.strategy if sample.plan else ""
        for column, figure in figures.items():
            measured = sample.truth.get(column, sample.truth.get(f"{column}_csynth"))
            if measured is not None:
                found.setdefault((sample.family, strategy, column), []).append((figure, measured))
    return [_score(key, pairs) for key, pairs in found.items()]


def _score(key: tuple[str, str, str], pairs: list[tuple[Figure, float]]) -> Score:
    known = [(f, m) for f, m in pairs if f.available]
    if not known:
        return Score(*key, 0, len(pairs), None, None, None)
    relative = Score(*key, 0, 0, None, None, None).relative
    errors = [abs(f.value - m) / (max(m, 1.0) if relative else 1.0) for f, m in known]
    inside = [f.low is None or f.high is None or f.low <= m <= f.high for f, m in known]
    quantiles = (float(np.quantile(errors, q)) for q in (0.5, 0.9))
    return Score(*key, len(known), len(pairs) - len(known), *quantiles, float(np.mean(inside)))


def format_scores(rows: list[Score]) -> str:
    """The scores as plain text, one line each."""
    lines = [f"{'family':26} {'strategy':9} {'column':14} {'rows':>5} {'none':>5} {'median':>9} {'P90':>9}  covered"]
    for r in rows:
        start = f"{r.family:26} {r.strategy:9} {r.column:14} {r.rows:5} {r.missing:5}"
        if r.median is None or r.p90 is None or r.covered is None:
            lines.append(f"{start} {'n/a':>9} {'n/a':>9}  n/a")
            continue
        one = [f"{100 * v:.1f} %" if r.relative else f"{v:.0f}" for v in (r.median, r.p90)]
        lines.append(f"{start} {one[0]:>9} {one[1]:>9}  {100 * r.covered:.0f} %")
    return "\n".join(lines) + "\n"
