"""The fitted laws: coefficients and residual quantiles from ``calibration.json``, and the figures they give."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import HardwareError
from ..figures import Figure
from .area import HEADS

FILE = Path(__file__).with_name("calibration.json")

COVERAGE = "90 % conformal, groups left out"
"""What the interval of a calibrated figure is."""

SPREAD = {"near": 1.2, "size": 1.5, "reuse": 2.5}
"""How far an extrapolated interval is widened on both sides, term by term.

"near": other widths, sizes, part family or back end than the table, but no more bits than it has; "size": a term with more bits than the
largest in the
table; "reuse": reuse factors up to ``n_in``, known from one design. Judgement, not calibration: nothing in the table can confirm it.
"""


@dataclass(frozen=True)
class Head:
    """One fitted law.

    Attributes:
        coefficients: LUT or FF per bit, one per feature of :data:`.area.HEADS`.
        low, high: quantiles of measured over predicted at 90 % coverage.
        by_part: the same of parts of one kind ("7series", "ultrascale"), where the table has enough of it.
        largest: largest value of each feature in a layer of the table.
        text: where it comes from, for reports.
    """

    coefficients: np.ndarray
    low: float
    high: float
    largest: np.ndarray
    text: str
    by_part: dict[str, tuple[float, float]] = field(default_factory=dict)

    def ends(self, ultrascale: bool) -> tuple[float, float]:
        """Quantiles for a kind of part."""
        return self.by_part.get("ultrascale" if ultrascale else "7series", (self.low, self.high))


@dataclass(frozen=True)
class Calibration:
    """All fitted laws and the post-synthesis ratios (measured over C-synthesis: value, low, high)."""

    heads: dict[str, Head]
    ratios: dict[str, tuple[float, float, float]]
    date: str
    source: str

    def predict(self, head: str, values: np.ndarray) -> float:
        """LUT or FF of a layer from its features."""
        return float(values @ self.heads[head].coefficients)

    def area(self, head: str, values: np.ndarray, spread: float = 1.0, ultrascale: bool = True) -> Area:
        """The same with its interval; terms larger than any in the table are widened by ``SPREAD["size"]``, all others by ``spread``."""
        law = self.heads[head]
        terms = values * law.coefficients
        beyond = (values > law.largest) & (law.largest > 0)
        low, high = law.ends(ultrascale)
        factors = np.where(beyond, max(spread, SPREAD["size"]), spread)
        return Area(
            float(terms.sum()),
            float((terms / factors).sum()) * low,
            float((terms * factors).sum()) * high,
            bool((factors > 1).any()),
        )


def from_json(data: dict[str, Any]) -> Calibration:
    """Calibration from the content of a calibration file."""
    heads = {
        name: Head(
            np.array([h["coefficients"][n] for n in HEADS[name]], np.float64),
            h["low"],
            h["high"],
            np.array([h["largest"][n] for n in HEADS[name]], np.float64),
            f"{h['rows']} rows, {', '.join(h['families'])}",
            {part: (low, high) for part, (low, high) in h.get("by_part", {}).items()},
        )
        for name, h in ((n, data["heads"][n]) for n in HEADS)
    }
    return Calibration(heads, {k: (v["value"], v["low"], v["high"]) for k, v in data["ratios"].items()}, data["date"], data["source"])


_used: ContextVar[Calibration | None] = ContextVar("calibration", default=None)


@contextmanager
def using(calibration: Calibration) -> Iterator[None]:
    """Estimates inside the block are made with this calibration instead of the shipped one."""
    token = _used.set(calibration)
    try:
        yield
    finally:
        _used.reset(token)


def load_calibration(path: str | Path | None = None) -> Calibration:
    """The calibration in a file; without one that of :func:`using`, or the one shipped with the package.

    Raises:
        HardwareError: the file is missing or not a calibration.
    """
    return _read(path or FILE) if path or _used.get() is None else _used.get()


@lru_cache(maxsize=1)
def digest() -> str:
    """SHA-256 of what the shipped calibration says, its date left out (hexadecimal)."""
    content = json.loads(FILE.read_text(encoding="utf-8"))
    return hashlib.sha256(json.dumps({k: v for k, v in content.items() if k != "date"}, sort_keys=True).encode()).hexdigest()


@lru_cache(maxsize=4)
def _read(path: str | Path) -> Calibration:
    """A calibration file.

    Raises:
        HardwareError: the file is missing or not a calibration.
    """
    try:
        return from_json(json.loads(Path(path).read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise HardwareError(
            f"calibration {path} cannot be read ({type(error).__name__}: {error})",
            do="make it with `fpgacompress calibrate --output FILE`",
        ) from None


@dataclass(frozen=True)
class Area:
    """A number of LUT or FF with its interval, before it is summed into a figure (unit: LUT or FF)."""

    value: float
    low: float
    high: float
    extrapolated: bool

    def __add__(self, other: Area) -> Area:
        """Sum of two areas of the same law: errors may be common, so the ends add."""
        return Area(self.value + other.value, self.low + other.low, self.high + other.high, self.extrapolated or other.extrapolated)

    def beside(self, other: Area) -> Area:
        """Sum of two areas whose errors are independent (different laws): deviations add in quadrature."""
        low, high = (self.value - self.low, other.value - other.low), (self.high - self.value, other.high - other.value)
        value = self.value + other.value
        return Area(value, value - math.hypot(*low), value + math.hypot(*high), self.extrapolated or other.extrapolated)

    def scaled(self, ratio: tuple[float, float, float]) -> Area:
        """Times a ratio that has an interval of its own."""
        return Area(self.value * ratio[0], self.low * ratio[1], self.high * ratio[2], self.extrapolated)

    def figure(self, unit: str, stage: str) -> Figure:
        """As a figure of that stage; whole numbers."""
        text = f"{COVERAGE}, widened outside the table" if self.extrapolated else COVERAGE
        return Figure(
            round(self.value), unit, round(self.low), round(self.high), text, stage, "extrapolated" if self.extrapolated else "calibrated"
        )


ZERO = Area(0.0, 0.0, 0.0, False)
