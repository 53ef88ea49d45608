"""The four answers a reader wants first: how accurate, how small, does it fit, is it bit-exact."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..figures import Figure
from .numbers import full_text, number, value_text
from .results import figure, label, section, student


@dataclass(frozen=True)
class Verdict:
    """One answer.

    Attributes:
        question: "accuracy", "size", "fits" or "bit-exact".
        answer: the short answer, with its number.
        detail: one sentence with what it rests on.
        holds: True, False, or None where there is nothing to hold or nobody looked.
        figure: the figure behind the answer.
    """

    question: str
    answer: str
    detail: str
    holds: bool | None = None
    figure: Figure | None = None


def verdicts(results: dict[str, Any]) -> list[Verdict]:
    """The four answers, in order; what was not done is said to be missing, never guessed."""
    return [_accuracy(results), _size(results), _fits(results), _exact(results)]


def _accuracy(results: dict[str, Any]) -> Verdict:
    chosen = student(results)
    if chosen is None:
        return Verdict("accuracy", "n/a", "no model was evaluated")
    name, model = chosen
    own, teacher = figure(model, "accuracy"), figure(section(section(results, "models"), "teacher"), "accuracy")
    if not own.available:
        return Verdict("accuracy", "n/a", f"{label(name, model)}: {own.reason}", figure=own)
    parts = [own.interval or "no interval"]
    if teacher.available and name != "teacher":
        points = 100 * (own.value - teacher.value)
        parts.append(f"{abs(points):.2f} points {'above' if points > 0 else 'below'} the teacher's {value_text(teacher, 'fraction')}")
    return Verdict("accuracy", full_text(own, "fraction"), f"{label(name, model)}; " + "; ".join(parts), figure=own)


def _size(results: dict[str, Any]) -> Verdict:
    chosen = student(results)
    model = chosen[1] if chosen else {}
    bits, sparsity, size = figure(model, "mean_weight_bits"), figure(model, "sparsity"), figure(model, "model_bytes")
    if not bits.available and not sparsity.available:
        return Verdict("size", "n/a", bits.reason or "")
    zeros = f"{number(sparsity.value, 'percent')} zeros" if sparsity.available else "zeros n/a"
    width = f"{number(bits.value, 'bits')} bits" if bits.available else "bits n/a"
    parts = []
    kept, whole = figure(model, "nonzeros"), figure(model, "parameters")
    if kept.available and whole.available:
        parts.append(f"{number(kept.value)} of {number(whole.value)} parameters are not zero")
    if size.available:
        parts.append(f"{number(size.value)} bytes packed")
        for name, what in (("float", "float student"), ("teacher", "teacher")):
            other = figure(section(section(results, "models"), name), "model_bytes")
            if other.available and size.value:
                parts.append(f"{other.value / size.value:.1f} times smaller than the {what}")
    return Verdict("size", f"{width}, {zeros}", "; ".join(parts), figure=bits if bits.available else sparsity)


def _fits(results: dict[str, Any]) -> Verdict:
    estimate = section(results, "estimate")
    board = str(estimate.get("board") or "the board")
    fits, reason = estimate.get("fits"), str(estimate.get("fits_reason") or "")
    if not isinstance(fits, bool):
        return Verdict("fits", "n/a", reason or str(estimate.get("reason") or "no hardware estimate in this run"))
    return Verdict("fits", f"{'fits' if fits else 'does not fit'} {board}", reason or "by estimate, not by synthesis", fits)


def _exact(results: dict[str, Any]) -> Verdict:
    verify = section(results, "verify")
    samples, bits = verify.get("samples"), verify.get("differing_bits")
    if not samples or bits is None:
        return Verdict(
            "bit-exact", "not verified", str(verify.get("reason") or "the firmware was not compared with the student in this run")
        )
    executors = ", ".join(str(e) for e in verify.get("executors") or []) or "executors not named"
    if bits == 0:
        outputs = verify.get("outputs")
        what = f"{outputs:,} outputs on {samples:,} samples" if outputs else f"all outputs on {samples:,} samples"
        return Verdict("bit-exact", f"{samples:,} of {samples:,} samples", f"every bit of {what} is equal: {executors}", True)
    wrong = verify.get("differing_samples")
    first = verify.get("first_difference") or {}
    where = (
        f"; first in layer '{first.get('layer')}', sample {first.get('sample')}: expected {first.get('expected')}, got {first.get('got')}"
        if first
        else ""
    )
    share = f" in {wrong:,} of {samples:,} samples" if wrong is not None else ""
    return Verdict("bit-exact", f"{bits:,} bits differ", f"{bits:,} output bits differ{share} ({executors}){where}", False)
