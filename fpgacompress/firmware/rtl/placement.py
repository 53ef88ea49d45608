"""The result of place and route: figures, verdict, bitstream."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...figures import Figure, figures_to_json

STAGE = "routed"
ROUTED, TOO_LARGE, NOT_ROUTED = "routed", "too large", "not routed"
"""Verdicts of a :class:`Placement`."""
SERIAL, UART = "serial wrapper", "UART top"
"""What stands between the network and the pins."""


@dataclass(frozen=True)
class Bitstream:
    """A file that the part loads.

    Attributes:
        path: of the file.
        size: bytes.
        sha256: hexadecimal.
        pins: pin of each port.
        where: where these pins are on the board.
        source: public file that the pins come from.
    """

    path: Path
    size: int
    sha256: str
    pins: dict[str, str]
    where: str
    source: str

    def to_json(self) -> dict[str, Any]:
        """Plain dictionary with the stable keys of ``--json``."""
        return vars(self) | {"path": str(self.path)}


@dataclass(frozen=True)
class Placement:
    """What place and route made of a project behind its serial wrapper or its UART top.

    Attributes:
        board, part: where it was put.
        verdict: ``"routed"``, ``"too large"`` or ``"not routed"``.
        met: the clock that was asked for is reached; None where nothing was routed.
        clock_ns: that was asked for.
        lut, ff, fmax, lut_share, ff_share: figures of stage "routed"; the shares are those of the board's cells, as fractions.
            Another seed moves ``fmax`` by some per cent (67.3, 71.0 and 71.2 MHz for one network on ice40-hx8k); ``clock_ns`` hardly does.
        wrapper_ff: flip-flops of the wrapper itself, which ``ff`` contains; the UART top is one, too.
        cells: (used, available) by the router's names.
        slowest: "network" or "wrapper": where the path lies that ends the clock; None where nothing was routed.
        bitstream: where one was asked for and can be had.
        roomier: smallest board of the table that has the cells, where this one is too small, or the next larger one where it did not route.
        said: what there is to know, in sentences.
        versions: of the tools, by name.
        seconds: that each tool took.
        seed: of the router.
        log: of the router.
        interface: "serial wrapper" or "UART top".
    """

    board: str
    part: str
    verdict: str
    met: bool | None
    clock_ns: float
    lut: Figure
    ff: Figure
    fmax: Figure
    lut_share: Figure
    ff_share: Figure
    wrapper_ff: Figure
    seed: int
    log: Path
    cells: dict[str, tuple[int, int]] = field(default_factory=dict)
    slowest: str | None = None
    bitstream: Bitstream | None = None
    roomier: str | None = None
    said: tuple[str, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    interface: str = SERIAL

    @property
    def ok(self) -> bool:
        """Routed, and as fast as asked for."""
        return self.verdict == ROUTED and bool(self.met)

    def to_json(self) -> dict[str, Any]:
        """Plain dictionary with the stable keys of ``--json``."""
        told = vars(self) | {"ok": self.ok, "log": str(self.log), "bitstream": self.bitstream and self.bitstream.to_json()}
        return figures_to_json(told)
