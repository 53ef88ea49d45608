"""Releases of the vendor's tools: how they are written, which programs each has, and which ones an hls4ml back end needs."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...errors import ToolError

_RELEASE = re.compile(r"(?<![\d.])(20[12]\d)\.(\d)(?:\.\d+)?(?!\.?\d)")


@dataclass(frozen=True, order=True)
class Release:
    """A release such as 2023.2; updates (2023.2.1) count as the release."""

    year: int
    number: int

    def __str__(self) -> str:
        return f"{self.year}.{self.number}"


def release_in(text: str) -> Release | None:
    """The first release named in a text, or None: "Vitis HLS v2023.2 (64-bit)" is 2023.2."""
    found = _RELEASE.search(text)
    return Release(int(found[1]), int(found[2])) if found else None


def release_named(folder: str) -> Release | None:
    """The release that a folder's whole name is ("2023.2", "v2019.1.3"), or None."""
    found = _RELEASE.fullmatch(folder.removeprefix("v"))
    return Release(int(found[1]), int(found[2])) if found else None


def parse_release(text: str) -> Release:
    """The release that a person asks for.

    Raises:
        ToolError: not of the form 2023.2.
    """
    found = release_named(text.strip())
    if not found:
        raise ToolError(f"tool version '{text}'", expected="a release such as 2023.2")
    return found


@dataclass(frozen=True)
class Span:
    """Releases from ``first`` to ``last``; None is open."""

    first: Release | None = None
    last: Release | None = None

    def __contains__(self, release: object) -> bool:
        if not isinstance(release, Release):
            return False
        return (self.first is None or release >= self.first) and (self.last is None or release <= self.last)

    def __str__(self) -> str:
        if self.first and self.last:
            return f"{self.first} to {self.last}"
        return f"{self.first} or newer" if self.first else (f"up to {self.last}" if self.last else "any release")


PROGRAMS: dict[str, Span] = {
    "vivado_hls": Span(None, Release(2020, 1)),
    "vitis_hls": Span(Release(2020, 2), Release(2024, 2)),
    "vitis-run": Span(Release(2023, 2), None),
    "vivado": Span(),
}
"""Program to the releases that have it for our use (Vitis 2020.1 brought a first vitis_hls, which hls4ml does not know)."""

NAMES = {"vivado_hls": "Vivado HLS", "vitis_hls": "Vitis HLS", "vitis-run": "Vitis HLS", "vivado": "Vivado"}
"""Program to the name people use; vitis-run starts Vitis HLS."""

PRODUCTS = {"vivado_hls": "Vivado", "vitis_hls": "Vitis HLS", "vitis-run": "Vitis", "vivado": "Vivado"}
"""Program to what has to be installed to get it."""


@dataclass(frozen=True)
class Need:
    """What an hls4ml back end needs.

    Attributes:
        programs: C-synthesis programs, any of which will do, the preferred one first.
        releases: releases that will do.
        other: what to do with another release, for people.
    """

    programs: tuple[str, ...]
    releases: Span
    other: str


BACKENDS: dict[str, Need] = {
    "Vivado": Need(
        ("vivado_hls",),
        Span(Release(2018, 2), Release(2020, 1)),
        "install Vivado 2020.1 beside it, or write the project for the Vitis back end (in a recipe: firmware.backend: Vitis)",
    ),
    "VivadoAccelerator": Need(
        ("vivado_hls",),
        Span(Release(2018, 2), Release(2020, 1)),
        "install Vivado 2020.1 beside it (hls4ml writes board designs for this release only), or write the project for the Vitis back end, "
        "which ends at the IP core",
    ),
    "Vitis": Need(
        ("vitis-run", "vitis_hls"),
        Span(Release(2020, 2), None),
        "install Vitis 2023.2 or newer beside it, or write the project for the Vivado back end (in a recipe: firmware.backend: Vivado)",
    ),
}
"""hls4ml's Xilinx back ends."""
