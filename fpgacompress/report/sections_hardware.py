"""The sections of the page about the board and the firmware."""

from __future__ import annotations

from typing import Any

from ..figures import Figure
from .hardware import RESOURCES, TIMES, by_stage, split_key
from .html import Html, fig, join, pairs, plain, table, tag
from .numbers import STAGES
from .results import section
from .tables import hardware_title
from .verdicts import verdicts


def computed_section(results: dict[str, Any]) -> Html:
    """Accumulators against the usual default, and neurons that the board does not compute."""
    told = section(results, "hardware")
    rows = told.get("accumulators") or []
    if not rows:
        return Html("")
    neurons = {r["layer"]: r for r in told.get("removed") or []}
    body = []
    for row in rows:
        overflows = f"{row['usual']} may overflow" if row["usual_overflows"] else f"{row['usual']} holds the range"
        lost = row["usual_lost_bits"]
        usual = overflows + (f", cuts {lost} fractional bit{'s' if lost > 1 else ''}" if lost else "")
        gone = neurons.get(row["layer"])
        body.append(
            [
                row["layer"],
                f"{row['low']:.6g} to {row['high']:.6g}",
                row["exact"],
                row["used"] + ("" if row["holds"] else " (narrower than exact)"),
                usual,
                f"{gone['neurons']} of {gone['of']} neurons, {gone['weights']} weights" if gone and gone["neurons"] else "",
            ]
        )
    note = (
        "Sums are bounded over every possible input. Neurons left out are constant or unread whatever the input is; no output bit changes."
    )
    headings = ["layer", "exact sums reach", "exact accumulator", "used", "against the usual default", "left out"]
    return join([tag("h3", "What the board computes"), table(headings, body, cls="text"), tag("p", note, cls="note")])


def hardware_section(results: dict[str, Any]) -> Html:
    """Board figures, one table for each stage, and the layers' own figures."""
    estimate = section(results, "estimate")
    columns = by_stage(estimate)
    if not columns:
        return tag("p", f"No hardware figures: {estimate.get('reason') or 'this run made no estimate'}.")
    parts = [tag("p", hardware_title(results))]
    if estimate.get("fits_reason"):
        verdict = {True: "Fits: ", False: "Does not fit: "}.get(estimate.get("fits"), "")
        parts.append(tag("p", join([tag("b", verdict), str(estimate["fits_reason"])])))
    for stage, cells in columns.items():
        units = {"latency_cycles": "cycles", "latency_us": "\u00b5s", "ii": "cycles"}
        rows = [
            [
                heading,
                fig(cells[n].amount, unit=units.get(n, "")),
                fig(cells[n].share, "percent") if cells[n].share is not None else "",
                _source(cells[n].amount),
            ]
            for n, heading in {**RESOURCES, **TIMES}.items()
            if n in cells
        ]
        parts += [
            tag("h3", join([stage, tag("span", f" \u2013 {STAGES[stage]}", cls="soft")])),
            table(["", "amount", "of the board", "source"], rows, cls="text"),
        ]
    notes = [str(n) for n in estimate.get("notes") or []]
    rule = tag("p", f"Rule of the verdict: {estimate['fits_rule']}.", cls="note") if estimate.get("fits_rule") else ""
    return join([*parts, _estimate_layers(estimate), rule, tag("ul", join(tag("li", n) for n in notes), cls="note") if notes else ""])


def _source(figure: Figure) -> str | None:
    if not figure.available:
        return figure.reason
    return (figure.provenance or "source not stated") + (f"; interval: {figure.interval}" if figure.interval else "")


def _heading(key: str) -> str:
    name, _ = split_key(key)
    return {**RESOURCES, "latency_cycles": "latency (cycles)", "latency_us": "latency (\u00b5s)", "ii": "II (cycles)"}.get(
        name, key.replace("_", " ")
    )


def _estimate_layers(estimate: dict[str, Any]) -> Html:
    """The layers' settings (strategy, reuse factor, sizes), then one table for each stage that figures of layers come from."""
    layers = [layer for layer in estimate.get("layers") or [] if isinstance(layer, dict)]
    if not layers:
        return Html("")
    activations = section(estimate, "activations")
    rows = layers + ([{"name": "all activations", **activations}] if activations else [])
    stages: dict[str | None, list[str]] = {None: []}
    for key in dict.fromkeys(k for row in rows for k in row if k != "name"):
        found = {row[key].stage for row in rows if isinstance(row.get(key), Figure) and row[key].available}
        for stage in sorted(found, key=str) or [None]:
            stages.setdefault(stage, []).append(key)
    parts = []
    for stage, keys in stages.items():

        def cell(row: dict[str, Any], key: str, stage: str | None = stage) -> Any:
            content = row.get(key)
            if isinstance(content, Figure):
                return fig(content) if not content.available or content.stage == stage else ""
            return plain(content) if content is not None else ""

        body = [[row.get("name", "")] + [cell(row, key) for key in keys] for row in (rows if stage else layers)]
        title = f"Layer by layer at {stage}" if stage else "Layer by layer: settings"
        parts += [tag("h3", title), table(["layer", *map(_heading, keys)], body, cls="dense")] if keys else []
    return join(parts)


def proof_section(results: dict[str, Any]) -> Html:
    """The firmware project and who agreed with whom."""
    exact, firmware, verify = verdicts(results)[3], section(results, "firmware"), section(results, "verify")
    parts = [tag("p", join([tag("b", exact.answer + ". "), exact.detail + "."]))]
    if verify:
        shown = {
            k.replace("_", " "): verify[k]
            for k in ("samples", "outputs", "differing_bits", "differing_samples", "executors", "first_difference")
            if k in verify
        }
        parts.append(pairs(shown))
    if not firmware:
        return join(parts + [tag("p", "No firmware project was written in this run.")])
    build = firmware.get("build")
    parts += [
        tag("h3", "Firmware project"),
        pairs(
            {
                "folder": firmware.get("project_dir"),
                "back end": firmware.get("backend"),
                "interface": firmware.get("io"),
                "build": build,
                **{k: v for k, v in firmware.items() if k not in ("project_dir", "backend", "io", "files", "build")},
            }
        ),
    ]
    files = firmware.get("files")
    if isinstance(files, int):
        parts.append(tag("p", f"{files} files.", cls="note"))
    elif files:
        parts.append(tag("details", join([tag("summary", f"{len(files)} files"), tag("pre", "\n".join(str(f) for f in files))])))
    return join(parts)
