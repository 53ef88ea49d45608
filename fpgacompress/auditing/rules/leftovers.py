"""What training leaves in a model: wrappers, dropout, batch normalization."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..graph import wrapped_layers
from ..report import Finding
from ..rule import counted, rule, several, share
from ..subject import Subject


@rule("pruning-wrapper")
def pruning_wrapper(subject: Subject) -> Iterator[Finding]:
    """tfmot's wrappers are still on."""
    wrapped = [(outer, inner) for outer, inner in wrapped_layers(subject.original) if outer is not inner]
    if not wrapped:
        return
    leaking = {}
    for outer, inner in wrapped:
        masked = [(np.asarray(v), np.asarray(m)) for v, m, _ in getattr(outer, "pruning_vars", [])]
        count = sum(int(np.count_nonzero(v[m == 0])) for v, m in masked)
        if count:
            leaking[inner.name] = count
    evidence = f"{counted(len(wrapped), 'layer')} still wrapped for pruning ({several(i.name for _, i in wrapped)}): names and file differ from the plain model's, converters stumble"
    if leaking:
        evidence += f"; {sum(leaking.values()):,} weights that the masks prune are not zero"
    yield Finding(
        "pruning-wrapper",
        "error" if leaking else "warning",
        None,
        evidence,
        "apply the masks and strip: fpgacompress.prune.strip(model), or tfmot's strip_pruning at the end of an epoch",
        {"wrapped": [i.name for _, i in wrapped], "unmasked": leaking},
    )


@rule("dropout-left")
def dropout_left(subject: Subject) -> Iterator[Finding]:
    """Dropout in a trained model: nothing at inference, but a converter may stumble over it."""
    found = [layer for layer in subject.layers if "Dropout" in type(layer).__name__]
    if found:
        yield Finding(
            "dropout-left",
            "note",
            None,
            f"{counted(len(found), 'dropout layer')} ({several(layer.name for layer in found)}): identities at inference",
            "nothing to do here; leave them out of the model that is exported",
            {"layers": [layer.name for layer in found]},
        )


@rule("batchnorm-left")
def batchnorm_left(subject: Subject) -> Iterator[Finding]:
    """Float batch normalization in a quantized model, unless the exact integer form could take it in."""
    if not subject.quantized or subject.network is not None:
        return
    for layer in subject.layers:
        if type(layer).__name__ != "BatchNormalization":
            continue
        variance = layer.moving_variance.numpy().astype(np.float64)
        gain = (layer.gamma.numpy() if layer.scale else 1.0) / np.sqrt(variance + layer.epsilon)
        exact = float(np.mean(np.isin(np.abs(np.frexp(gain)[0]), (0.5, 0.0))))
        if exact == 1:
            continue
        yield Finding(
            "batchnorm-left",
            "error",
            layer.name,
            f"float gains from {gain.min():.4g} to {gain.max():.4g} on {gain.size} channels, {share(exact)} of them powers of two: behind "
            "quantized weights they have no exact fixed-point form",
            "fold it into the layer before it and train again (QConv2DBatchnorm, or fpgacompress' student)",
            {"channels": int(gain.size), "exact": exact, "low": float(gain.min()), "high": float(gain.max())},
        )
