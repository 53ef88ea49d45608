"""Quantized activations on data: what saturates, what is rounded away, what bits nobody uses."""

from __future__ import annotations

from collections.abc import Iterator

from ..report import Finding
from ..rule import counted, rule, share
from ..subject import Subject

SATURATED, UNDERFLOW = 0.01, 0.25
WORSE = 0.1
MEANT_TO = ("quantized_tanh", "quantized_sigmoid")
"""Quantizers whose purpose is to saturate."""


@rule("saturation", "measured")
def saturation(subject: Subject) -> Iterator[Finding]:
    """Values beyond the range of an activation's quantizer (for a ReLU: above it)."""
    for site in subject.measured.sites.values():
        row = site.row()
        if row.saturated < SATURATED or type(site.quantizer).__name__ in MEANT_TO:
            continue
        yield Finding(
            "saturation",
            "warning" if row.saturated >= WORSE else "note",
            site.layer.name,
            f"{share(row.saturated)} of {row.values:,} values lie beyond {row.low:g} to {row.high:g} of {row.quantizer} and saturate",
            "more integer bits, or scale what comes before (fit them on the data)",
            {"saturated": row.saturated, "low": row.low, "high": row.high, "values": row.values},
        )


@rule("underflow", "measured")
def underflow(subject: Subject) -> Iterator[Finding]:
    """Values that are not zero and are rounded to zero."""
    for site in subject.measured.sites.values():
        row = site.row()
        if row.underflow < UNDERFLOW:
            continue
        wanted = "positive values" if row.low == 0 else "values that are not zero"
        yield Finding(
            "underflow",
            "warning" if row.underflow > 2 * UNDERFLOW else "note",
            site.layer.name,
            f"{share(row.underflow)} of the {wanted} are below half a step ({site.grid.step / 2:g}) of {row.quantizer} and become zero",
            "fewer integer bits, more fractional ones (fit them on the data)",
            {"underflow": row.underflow, "half_step": site.grid.step / 2},
        )


@rule("unused-bits", "measured")
def unused_bits(subject: Subject) -> Iterator[Finding]:
    """Top bits of an activation that no result on the data needs."""
    for site in subject.measured.sites.values():
        row, seen = site.row(), site.seen
        if row.unused_bits < 1:
            continue
        yield Finding(
            "unused-bits",
            "note",
            site.layer.name,
            f"{row.unused_bits} of {int(site.quantizer.bits)} bits of {row.quantizer} never used, at the top: results on the data go from "
            f"{seen.low:g} to {seen.high:g}, the range to {row.high:g}",
            f"use {counted(row.unused_bits, 'integer bit')} fewer: the same results with a narrower type, or more precision for the same bits",
            {"unused_bits": row.unused_bits, "low": seen.low, "high": seen.high},
        )
