"""Who agrees with whom, bit for bit: every executor's layers against the integer emulation, no tolerance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..integer.intervals import inexact_in_float32
from ..integer.network import IntegerNetwork
from .comparison import Comparison, Outcome, differing_bits
from .executors import Executor, HlsExecutor, IntegerExecutor, KerasExecutor

__all__ = ["Executor", "HlsExecutor", "IntegerExecutor", "KerasExecutor", "VerifyReport", "differing_bits", "verify"]


@dataclass(frozen=True)
class VerifyReport:
    """Result of :func:`verify`.

    Attributes:
        samples: inputs compared, all sources together.
        outputs: output values per sample.
        differing_bits: bits that differ, over all executors, samples and compared layers; TensorFlow's own rounding is not among them.
        differing_samples: samples with a difference in any executor.
        executors: who was compared with the emulation.
        first_difference: None, or ``{"executor", "source", "layer", "sample", "element", "expected", "got"}``;
            ``sample`` counts in its source.
        notes: what the reader should know.
        by_executor: differing bits per executor.
        sources: per source of inputs ``{"samples", "differing_bits", "differing_samples", "executors": {name: {"samples", "traced",
            "differing_bits"}}}``; ``traced`` samples had every layer compared.
        layers_compared: per executor the nodes that were compared, the output among them.
        by_layer: per executor the nodes that differ and in how many bits.
        saturations: ``{"reached", "possible", "layers"}``: saturating sides of casts, per channel, that all inputs together have reached.
        float32_inexact: None, or ``{"samples", "layer", "executor", "source", "sample", "expected", "got"}``: samples in which TensorFlow's
            float32 rounded sums of more than 24 bits, proven by the same model in float64, which gives the integers bit for bit.
    """

    samples: int
    outputs: int
    differing_bits: int
    differing_samples: int
    executors: list[str]
    first_difference: dict[str, Any] | None = None
    notes: list[str] = field(default_factory=list)
    by_executor: dict[str, int] = field(default_factory=dict)
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    layers_compared: dict[str, list[str]] = field(default_factory=dict)
    by_layer: dict[str, dict[str, int]] = field(default_factory=dict)
    saturations: dict[str, Any] = field(default_factory=dict)
    float32_inexact: dict[str, Any] | None = None

    @property
    def exact(self) -> bool:
        """True when all bits agree."""
        return self.differing_bits == 0

    def to_json(self) -> dict[str, Any]:
        """Plain dictionary with the stable keys of ``--json``."""
        return dict(vars(self))


def _forgive_float32(compare: Comparison, executor: Any, outcomes: list[Outcome], notes: list[str]) -> dict[str, Any] | None:
    """Take differences that float64 does not have out of the outcomes; returns what is told of them."""
    outcomes = [o for o in outcomes if len(o.wrong)]
    if not outcomes or not hasattr(executor, "wide"):
        return None
    told: dict[str, Any] | None = None
    proven: list[tuple[Outcome, np.ndarray]] = []
    try:
        with executor.wide() as wide:
            proven = [(o, compare.proven(wide, o)) for o in outcomes]
    except Exception as error:  # a layer that float64 cannot run; the differences then stand
        notes.append(f"the differences of '{outcomes[0].executor}' could not be checked in float64 ({error})")
    for outcome, samples in proven:
        if not len(samples):
            continue
        told = told or compare.first(outcome, executor, int(samples[0])) | {"samples": 0}
        told["samples"] += len(samples)
        outcome.forgive(samples)
    if told:
        notes.append(
            f"in {told['samples']} samples TensorFlow's own rounding made '{told['executor']}' inexact, first in layer '{told['layer']}': "
            "the same model in float64 gives the integers bit for bit"
        )
    return told


def _notes(network: IntegerNetwork) -> list[str]:
    return [
        f"layer '{name}': exact values may need {bits} bits; TensorFlow's float32 holds 24, so QKeras itself may round there"
        for name, bits in inexact_in_float32(network).items()
    ]


def _summary(stored: np.ndarray, outcomes: list[Outcome]) -> dict[str, Any]:
    """What is told of one source of inputs."""
    wrong = np.unique(np.concatenate([np.zeros(0, np.int64), *(o.wrong for o in outcomes)]))
    executors = {o.executor: {"samples": o.count, "traced": o.traced, "differing_bits": o.total} for o in outcomes}
    return {
        "samples": len(stored),
        "differing_bits": sum(o.total for o in outcomes),
        "differing_samples": len(wrong),
        "executors": executors,
    }


def _by_layer(outcomes: list[Outcome]) -> dict[str, dict[str, int]]:
    """Differing bits per executor and layer, of those that differ."""
    found: dict[str, dict[str, int]] = {}
    for o in outcomes:
        for layer, bits in o.bits.items():
            if bits.any():
                entry = found.setdefault(o.executor, {})
                entry[layer] = entry.get(layer, 0) + int(bits.sum())
    return found


def verify(network: IntegerNetwork, inputs: np.ndarray | Mapping[str, np.ndarray], executors: Mapping[str, Executor]) -> VerifyReport:
    """Compare every bit of every layer of every executor with the emulation.

    Args:
        network: the reference.
        inputs: stored integers of the input type, (n, *input shape), or several such arrays by the name of their source.
        executors: name to executor, for example ``{"keras": KerasExecutor(model, network), "hls": HlsExecutor(firmware)}``.

    Returns:
        The report. Executors that can trace have every layer compared, others the output.

    Raises:
        DataError: inputs outside the input type.
        ModelError: an executor's results have another shape.
    """
    given = inputs if isinstance(inputs, Mapping) else {"inputs": inputs}
    compare = Comparison(network, {name: np.asarray(x).reshape(-1, *network.input.shape) for name, x in given.items()})
    notes = _notes(network)
    outcomes: list[Outcome] = []
    first: dict[str, Any] | None = None
    inexact: dict[str, Any] | None = None
    for name, executor in executors.items():
        own = [compare.run(name, executor, source) for source in compare.sources]
        inexact = _forgive_float32(compare, executor, own, notes) or inexact
        real = next((o for o in own if len(o.wrong)), None)
        if real and first is None:
            first = compare.first(real, executor, int(real.wrong[0]))
        outcomes += own
    sources = {s: _summary(x, [o for o in outcomes if o.source == s]) for s, x in compare.sources.items()}
    by_layer = _by_layer(outcomes)
    by_executor = {name: sum(by_layer.get(name, {}).values()) for name in executors}
    return VerifyReport(
        samples=sum(len(x) for x in compare.sources.values()),
        outputs=int(np.prod(network.output.shape)),
        differing_bits=sum(by_executor.values()),
        differing_samples=sum(entry["differing_samples"] for entry in sources.values()),
        executors=["integer", *(n for n in by_executor if n != "integer")],
        first_difference=first,
        notes=notes,
        by_executor=by_executor,
        sources=sources,
        layers_compared=compare.layers,
        by_layer=by_layer,
        saturations=compare.saturations(),
        float32_inexact=inexact,
    )
