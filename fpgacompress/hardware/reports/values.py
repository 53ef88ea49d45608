"""Cells of reports as figures: a number, or unavailable with the words that stood there."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...figures import Figure, unavailable

_REMARK = re.compile(r"\s*\([^()]*\)$")
_COUNT = re.compile(r"[0-9]{1,15}")
_REAL = re.compile(r"[+-]?[0-9]{1,12}(?:\.[0-9]{1,12})?")


@dataclass(frozen=True)
class Origin:
    """Stage and provenance that all figures of a report share."""

    stage: str | None
    provenance: str

    def count(self, text: str | None, unit: str, what: str) -> Figure:
        """A number of things or cycles: digits only, a percentage in brackets behind it is dropped.

        Args:
            text: the cell; None when the report has no such cell.
            unit: unit of the figure.
            what: name of the cell, for the reason when it is missing.
        """
        if text is None:
            return unavailable(f"the report has no {what}, or is cut off", unit)
        digits = _REMARK.sub("", text.strip())
        if not _COUNT.fullmatch(digits):
            return unavailable(f"the report says '{text.strip()[:40]}' for {what}", unit)
        return Figure(int(digits), unit, stage=self.stage, provenance=self.provenance)

    def real(self, text: str | None, unit: str, what: str, *, signed: bool = False) -> Figure:
        """A number with decimals, with or without its unit or a remark in brackets behind it; ``signed`` admits negative ones."""
        if text is None:
            return unavailable(f"the report has no {what}, or is cut off", unit)
        number = _REMARK.sub("", text.strip()).removesuffix(unit).rstrip()
        if not _REAL.fullmatch(number) or (not signed and number.startswith("-")):
            return unavailable(f"the report says '{text.strip()[:40]}' for {what}", unit)
        return Figure(float(number), unit, stage=self.stage, provenance=self.provenance)


def measured(tool: str, version: str, remark: str = "") -> str:
    """Provenance of what a tool reports: "measured by Vivado HLS 2020.1"."""
    return f"measured by {tool} {version}".rstrip() + (f", {remark}" if remark else "")


def release(text: str) -> str:
    """The release at the start of a version text ("2020.1 (Build 2897737 ...)" is "2020.1"); "" when there is none."""
    match = re.match(r"\d{4}\.\d(?:\.\d)?(?=\s|$)", text.strip())
    return match.group() if match else ""
