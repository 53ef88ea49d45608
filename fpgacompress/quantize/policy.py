"""Which layer gets which bits: preset, default and patterns of layer names, later entries winning field by field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from ..errors import ModelError
from ..recipe import LayerBits, QuantizeSection
from ..registry import nearest
from .presets import PRESETS
from .sites import is_average, is_relu, is_weighted, quantized_sums, weighted_above

_WORDS = {"binary": 1, "ternary": 2}


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


def kernel_width(kernel: int | str) -> int:
    """Bits of a weight: 1 for binary, 2 for ternary."""
    return _WORDS[kernel] if isinstance(kernel, str) else kernel


def merged(bits: LayerBits, own: LayerBits) -> LayerBits:
    """``bits`` overwritten by every field that ``own`` gives."""
    return LayerBits(**bits.model_dump() | {k: v for k, v in own.model_dump().items() if v is not None})


def default_bits(section: QuantizeSection) -> LayerBits:
    """Bits of a layer that no pattern names and that is neither first nor last: the preset's, overwritten by the recipe's default."""
    return merged(PRESETS[section.preset].default, section.default)


def bits_of(name: str, default: LayerBits, layers: Mapping[str, LayerBits]) -> LayerBits:
    """The bits of layer ``name``: ``default``, overwritten by every pattern that matches, in order."""
    for pattern, bits in layers.items():
        if fnmatchcase(name, pattern):
            default = merged(default, bits)
    return default


def resolve(layers: Sequence[Any], section: QuantizeSection) -> dict[str, LayerBits]:
    """Bits of every layer that is quantized, all fields given.

    Layers with weights start from the preset and the recipe's default; a ReLU or an average of its own, or sums that a layer with weights
    reads (:func:`.sites.quantized_sums`), have the bits of the weighted layer in front. Then the patterns that match its name win, in order.

    Args:
        layers: of a float Keras model (``model.layers``), built.
        section: recipe section ``quantize``.

    Returns:
        Layer name to its bits.

    Raises:
        ModelError: a pattern that matches no such layer.
    """
    weighted = [layer for layer in layers if is_weighted(layer)]
    sums = {layer.name for layer in quantized_sums(layers)}
    others = [layer for layer in layers if (is_relu(layer) or is_average(layer) or layer.name in sums) and not is_weighted(layer)]
    check_patterns(section.layers, [layer.name for layer in (*weighted, *others)], "quantize.layers")
    default, ends = default_bits(section), [layer.name for layer in (*weighted[:1], *weighted[-1:])]
    bits: dict[str, LayerBits] = {}
    for layer in weighted:
        start = merged(default, PRESETS[section.preset].ends) if layer.name in ends else default
        bits[layer.name] = bits_of(layer.name, start, section.layers)
    for layer in others:
        above = weighted_above(layer)
        bits[layer.name] = bits_of(layer.name, bits[above.name] if above is not None else default, section.layers)
    return bits


def value_of(name: str, default: float, layers: Mapping[str, float]) -> float:
    """The value of layer ``name``: ``default``, or that of the last pattern that matches."""
    for pattern, value in layers.items():
        if fnmatchcase(name, pattern):
            default = value
    return default
