"""A back end for hls4ml: ``backend="OpenRTL"`` makes Verilog of any model that hls4ml reads, and simulates, synthesizes and places it with open tools.

hls4ml finds :func:`register` through the entry-point group ``hls4ml.backends``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .graph import network_of
from .sums import explicit_sums

__all__ = ["explicit_sums", "network_of", "register"]


def register(register_backend: Callable[[str, Any], None], register_writer: Callable[[str, Any], None]) -> None:
    """Called by hls4ml, with its own functions, when it is imported."""
    from .backend import NAME, OpenRTLBackend, OpenRTLWriter

    register_writer(NAME, OpenRTLWriter)
    register_backend(NAME, OpenRTLBackend)
