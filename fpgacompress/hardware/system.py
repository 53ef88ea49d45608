"""Latency of a whole system: the sum of named stages, the class of real time it reaches, and how much inference would have to fall."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import HardwareError
from ..figures import Figure, unavailable

STAGES = ("preprocess", "transfer", "inference", "postprocess")
"""Stages of a system in the order in which a sample passes them."""

CLASSES = {"trigger": 1.0, "hard": 10_000.0, "soft": 100_000.0}
"""Classes of real time, from strict to lenient: the response must come in less than so many us."""

CLASS_NAMES = {"trigger": "trigger", "hard": "hard real time", "soft": "soft real time"}

TIMES = {"ns": 1e-3, "us": 1.0, "ms": 1e3, "s": 1e6}
"""Units of time in us."""

RATES = {
    **{f"{k}B/s": f for k, f in (("", 1.0), ("k", 1e3), ("M", 1e6), ("G", 1e9))},
    **{f"{k}bit/s": f / 8 for k, f in (("", 1.0), ("k", 1e3), ("M", 1e6), ("G", 1e9))},
}
"""Units of bandwidth in bytes per second (decimal prefixes)."""

SIZES = {"B": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9}
"""Units of size in bytes (decimal prefixes)."""

WATTS = {"uW": 1e-6, "mW": 1e-3, "W": 1.0, "": 1.0}
"""Units of power in W; a bare number is W."""

GIVEN = "given by the user"

_NUMBER = r"((?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)"
_RANGE = re.compile(rf"{_NUMBER}\s*([a-zA-Z/]*)(?:\s*(?:-|\u2013|\bto\b)\s*{_NUMBER}\s*([a-zA-Z/]*))?", re.IGNORECASE)


def parse_quantity(text: str, units: Mapping[str, float], unit: str, what: str, example: str) -> Figure:
    """A number with a unit, or an interval ("5-20ms", "800us-2ms"), that a user gives.

    Args:
        text: what was written.
        units: factor of each unit that may be written; upper and lower case count.
        unit: unit of the figure, the one with factor 1.
        what: name for messages ("--transfer").
        example: a right value for messages.

    Returns:
        The number; of an interval its middle, with the interval. The provenance is "given by the user".

    Raises:
        HardwareError: not a number with one of the units, a negative or infinite one, or an interval whose ends are exchanged.
    """
    names = ", ".join(u for u in units if u)
    found = _RANGE.fullmatch(str(text).strip())
    wrong = HardwareError(f"{what} is '{text}'", expected=f"a number with a unit ({names}), or an interval of two: {example}")
    if not found:
        raise wrong
    first, first_unit, second, second_unit = found.groups()
    last_unit = first_unit if second is None else second_unit or first_unit
    first_unit = first_unit or last_unit
    if first_unit not in units or last_unit not in units:
        raise wrong
    low = float(first) * units[first_unit]
    high = low if second is None else float(second) * units[last_unit]
    if not (math.isfinite(low) and math.isfinite(high)):
        raise wrong
    if low > high:
        raise HardwareError(f"{what} is '{text}', whose first end is above its second", expected=f"the smaller number first: {example}")
    if second is None:
        return Figure(low, unit, provenance=GIVEN)
    return Figure((low + high) / 2, unit, low, high, GIVEN, provenance=GIVEN)


def parse_time(text: str, what: str = "time") -> Figure:
    """A time or an interval of times in us: "9us", "2ms", "5-20ms"."""
    return parse_quantity(text, TIMES, "us", what, "2ms, 150us or 5-20ms")


def parse_watts(text: str, what: str = "power") -> Figure:
    """A power or an interval of powers in W: "1.8", "350mW", "1.5-2.2"."""
    return parse_quantity(text, WATTS, "W", what, "1.8, 350mW or 1.5-2.2")


def time_text(us: float) -> str:
    """A time with the unit in which it reads well: "150 us", "2.17 ms"."""
    unit = "ns" if us < 1 else "us" if us < 1e3 else "ms" if us < 1e6 else "s"
    return f"{us / TIMES[unit]:.4g} {unit}" if us else "0 us"


def ends(figure: Figure) -> tuple[float, float]:
    """Lower and upper end of an available figure; the value itself where it has none."""
    assert figure.value is not None
    return (
        float(figure.value if figure.low is None else figure.low),
        float(figure.value if figure.high is None else figure.high),
    )


def transfer_time(size: float, bandwidth: Figure) -> Figure:
    """Time to move ``size`` bytes, us.

    Args:
        size: bytes.
        bandwidth: bytes per second, more than 0.

    Raises:
        HardwareError: a negative size or no bandwidth.
    """
    slow, quick = ends(bandwidth)
    if size < 0 or slow <= 0:
        raise HardwareError(
            f"a transfer of {size:g} bytes at {slow:g} bytes per second", expected="at least 0 bytes and a bandwidth above 0"
        )
    source = f"{size:g} bytes over a bandwidth {GIVEN}, without the latency of the bus"
    if bandwidth.low is None:
        return Figure(1e6 * size / quick, "us", provenance=source)
    low, high = 1e6 * size / quick, 1e6 * size / slow
    return Figure((low + high) / 2, "us", low, high, "from the bandwidth's upper to its lower end", provenance=source)


@dataclass(frozen=True)
class Verdict:
    """Whether a figure stays under a limit.

    Attributes:
        name: what is limited.
        figure: what is compared.
        limit: it must stay under this, in the figure's unit.
        holds: by the upper end of the interval; None where there is no figure.
        text: one sentence.
    """

    name: str
    figure: Figure
    limit: float
    holds: bool | None
    text: str

    def to_json(self) -> dict[str, Any]:
        """Stable form."""
        return {"name": self.name, "figure": self.figure, "limit": self.limit, "holds": self.holds, "text": self.text}


def judge(name: str, figure: Figure, limit: float, spell: Any = str) -> Verdict:
    """Verdict by the upper end: it holds when even that is under the limit.

    Args:
        name: what is limited ("soft real time", "model size").
        figure: the figure, with or without an interval.
        limit: in the figure's unit; the limit itself is not under it.
        spell: writes a number of that unit for the sentence.
    """
    if not figure.available:
        return Verdict(name, figure, limit, None, f"{name} cannot be judged: {figure.reason}")
    low, high = ends(figure)
    if high < limit:
        return Verdict(name, figure, limit, True, f"{name} holds: {spell(high)} is under {spell(limit)}")
    if low < limit:
        text = f"{name} does not surely hold: from {spell(low)}, under the limit of {spell(limit)}, to {spell(high)}, which is not"
        return Verdict(name, figure, limit, False, text)
    return Verdict(name, figure, limit, False, f"{name} does not hold: {spell(low)} is not under {spell(limit)}")


@dataclass(frozen=True)
class System:
    """Stages of a system and what they take, us.

    Attributes:
        stages: figures by the names of :data:`STAGES`, in that order; a stage that is left out takes no time.
    """

    stages: dict[str, Figure]

    def __post_init__(self) -> None:
        unknown = [name for name in self.stages if name not in STAGES]
        if unknown or not self.stages:
            raise HardwareError(f"stages {', '.join(unknown) or 'are missing'}", expected=f"some of {', '.join(STAGES)}")
        object.__setattr__(self, "stages", {name: self.stages[name] for name in STAGES if name in self.stages})

    @property
    def total(self) -> Figure:
        """Response time: values add, and so do the ends of the intervals (worst with worst)."""
        missing = [f"{name}: {f.reason}" for name, f in self.stages.items() if not f.available]
        if missing:
            return unavailable("; ".join(missing), "us")
        low, high = (sum(ends(f)[i] for f in self.stages.values()) for i in (0, 1))
        sources = list(dict.fromkeys(f.provenance for f in self.stages.values() if f.provenance))
        value = sum(float(f.value) for f in self.stages.values())  # type: ignore[arg-type]
        return Figure(value, "us", low, high, "the ends of all stages added", provenance=f"sum of stages: {'; '.join(sources)}")

    @property
    def dominant(self) -> str | None:
        """The stage with the largest upper end; None where a stage has no figure or nothing takes time."""
        if not self.total.available or not ends(self.total)[1]:
            return None
        return max(self.stages, key=lambda name: ends(self.stages[name])[1])

    def share(self, name: str) -> float:
        """Share of a stage in the upper end of the total (0 where the total is 0)."""
        whole = ends(self.total)[1]
        return ends(self.stages[name])[1] / whole if whole else 0.0

    def verdict(self, limit_us: float, name: str) -> Verdict:
        """Whether the response comes in less than ``limit_us``."""
        return judge(name, self.total, limit_us, time_text)

    def best(self) -> str | None:
        """The strictest class of :data:`CLASSES` that holds, or None."""
        return next((name for name, limit in CLASSES.items() if self.verdict(limit, name).holds), None)

    def room(self, limit_us: float) -> Figure:
        """What is left for inference under a limit when every other stage takes its upper end, us; unavailable when nothing is."""
        others = {name: f for name, f in self.stages.items() if name != "inference"}
        missing = [f"{name}: {f.reason}" for name, f in others.items() if not f.available]
        if missing:
            return unavailable("; ".join(missing), "us")
        taken = sum(ends(f)[1] for f in others.values())
        if taken >= limit_us:
            return unavailable(f"the other stages alone take {time_text(taken)}, inference cannot help", "us")
        return Figure(limit_us - taken, "us", provenance="the limit less the upper ends of the other stages")

    def advice(self, limit_us: float) -> str:
        """How much inference has to fall to meet a limit, or how much it may rise."""
        room, inference = self.room(limit_us), self.stages.get("inference")
        if not room.available:
            return str(room.reason)
        if inference is None or not inference.available:
            return f"inference must take less than {time_text(room.value)}"  # type: ignore[arg-type]
        high, left = ends(inference)[1], float(room.value)  # type: ignore[arg-type]
        if high < left:
            return f"inference may rise to {time_text(left)} ({time_text(high)} now)"
        return f"inference must fall from {time_text(high)} to under {time_text(left)}, by {100 * (1 - left / high):.3g} %"
