"""The data against the input type of the hardware, and against the data the board will see."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from ...integer.types import FixedType, integer_bits_for
from ..report import Finding
from ..rule import rule, share
from ..subject import Subject

MOST_FRACTION = 16


def type_holding(x: np.ndarray) -> FixedType:
    """The smallest type that holds values exactly, with at most :data:`MOST_FRACTION` fractional bits."""
    fraction = next((f for f in range(MOST_FRACTION) if np.array_equal(np.rint(x * 2.0**f), x * 2.0**f)), MOST_FRACTION)
    low, high = (int(np.rint(v * 2.0**fraction)) for v in (x.min(), x.max()))
    return FixedType.holding(low, high, fraction)


def outside(x: np.ndarray, type: FixedType) -> float:
    """Share of values beyond a type's range, less than one least bit over it not counted."""
    return float(np.mean((x < type.minimum) | (x >= type.maximum + type.lsb)))


@rule("input-range", "data")
def input_range(subject: Subject) -> Iterator[Finding]:
    """Data outside the input type: they wrap or saturate before the first layer."""
    x, type = subject.data.x, subject.input_type
    beyond = outside(x, type)
    if beyond == 0:
        return
    needed = integer_bits_for(float(x.min()), float(x.max()), bool(x.min() < 0))
    better = FixedType(max(type.width, needed + max(0, type.fraction)), needed, bool(x.min() < 0) or type.signed)
    exact = type_holding(x)
    if exact.fraction < MOST_FRACTION:
        better = exact
    elif better.signed and not x.min() < 0:
        better = FixedType(better.width, needed + 1, True)
    happens = "wrap around" if type.overflow == "WRAP" else "saturate"
    yield Finding(
        "input-range",
        "error",
        None,
        f"the data go from {x.min():.6g} to {x.max():.6g}, {type} ({subject.input_origin}) from {type.minimum:g} to {type.maximum:g}: "
        f"{share(beyond)} of the values {happens}",
        f"give the input a type that holds them, such as {better}, or scale the data before training and on the board",
        {"low": float(x.min()), "high": float(x.max()), "outside": beyond, "type": str(type), "better": str(better)},
    )


@rule("input-precision", "data")
def input_precision(subject: Subject) -> Iterator[Finding]:
    """Data between the steps of the input type: hardware computes with other numbers than training did."""
    x, type = subject.data.x, subject.input_type
    inside = x[(x >= type.minimum) & (x <= type.maximum)]
    if not inside.size:
        return
    stored = type.to_float(type.quantize(inside))
    changed = float(np.mean(stored != inside))
    if changed == 0:
        return
    worst = float(np.abs(stored - inside).max())
    zero = float(np.mean((stored == 0) & (inside != 0)))
    exact = type_holding(x)
    numbers = {"changed": changed, "worst": worst, "to_zero": zero, "type": str(type)}
    yield Finding(
        "input-precision",
        "warning",
        None,
        f"{share(changed)} of the values lie between the steps of {type} ({subject.input_origin}); they move by up to {worst:.2g}"
        + (f", {share(zero)} become zero" if zero else "")
        + ": Keras saw the data before this rounding",
        f"round the data to the input type before training (this set needs {exact})"
        if exact.fraction < MOST_FRACTION
        else "round the data to the input type before training, as fpgacompress' preprocessing does (pixels: divide by 256, not 255)",
        numbers,
    )


def _statistics(x: np.ndarray) -> dict[str, float]:
    return {"low": float(x.min()), "high": float(x.max()), "mean": float(x.mean()), "std": float(x.std())}


def _nice(value: float) -> float:
    """The nearest power of two, or ``value`` where none is within 10 %."""
    near = 2.0 ** round(math.log2(value)) if value > 0 else value
    return near if abs(value / near - 1) < 0.1 else value


@rule("deployed-range", "data", "deployed")
def deployed_range(subject: Subject) -> Iterator[Finding]:
    """The board sees data of another scale or offset than training did."""
    trained, deployed = _statistics(subject.data.x), _statistics(subject.deployed.x)
    spread = trained["std"] or 1.0
    shift = abs(deployed["mean"] - trained["mean"]) / spread
    ratio = deployed["std"] / spread
    span = (deployed["high"] - deployed["low"]) / ((trained["high"] - trained["low"]) or 1.0)
    if shift < 0.5 and 2 / 3 < ratio < 1.5:
        return
    scale = _nice(span if 0.5 < ratio / span < 2 else ratio)
    offset = deployed["low"] - scale * trained["low"] if 0.5 < ratio / span < 2 else deployed["mean"] - scale * trained["mean"]
    offset = 0.0 if abs(offset) < 0.05 * scale * spread else offset
    yield Finding(
        "deployed-range",
        "error",
        None,
        f"trained on {trained['low']:.4g} to {trained['high']:.4g} (mean {trained['mean']:.4g}, deviation {trained['std']:.4g}), the board sees "
        f"{deployed['low']:.4g} to {deployed['high']:.4g} (mean {deployed['mean']:.4g}, deviation {deployed['std']:.4g}); it looks like "
        f"x * {scale:.4g}" + (f" {offset:+.4g}" if offset else ""),
        "apply one and the same preprocessing in training and on the board",
        {"trained": trained, "deployed": deployed, "scale": scale, "offset": offset, "shift_in_deviations": shift, "ratio": ratio},
    )
