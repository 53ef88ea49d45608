"""How figures are written: one way for the terminal, for Markdown and for the page."""

from __future__ import annotations

from ..figures import Figure

PROVENANCES = {
    "measured": "measured: taken on data, or read from a tool's own report",
    "counted": "counted: follows from the integer weights themselves",
    "law": "law: a closed formula that held on every design it was checked against",
    "calibrated": "calibrated: a formula fitted to real synthesis results, with the interval seen on designs left out",
    "extrapolated": "extrapolated: outside the range the formula was fitted on; trust it least",
    "stated": "source not stated",
}
STAGES = {
    "trained": "evaluating a model on data",
    "counted": "counting the integer weights and operations",
    "simulated": "C or RTL simulation",
    "csynth": "high-level synthesis report (before logic synthesis; LUT counts there are usually too high)",
    "post-synth": "logic synthesis",
    "routed": "placed and routed design",
}


def provenance_kind(figure: Figure) -> str:
    """One word of :data:`PROVENANCES` for a figure."""
    text = (figure.provenance or "").lower()
    for kind in ("extrapolated", "calibrated", "law", "counted", "measured"):
        if kind in text:
            return kind
    return "counted" if figure.stage == "counted" else "stated"


def number(value: float | int, kind: str = "") -> str:
    """A bare number.

    Args:
        value: finite.
        kind: "fraction" (four digits), "signed" (four digits and sign), "percent" (of a fraction), "bits", "p", "short" (4.35 M),
            or "" to choose by size.
    """
    if kind == "short":
        return short_count(value)
    if kind == "fraction":
        return f"{value:.4f}"
    if kind == "signed":
        return f"{value:+.4f}".replace("-", "\u2212")
    if kind == "percent":
        return f"{100 * value:.1f} %"
    if kind == "bits":
        return f"{value:.2f}"
    if kind == "p":
        return f"{value:.1e}" if 0 < value < 0.001 else "< 1e-300" if value == 0 else f"{value:.3f}"
    if isinstance(value, int) or float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:,.1f}" if abs(value) >= 100 else f"{value:.2f}" if abs(value) >= 1 else f"{value:.4f}"


def value_text(figure: Figure, kind: str = "") -> str:
    """The number alone, "n/a" when there is none."""
    return "n/a" if figure.value is None else number(figure.value, kind)


def interval_text(figure: Figure, kind: str = "") -> str:
    """ "0.8886-0.9006" (with an en dash), "to" between signed numbers; empty when the figure has no interval."""
    if figure.value is None or figure.low is None or figure.high is None:
        return ""
    if kind == "percent":
        return f"{100 * figure.low:.1f}\u2013{number(figure.high, kind)}"
    return number(figure.low, kind) + (" to " if kind == "signed" else "\u2013") + number(figure.high, kind)


def full_text(figure: Figure, kind: str = "") -> str:
    """Number with its interval in parentheses."""
    interval = interval_text(figure, kind)
    return value_text(figure, kind) + (f" ({interval})" if interval else "")


def short_count(value: float | int) -> str:
    """ "4.35 M" for columns where the size matters, not the digits; below 10,000 the number itself."""
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size and abs(value) >= 1e4:
            return f"{value / size:.3g} {letter}"
    return number(value)


def explain(figure: Figure) -> str:
    """Everything a figure knows about itself, in one line; the text that hovering shows."""
    if figure.value is None:
        return f"not available: {figure.reason}"
    parts = [f"{figure.value!r} {figure.unit}".rstrip()]
    if figure.low is not None and figure.high is not None:
        parts.append(f"from {figure.low:.6g} to {figure.high:.6g}" + (f" ({figure.interval})" if figure.interval else ""))
    if figure.stage:
        parts.append(f"stage {figure.stage}: {STAGES[figure.stage]}")
    parts.append(figure.provenance or "source not stated")
    return " \u00b7 ".join(parts)
