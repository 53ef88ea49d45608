"""The fitted laws: coefficients, what is left over near real results, and intervals from ``calibration.json``, and the figures they give."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import HardwareError
from ..figures import Figure
from .area import HEADS, features
from .coverage import GRAIN, half_width
from .facts import LayerFacts
from .residual import Residual, position
from .setting import Setting

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
        intervals: half widths (logarithms) of 90 % coverage far from all rows and beside them, of all rows ("all") and of parts of one kind
            ("7series", "ultrascale") where the table has enough of it.
        largest: largest value of each feature in a layer of the table.
        text: where it comes from, for reports.
        residual: what the law leaves over near the rows, or None.
    """

    coefficients: np.ndarray
    intervals: dict[str, tuple[float, float]]
    largest: np.ndarray
    text: str
    residual: Residual | None = None

    def at(self, place: np.ndarray, ultrascale: bool) -> tuple[float, float]:
        """Factor on the law's value at a position (:func:`.residual.position`) on a kind of part, and the half width of its interval."""
        logs, support = (float(v[0]) for v in self.residual.at(place[None])) if self.residual else (0.0, 0.0)
        ends = self.intervals.get("ultrascale" if ultrascale else "7series", self.intervals["all"])
        return math.exp(logs), float(half_width(*ends, support))


@dataclass(frozen=True)
class Calibration:
    """All fitted laws and the post-synthesis ratios (measured over C-synthesis: value, low, high)."""

    heads: dict[str, Head]
    ratios: dict[str, tuple[float, float, float]]
    date: str
    source: str

    def area(self, head: str, facts: LayerFacts, reuse: int, setting: Setting, spread: float = 1.0) -> Area:
        """LUT or FF of a layer by a law, with its interval; terms larger than any in the table are widened by ``SPREAD["size"]``, all others by
        ``spread``."""
        law, values = self.heads[head], features(head, facts, reuse, setting)
        factor, half = law.at(position(head, facts, reuse, setting), setting.ultrascale)
        terms = values * law.coefficients * factor
        beyond = (values > law.largest) & (law.largest > 0)
        factors = np.where(beyond, max(spread, SPREAD["size"]), spread)
        low, high = (float((terms / factors).sum()) + GRAIN) * math.exp(-half), (float((terms * factors).sum()) + GRAIN) * math.exp(half)
        return Area(float(terms.sum()), max(low - GRAIN, 0.0), high - GRAIN, bool((factors > 1).any()))


def from_json(data: dict[str, Any]) -> Calibration:
    """Calibration from the content of a calibration file."""
    heads = {
        name: Head(
            np.array([h["coefficients"][n] for n in HEADS[name]], np.float64),
            {part: (math.log(far), math.log(near)) for part, (far, near) in h["intervals"].items()},
            np.array([h["largest"][n] for n in HEADS[name]], np.float64),
            f"{h['rows']} rows, {', '.join(h['families'])}",
            Residual.from_json(name, h["residual"]) if h["residual"] else None,
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
