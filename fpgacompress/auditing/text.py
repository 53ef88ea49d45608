"""An audit for people: a table of layers, one of activations, then the findings, worst first."""

from __future__ import annotations

import itertools
import textwrap
from typing import Any

from .report import SEVERITIES, AuditReport, Finding
from .rule import share

WIDTH = 140


def _table(head: list[str], rows: list[list[str]], left: int) -> list[str]:
    """Aligned columns; the first ``left`` to the left, the others to the right."""
    widths = [max(len(r[i]) for r in [head, *rows]) for i in range(len(head))]
    return [
        "  ".join(c.ljust(w) if i < left else c.rjust(w) for i, (c, w) in enumerate(zip(r, widths, strict=True))).rstrip()
        for r in [head, *rows]
    ]


def _optional(value: Any, show: Any = str) -> str:
    return "-" if value is None else show(value)


def _layers(report: AuditReport) -> list[str]:
    head = ["layer", "kind", "kernel", "bias", "weights", "levels", "zeros stored", "zeros real", "dead start", "clipped", "exact sum"]
    rows = [
        [
            row.name,
            row.kind,
            _optional(row.quantizer, lambda q: q.replace("quantized_", "")),
            _optional(row.bias_quantizer, lambda q: q.replace("quantized_", "")),
            f"{row.weights:,}",
            f"{row.levels_used} of {row.levels}" if row.levels else f"{row.levels_used}",
            share(row.nominal_sparsity),
            share(row.effective_sparsity),
            _optional(row.dead_at_start, share),
            share(row.clipped),
            _optional(row.accumulator),
        ]
        for row in report.layers
    ]
    return _table(head, rows, 4)


def _activations(report: AuditReport) -> list[str]:
    head = ["activation", "quantizer", "range", "saturate", "to zero", "negative", "idle bits", "constant"]
    rows = [
        [
            row.name,
            row.quantizer.replace("quantized_", ""),
            f"{row.low:g} .. {row.high:g}",
            share(row.saturated),
            share(row.underflow),
            share(row.negative),
            str(row.unused_bits),
            f"{row.constant} of {row.elements}",
        ]
        for row in report.activations
    ]
    return _table(head, rows, 2)


def _paragraph(text: str, mark: str = "") -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=f"    {mark}", subsequent_indent=" " * (4 + len(mark)), break_long_words=False)


def _group(severity: str, rule: str, findings: list[Finding]) -> list[str]:
    """Findings of one rule: each with its layer; a fix that all share is told once."""
    same = len({f.fix for f in findings}) == 1
    lines = [f"{severity.upper():8}{rule}"]
    for finding in findings:
        lines += _paragraph((f"{finding.layer}: " if finding.layer else "") + finding.evidence)
        lines += [] if same and finding is not findings[-1] else _paragraph(finding.fix, "-> ")
    return lines


def _verdict(report: AuditReport) -> str:
    counts = ", ".join(f"{report.count(s)} {s}{'' if report.count(s) == 1 else 's'}" for s in SEVERITIES)
    meaning = "nothing here says that hardware will differ" if report.sound else "do not build hardware from this model yet"
    return f"{counts}: {meaning}"


def text(report: AuditReport) -> str:
    """The report as plain text, ending in a line that says the verdict."""
    lines = [f"audit of {report.model}", f"input {report.input_type} ({report.input_origin})", *report.notes]
    lines += ["", *_layers(report)] if report.layers else ["", "no layer with weights"]
    if report.activations:
        lines += ["", *_activations(report)]
    for (severity, rule), findings in itertools.groupby(report.findings, lambda f: (f.severity, f.rule)):
        lines += ["", *_group(severity, rule, list(findings))]
    if report.not_checked:
        lines.append("")
        for reason in dict.fromkeys(report.not_checked.values()):
            lines.append(f"not checked: {', '.join(n for n, r in report.not_checked.items() if r == reason)}: {reason}")
    return "\n".join([*lines, "", _verdict(report)]) + "\n"
