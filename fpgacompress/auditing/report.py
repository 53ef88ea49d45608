"""What an audit says: one row per weighted layer, one per quantized activation, findings by severity."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

SEVERITIES = ("error", "warning", "note")
"""From bad to harmless. "error": the model does not do what its name says, or hardware will compute something else."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or worth knowing.

    Attributes:
        rule: name of the rule, such as "linear-relu".
        severity: one of :data:`SEVERITIES`.
        layer: layer it is about; None for the whole model, its data or its training.
        evidence: what was seen, with numbers.
        fix: what to do, one line.
        numbers: the numbers of the evidence, for programs.
    """

    rule: str
    severity: str
    layer: str | None
    evidence: str
    fix: str
    numbers: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class LayerRow:
    """Weights of one layer, as stored and as its own quantizer delivers them. Shares are from 0 to 1.

    Attributes:
        name: layer; a second kernel of the same layer is ``name/pointwise``.
        kind: class of the layer, pruning wrappers taken off.
        weights: number of weights in the kernel.
        quantizer, bias_quantizer: their texts; None where there is none (``bias_quantizer`` is "-" without bias).
        levels: values the quantizer can deliver (per channel where the scale is per channel); None without quantizer.
        levels_used: different values among the quantized weights.
        nominal_sparsity: share of stored weights that are exactly zero.
        effective_sparsity: share of weights that are zero after the layer's own quantizer.
        dead_at_start: share of weights that the named initializer puts so near to zero that the quantizer makes them zero.
        start_scale: how many times wider QKeras draws the first weights than the named initializer (its ``QInitializer``).
        clipped: share of stored weights more than one step outside the quantizer's range.
        accumulator: smallest type that no input can overflow; None where the model has no exact integer form.
        multiplications, nonzero_multiplications: for one sample; all, and those with a weight that is not zero.
    """

    name: str
    kind: str
    weights: int
    quantizer: str | None
    bias_quantizer: str | None
    levels: int | None
    levels_used: int
    nominal_sparsity: float
    effective_sparsity: float
    dead_at_start: float | None
    start_scale: float | None
    clipped: float
    accumulator: str | None
    multiplications: int
    nonzero_multiplications: int


@dataclass(frozen=True)
class ActivationRow:
    """One quantized activation, on data. Shares are from 0 to 1.

    Attributes:
        name: layer; ``name_act`` for an activation inside a weighted layer.
        quantizer: its text.
        low, high: range of the quantizer.
        values: number of values seen (samples times elements).
        saturated: share of values more than half a step beyond the range (for a ReLU above it only).
        underflow: share of values that are not zero (for a ReLU: above zero) and are rounded to zero.
        negative: share of results below zero.
        unused_bits: top bits that no result needs.
        constant, dead: elements with the same result on every sample, and those of them that are zero.
        elements: elements of one result.
    """

    name: str
    quantizer: str
    low: float
    high: float
    values: int
    saturated: float
    underflow: float
    negative: float
    unused_bits: int
    constant: int
    dead: int
    elements: int


@dataclass(frozen=True)
class AuditReport:
    """Result of :func:`fpgacompress.auditing.audit.audit`.

    Attributes:
        model: name or path of what was audited.
        input_type, input_origin: type of the network's input, and who says so.
        lowers: None when the model has an exact integer form, else the reason why not.
        layers, activations: the tables; activations only with data.
        findings: worst first.
        notes: how it was read, what data were used.
        not_checked: rule to what is missing for it.
    """

    model: str
    input_type: str
    input_origin: str
    lowers: str | None
    layers: tuple[LayerRow, ...]
    activations: tuple[ActivationRow, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    not_checked: dict[str, str]

    def count(self, severity: str) -> int:
        """Number of findings of a severity."""
        return sum(f.severity == severity for f in self.findings)

    def of(self, rule: str, layer: str | None = None) -> list[Finding]:
        """Findings of one rule, of one layer when it is named."""
        return [f for f in self.findings if f.rule == rule and (layer is None or f.layer == layer)]

    def row(self, name: str) -> LayerRow:
        """The row of a layer; KeyError when there is none."""
        for row in self.layers:
            if row.name == name:
                return row
        raise KeyError(name)

    @property
    def sound(self) -> bool:
        """No finding is an error."""
        return self.count("error") == 0

    def to_json(self) -> dict[str, Any]:
        """Plain tree; keys are stable."""
        return {
            "model": self.model,
            "input": {"type": self.input_type, "origin": self.input_origin},
            "lowers": self.lowers is None,
            "refusal": self.lowers,
            "counts": {severity: self.count(severity) for severity in SEVERITIES},
            "layers": [asdict(row) for row in self.layers],
            "activations": [asdict(row) for row in self.activations],
            "findings": [asdict(finding) for finding in self.findings],
            "notes": list(self.notes),
            "not_checked": self.not_checked,
        }
