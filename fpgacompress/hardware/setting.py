"""What a layer's cost depends on besides the layer."""

from __future__ import annotations

from dataclasses import dataclass

from .board import Board


@dataclass(frozen=True)
class Setting:
    """The board's family, the clock, the hls4ml back end, and where products go.

    Attributes:
        ultrascale: UltraScale or UltraScale+ part (else 7 series).
        clock_ns: target period, ns.
        backend: hls4ml back end.
        mapping: "auto" (HLS decides by width), "dsp" or "fabric" where a project forces ``config_op mul -impl``.
    """

    ultrascale: bool
    clock_ns: float
    backend: str = "Vitis"
    mapping: str = "auto"

    @classmethod
    def of(cls, board: Board, clock_ns: float | None = None, backend: str = "Vitis") -> Setting:
        """Setting for a board; without ``clock_ns`` the board's usual clock."""
        return cls(board.ultrascale, float(clock_ns or board.clock_ns), backend)

    @property
    def vivado(self) -> bool:
        """Vivado HLS (also under VivadoAccelerator), not Vitis HLS."""
        return self.backend.lower().startswith("vivado")
