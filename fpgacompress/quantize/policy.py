"""Which layer gets which bits: patterns of layer names to bits, later entries winning field by field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from ..errors import ModelError
from ..recipe import LayerBits
from ..registry import nearest


def check_patterns(patterns: Iterable[str], names: Iterable[str], what: str) -> None:
    """Refuse a pattern that matches no layer.

    Raises:
        ModelError: naming the pattern, the layers there are, and the nearest one.
    """
    names = list(names)
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise ModelError(
                f"{what}: no layer matches '{pattern}'", expected=f"{nearest(pattern, names)}a name or pattern of: {', '.join(names)}"
            )


def bits_of(name: str, default: LayerBits, layers: Mapping[str, LayerBits]) -> LayerBits:
    """The bits of layer ``name``: ``default``, overwritten by every pattern that matches, in order."""
    merged = default.model_dump()
    for pattern, bits in layers.items():
        if fnmatchcase(name, pattern):
            merged |= {k: v for k, v in bits.model_dump().items() if v is not None}
    return LayerBits(**merged)


def value_of(name: str, default: float, layers: Mapping[str, float]) -> float:
    """The value of layer ``name``: ``default``, or that of the last pattern that matches."""
    for pattern, value in layers.items():
        if fnmatchcase(name, pattern):
            default = value
    return default
