"""An hls4ml configuration against the model's own types."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...integer.types import FixedType
from .. import quantizers
from ..graph import activation_of, kernels
from ..report import Finding
from ..rule import rule, share
from ..subject import Subject


def parsed(precision: str | None) -> FixedType | None:
    """A written type; None for "auto", nothing, or something that is not fixed point (floats, integers)."""
    try:
        return FixedType.parse(precision) if precision else None
    except ValueError:
        return None


def narrower(given: FixedType, own: FixedType) -> bool:
    """Whether ``given`` cannot hold everything ``own`` can."""
    return given.fraction < own.fraction or given.minimum > own.minimum or given.maximum < own.maximum


def _written(quantizer: object) -> FixedType | None:
    """The type a ``quantized_bits`` is written for; with an automatic scale hls4ml takes it for the unscaled weights."""
    if type(quantizer).__name__ != "quantized_bits":
        return None
    signed = bool(quantizer.keep_negative)
    return FixedType(int(quantizer.bits), int(quantizers.number(quantizer.integer)) + signed, signed)


def _weights(subject: Subject, layer: object) -> Iterator[tuple[str, dict]]:
    for weights in (w for w in subject.weights if w.layer is layer):
        given, own = parsed(subject.hls_precision(layer, "weight")), _written(weights.quantizer)
        if given is None:
            continue
        if own is not None and (own.width, own.integer, own.signed) != (given.width, given.integer, given.signed):
            told = f"weights {given}, the kernel quantizer is made for {own}, which hls4ml keeps for weights alone"
            yield told, {"weight": str(given), "own_weight": str(own)}
        elif weights.quantizer is None:
            far = float(np.mean((weights.stored < given.minimum) | (weights.stored > given.maximum)))
            zero = float(np.mean((given.quantize(np.clip(weights.stored, given.minimum, given.maximum)) == 0) & (weights.stored != 0)))
            if far or zero > 0.1:
                yield (
                    f"weights {given}: {share(far)} of the float weights do not fit, {share(zero)} become zero",
                    {"weight": str(given), "weights_outside": far, "weights_to_zero": zero},
                )


def _activation(subject: Subject, layer: object) -> Iterator[tuple[str, dict]]:
    activation = activation_of(layer)
    given = parsed(subject.hls_precision(layer, "result"))
    own = quantizers.grid(activation).type if quantizers.is_quantizer(activation) else None
    if given is not None and own is not None and not kernels(layer) and narrower(given, own):
        yield f"results {given}, the quantizer {activation} delivers {own}", {"result": str(given), "own_result": str(own)}


def _sums(subject: Subject, layer: object) -> Iterator[tuple[str, dict]]:
    if not kernels(layer):
        return
    exact = subject.exact_sum(layer.name)
    seen = subject.measured.sums.get(layer.name) if subject.measured else None
    given = {name: parsed(subject.hls_precision(layer, name)) for name in ("accum", "result")}
    for type in dict.fromkeys(t for t in given.values() if t is not None):
        variables = [name for name, t in given.items() if t == type]
        numbers: dict = {name: str(type) for name in variables}
        told = f"{' and '.join({'accum': 'sums', 'result': 'results'}[n] for n in variables)} {type}"
        if seen is not None:
            numbers.update(low=seen.low, high=seen.high)
        beyond = seen is not None and (seen.low < type.minimum or seen.high > type.maximum)
        if beyond:
            told += f", which ends at {type.minimum:g} and {type.maximum:g}, where the data give {seen.low:.4g} to {seen.high:.4g}"
        elif exact is not None and narrower(type, exact):
            told += f", exact sums need {exact}"
        else:
            continue
        yield told, numbers | ({"own_accum": str(exact)} if exact else {})


@rule("hls-config", "hls")
def hls_config(subject: Subject) -> Iterator[Finding]:
    """Types in the configuration that are narrower or other than those the model was trained with."""
    for layer in subject.layers:
        told, numbers = [], {}
        for part in (_weights, _activation, _sums):
            for text, found in part(subject, layer):
                told.append(text)
                numbers |= found
        if told:
            yield Finding(
                "hls-config",
                "error",
                layer.name,
                "the configuration says " + "; ".join(told),
                "keep the types of config_from_keras_model(granularity='name'): no Precision that overrides a quantizer, accumulators 'auto'",
                numbers,
            )
    unknown = [name for name in (subject.hls.get("LayerName") or {}) if not _known(subject, str(name))]
    if unknown:
        yield Finding(
            "hls-config",
            "warning",
            None,
            f"the configuration names {len(unknown)} layers the model does not have: {', '.join(map(str, unknown[:6]))}",
            "make the configuration again from this model",
            {"unknown": unknown},
        )


def _known(subject: Subject, name: str) -> bool:
    """Layers, the inputs, and the activations hls4ml splits off weighted layers (``fc1_linear``, ``fc1_quantized_relu``)."""
    names = [layer.name.lower() for layer in subject.layers]
    names += [str(n).lower() for n in getattr(subject.model, "input_names", None) or ()]
    return any(name.lower() == known or name.lower().startswith(f"{known}_") for known in names)
