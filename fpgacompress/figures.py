"""A figure is a number that knows what it is: value, unit, interval, stage and provenance."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

STAGES = ("csynth", "post-synth", "routed", "simulated", "trained", "counted")
"""Where in the flow a figure was taken. Figures of different stages are different quantities and never share a column.

``csynth``, ``post-synth`` and ``routed`` are the vendor tool's three reports, ``simulated`` comes from running the C or RTL simulation,
``trained`` from evaluating a model on data, ``counted`` from the integer weights themselves.
"""


@dataclass(frozen=True)
class Figure:
    """One number of a report.

    Attributes:
        value: the number, or None when it cannot be had (then ``reason`` says why).
        unit: the field's unit ("LUT", "cycles", "fraction", "bits").
        low, high: ends of the interval that ``interval`` names, or None.
        interval: what the interval is, for example "95 % Wilson, 10000 test images".
        stage: one of :data:`STAGES`, or None where no stage applies.
        provenance: "measured by ...", "law", "calibrated" or "extrapolated".
        reason: why there is no value.
    """

    value: float | int | None
    unit: str
    low: float | int | None = None
    high: float | int | None = None
    interval: str | None = None
    stage: str | None = None
    provenance: str | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        if self.stage is not None and self.stage not in STAGES:
            raise ValueError(f"stage '{self.stage}' is not one of {', '.join(STAGES)}")
        if (self.value is None) != (self.reason is not None):
            raise ValueError("a figure has either a value or a reason why it has none")
        if self.value is not None and not math.isfinite(self.value):
            raise ValueError(f"a figure must be finite, got {self.value}; use unavailable(...)")

    @property
    def available(self) -> bool:
        """True when there is a number."""
        return self.value is not None

    def to_json(self) -> dict[str, Any]:
        """Plain dictionary; keys without content are left out, ``{"value": None, "reason": ...}`` when unavailable."""
        if self.value is None:
            return {"value": None, "unit": self.unit, "reason": self.reason}
        names = ("value", "unit", "low", "high", "interval", "stage", "provenance")
        return {n: getattr(self, n) for n in names if getattr(self, n) is not None}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Figure:
        """Inverse of :meth:`to_json`."""
        return cls(**{"unit": "", **data})

    def with_interval(self, low: float, high: float, interval: str) -> Figure:
        """The same figure with an interval."""
        return replace(self, low=low, high=high, interval=interval)

    def text(self, spec: str | None = None) -> str:
        """Short text for tables: "1,234" or "0.8931 (0.8869-0.8990)"; "n/a" when unavailable.

        Args:
            spec: format specification for the numbers; by default integers get thousands separators and fractions four digits.
        """
        if self.value is None:
            return "n/a"

        def one(v: float | int) -> str:
            if spec:
                return format(v, spec)
            if isinstance(v, int) or (abs(v) >= 1000 and float(v).is_integer()):
                return f"{int(v):,}"
            return f"{v:.4f}" if abs(v) < 10 else f"{v:,.1f}"

        text = one(self.value)
        if self.low is not None and self.high is not None:
            text += f" ({one(self.low)}\u2013{one(self.high)})"
        return text

    def __str__(self) -> str:
        return f"{self.text()} {self.unit}".rstrip()


def unavailable(reason: str, unit: str = "") -> Figure:
    """A figure that cannot be had; it is never printed as a number."""
    return Figure(None, unit, reason=reason)


def figures_to_json(tree: Any) -> Any:
    """Replace every :class:`Figure` in nested dictionaries and lists by its JSON form."""
    if isinstance(tree, Figure):
        return tree.to_json()
    if isinstance(tree, dict):
        return {str(k): figures_to_json(v) for k, v in tree.items()}
    if isinstance(tree, (list, tuple)):
        return [figures_to_json(v) for v in tree]
    if hasattr(tree, "item") and getattr(tree, "ndim", None) == 0:
        return tree.item()
    return tree


def figures_from_json(tree: Any) -> Any:
    """Inverse of :func:`figures_to_json`: dictionaries with ``value`` and ``unit`` become figures."""
    if isinstance(tree, dict):
        if "value" in tree and ("unit" in tree or "reason" in tree):
            return Figure.from_json(tree)
        return {k: figures_from_json(v) for k, v in tree.items()}
    if isinstance(tree, list):
        return [figures_from_json(v) for v in tree]
    return tree
