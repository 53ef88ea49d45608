"""Pruning: which weights become zero, and when. A method is one file in ``methods`` that registers a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..recipe import PruneSection
from ..registry import Registry

Method = Callable[[Any, PruneSection, int], Any]
METHODS: Registry[Method] = Registry("pruning method", "fpgacompress.prune.methods", "fpgacompress.prune")


def prune(model: Any, section: PruneSection, steps: int) -> Any:
    """A copy of ``model`` that will be pruned as ``section`` says in a training of ``steps`` updates."""
    return METHODS.get(section.method)(model, section, steps)
