"""Errors that people read: what was received, what was expected, what to do next."""

from __future__ import annotations


class FpgaCompressError(Exception):
    """Base of every error this package raises on purpose (exit status 2 of the command line).

    Args:
        received: what was found, with the place where it was found.
        expected: what would have been right.
        do: the next step for the reader.
    """

    def __init__(self, received: str, *, expected: str = "", do: str = "") -> None:
        self.received, self.expected, self.do = received, expected, do
        parts = [received.rstrip(".") + "."]
        if expected:
            parts.append(f"Expected: {expected.rstrip('.')}.")
        if do:
            parts.append(f"Do: {do.rstrip('.')}.")
        super().__init__(" ".join(parts))


class RecipeError(FpgaCompressError):
    """A recipe that cannot be run; names the file, line and field."""


class DataError(FpgaCompressError):
    """A data set that is missing, damaged or not what it says."""


class ModelError(FpgaCompressError):
    """A model that cannot be built, read or trained as asked."""


class UnsupportedError(ModelError):
    """A layer or quantizer that the integer network or the firmware cannot compute exactly."""


class HardwareError(FpgaCompressError):
    """A board, strategy or reuse factor that cannot be had."""


class ToolError(FpgaCompressError):
    """An outside tool (g++, Vitis, Vivado) that is missing or failed."""


class RunError(FpgaCompressError):
    """A run folder that cannot be written, read or resumed."""


class Interrupted(FpgaCompressError):
    """Ctrl-C during long work; everything finished so far is on disk."""
