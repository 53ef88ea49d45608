"""The sections of the page about models and figures. Each takes the results and gives HTML, empty when there is nothing to say."""

from __future__ import annotations

from typing import Any

from ..figures import Figure
from .html import Html, esc, fig, join, plain, table, tag
from .numbers import PROVENANCES, STAGES, number
from .results import all_figures, figure, label, models, section, student
from .tables import COLUMNS, missing_notes
from .verdicts import verdicts


def tiles(results: dict[str, Any]) -> Html:
    """The four answers."""
    words = {True: ("yes", "\u2713 "), False: ("no", "\u2717 "), None: ("", "")}
    boxes = []
    for verdict in verdicts(results):
        cls, sign = words[verdict.holds]
        parts = [tag("div", verdict.question, cls="q"), tag("div", sign + verdict.answer, cls="a"), tag("div", verdict.detail, cls="d")]
        if verdict.question == "accuracy" and verdict.figure is not None:
            parts[1] = tag("div", fig(verdict.figure, "fraction"), cls="a")
        boxes.append(tag("div", join(parts), cls=f"tile {cls}".strip()))
    return tag("div", join(boxes), cls="tiles")


def legend(results: dict[str, Any]) -> Html:
    """What stages and the letters behind figures mean; only those that occur."""
    used = {f.stage for _, f in all_figures(results) if f.stage}
    marks = [
        join([tag("sup", m), " ", PROVENANCES[k]]) for k, m in (("law", "L"), ("calibrated", "C"), ("extrapolated", "X"), ("stated", "?"))
    ]
    stages = [join([tag("b", s), " ", text]) for s, text in STAGES.items() if s in used]
    lines = [
        join(
            [
                tag("b", "Reading the figures. "),
                "Point at a figure for its stage, source and interval; small print under it is the interval; ",
                "all of them are listed with their sources at the end.",
            ]
        ),
        join(
            [
                tag("b", "Letters. "),
                join(marks, "; "),
                "; no letter: measured or counted; ",
                tag("span", "n/a", cls="na"),
                " cannot be had, with the reason.",
            ]
        ),
    ]
    if stages:
        lines.append(
            join(
                [
                    tag("b", "Stages. "),
                    "Figures of different stages are different quantities and never share a column: ",
                    join(stages, "; "),
                    ".",
                ]
            )
        )
    return tag("div", join(tag("p", line) for line in lines), cls="legend")


def models_section(results: dict[str, Any]) -> Html:
    """The model table, the paired differences and the ablation over seeds."""
    listed = models(results)
    if not listed:
        return tag("p", "No model was evaluated in this run.")
    columns = COLUMNS[:3] + (("ece", "ECE", "fraction"),) + COLUMNS[3:5] + (("sparsity", "zeros", "percent"),) + COLUMNS[5:]
    rows = [[label(n, m)] + [fig(figure(m, key), kind) for key, _, kind in columns] for n, m in listed]
    strong = [i for i, (n, _) in enumerate(listed) if n == "student"]
    parts = [table(["model"] + [h for _, h, _ in columns], rows, cls="dense", strong=strong)]
    parts += [tag("p", note, cls="note") for note in missing_notes({"models": section(results, "models")})]
    parts += [tag("p", f"{label(n, m)}: {note}.", cls="note") for n, m in listed for note in m.get("notes") or [] if isinstance(note, str)]
    parts.append(
        tag(
            "p",
            "ECE: expected calibration error. FLOPs: operations of one inference. BOPs, EBOPs: bit operations of all weights "
            "and of the non-zero ones. Bytes: weights packed at their own widths.",
            cls="note",
        )
    )
    return join([join(parts), _baseline(results), _comparisons(results), _ablation(results), _per_class(results)])


def _baseline(results: dict[str, Any]) -> Html:
    majority = section(results, "data").get("majority")
    if not isinstance(majority, Figure):
        return Html("")
    return tag("p", join(["To beat: always answering the most frequent class gives accuracy ", fig(majority, "fraction"), "."]))


def _per_class(results: dict[str, Any]) -> Html:
    """Precision, recall and F1 of the student's classes."""
    chosen = student(results)
    rows = [r for r in (chosen[1].get("per_class") if chosen else None) or [] if isinstance(r, dict)]
    if not rows:
        return Html("")
    keys = ("precision", "recall", "f1")
    cells = [
        [r.get("class"), plain(r.get("samples"))] + [None if r.get(k) is None else number(r[k], "fraction") for k in keys] for r in rows
    ]
    content = table(["class", "test samples", "precision", "recall", "F1"], cells)
    return tag("details", join([tag("summary", f"{label(*chosen)}: {len(rows)} classes one by one"), content]))


def _comparisons(results: dict[str, Any]) -> Html:
    named = dict(models(results))
    rows = [
        [
            f"{label(str(c.get('a')), named.get(str(c.get('a'))))} \u2212 {label(str(c.get('b')), named.get(str(c.get('b'))))}",
            c.get("metric") or "accuracy",
            fig(figure(c, "difference"), "signed"),
            fig(figure(c, "p"), "p"),
            c.get("text") or "",
        ]
        for c in results.get("comparisons") or []
        if isinstance(c, dict)
    ]
    if not rows:
        return Html("")
    return join(
        [
            tag("h3", "Paired differences on the same samples"),
            table(["a \u2212 b", "metric", "difference", "p", "in words"], rows, cls="text"),
        ]
    )


def _ablation(results: dict[str, Any]) -> Html:
    ablation = section(results, "ablation")
    rows = [r for r in ablation.get("rows") or [] if isinstance(r, dict)]
    if not rows:
        return Html("")
    arms = [
        [
            r.get("arm"),
            fig(figure(r, "mean"), "fraction"),
            len(r.get("accuracies") or []),
            ", ".join(number(float(a), "fraction") for a in r.get("accuracies") or []),
        ]
        for r in rows
    ]
    parts = [tag("h3", "Ablation: what each step adds"), table(["arm", "mean accuracy", "seeds", "accuracy of each seed"], arms)]
    pair_rows = []
    for pair in ablation.get("pairs") or []:
        d = figure(pair, "difference")
        says = "n/a" if not d.available or d.low is None else "null: the interval includes zero" if d.low <= 0 <= d.high else ""
        says = says or f"{pair.get('a')} is {'better' if d.value > 0 else 'worse'}: the interval excludes zero"
        pair_rows.append([f"{pair.get('a')} \u2212 {pair.get('b')}", fig(d, "signed"), says])
    parts.append(table(["a \u2212 b", "mean paired difference", "verdict"], pair_rows, cls="text") if pair_rows else "")
    return join(parts)


def layers_section(results: dict[str, Any]) -> Html:
    """The student, layer by layer."""
    chosen = student(results)
    layers = [layer for layer in (chosen[1].get("layers") if chosen else None) or [] if isinstance(layer, dict)]
    if not layers:
        return tag("p", "No table of layers in this run.")

    def value(layer: dict[str, Any], key: str, kind: str = "") -> Any:
        content = layer.get(key)
        if isinstance(content, Figure):
            return fig(content, kind)
        return (
            number(content, kind)
            if isinstance(content, (int, float)) and not isinstance(content, bool)
            else None
            if content is None
            else plain(content)
        )

    def shape(layer: dict[str, Any]) -> Any:
        size = layer.get("shape")
        return " \u00d7 ".join(str(s) for s in size) if isinstance(size, (list, tuple)) else size

    rows = [
        [
            layer.get("name"),
            layer.get("kind"),
            shape(layer),
            value(layer, "weights"),
            value(layer, "nonzeros"),
            value(layer, "sparsity", "percent"),
            value(layer, "nominal_sparsity", "percent"),
            join([value(layer, "levels_used"), " of ", value(layer, "levels")]),
            layer.get("kernel_type"),
            layer.get("bias_type"),
            layer.get("activation_type"),
        ]
        for layer in layers
    ]
    headings = [
        "layer",
        "kind",
        "shape",
        "weights",
        "non-zeros",
        "zeros",
        "zeros asked for",
        "levels used",
        "weight type",
        "bias type",
        "activation type",
    ]
    return join(
        [
            table(headings, rows, cls="dense"),
            tag(
                "p",
                "fixed<w,i>: w bits in all, i of them before the binary point (sign included; ufixed has none); "
                "zeros are counted in the quantized weights.",
                cls="note",
            ),
            _ranges(section(chosen[1], "ranges")),
        ]
    )


def _ranges(told: dict[str, Any]) -> Html:
    """How integer bits were chosen, tensor by tensor."""
    fits = [fit for fit in told.get("tensors") or [] if isinstance(fit, dict)]
    if not fits:
        return Html("")

    def integers(bits: Any) -> str:
        return f"{min(bits)} to {max(bits)}, per channel" if isinstance(bits, (list, tuple)) else str(bits)

    rows = [
        [
            fit.get("layer"),
            fit.get("tensor"),
            fit.get("bits"),
            integers(fit.get("integer")),
            fit.get("rule"),
            number(fit["largest"]),
            f"{100 * fit['saturation']:.2f} %",
        ]
        for fit in fits
    ]
    parts = [
        tag("h3", "How ranges were chosen"),
        table(["layer", "tensor", "bits", "integer bits, sign not counted", "rule", "largest value", "values beyond"], rows, cls="dense"),
        tag("p", "Fitted to the weights the student starts from and to calibration samples of the training data.", cls="note"),
        *(tag("p", esc(note), cls="note") for note in told.get("notes") or []),
    ]
    return join(parts)


def sources_section(results: dict[str, Any]) -> Html:
    """Every figure of the run with its source, one table for each stage."""
    groups: dict[str, list[list[Any]]] = {}
    for path, f in all_figures(results):
        key = "not available" if not f.available else f.stage or "no stage"
        ends = "" if f.low is None or f.high is None else f"{f.low:.6g} to {f.high:.6g}"
        row = (
            [path, f.reason]
            if not f.available
            else [path, tag("span", repr(f.value), data_stage=f.stage), f.unit, ends, f.interval or "", f.provenance or "not stated"]
        )
        groups.setdefault(key, []).append(row)
    if not groups:
        return Html("")
    parts = []
    for key in [*STAGES, "no stage", "not available"]:
        if key in groups:
            headings = (
                ["figure", "why not"] if key == "not available" else ["figure", "value", "unit", "interval", "kind of interval", "source"]
            )
            parts += [tag("h3", key), table(headings, groups[key], cls="text")]
    total = sum(len(rows) for rows in groups.values())
    return tag("details", join([tag("summary", esc(f"{total} figures, stage by stage")), join(parts)]))
