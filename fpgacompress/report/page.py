"""One self-contained HTML page of a run: no network, no script, pictures embedded, light and dark, prints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from . import sections, sections_hardware
from .html import Html, esc, fig, join, pairs, picture, plain, table, tag
from .numbers import number
from .plots import PLOTS
from .results import figure, label, models, normal, section
from .style import CSS

CAPTIONS = {
    "accuracy_cost": "Accuracy of every model against what it costs; bars are the intervals of the model table. "
    "Models of equal cost stand a little apart.",
    "front": "Each blue student was tuned with its bits fixed; the grey ramp is what the training met on its way. Validation data.",
    "training_curves": "Accuracy over the epochs; pruned variants below with the share of zeros that the schedule had reached.",
    "confusion": "Rows are true classes and sum to their samples; numbers are counts, empty cells are zero.",
    "layer_bits": "Widths of the fixed-point types of each layer, and zeros in the quantized weights against what the recipe asked for.",
    "weight_histograms": "Every bar is one level that the quantizer can represent. "
    "The bar of the zeros is cut where it would flatten the others.",
    "utilisation": "Share of the board's resources with intervals; each stage on its own axes. "
    "Light orange: the interval passes the whole board; dark orange: the figure itself does.",
}


def build_page(results: dict[str, Any], plots: dict[str, Path] | None = None) -> str:
    """The page as text.

    Args:
        results: content of figures.json, figures as objects or in JSON form; any part may be missing.
        plots: name of :data:`plots.PLOTS` to PNG file; missing pictures are said to be missing.

    Returns:
        A complete HTML document without links to anything outside itself.
    """
    results, plots = normal(results), plots or {}

    def drawn(*names: str) -> Html:
        return join(picture(plots[n], CAPTIONS[n], f"plot: {PLOTS[n][0]}") for n in names if n in plots)

    chapters = [
        ("done", "What was done", _done(results)),
        ("models", "Models", join([sections.models_section(results), drawn("accuracy_cost", "front", "confusion", "training_curves")])),
        ("layers", "The student, layer by layer", join([drawn("layer_bits", "weight_histograms"), sections.layers_section(results)])),
        (
            "board",
            "On the board",
            join([sections_hardware.hardware_section(results), drawn("utilisation"), sections_hardware.computed_section(results)]),
        ),
        ("proof", "Firmware and proof", sections_hardware.proof_section(results)),
        ("data", "Data", _data(results)),
        ("recipe", "Recipe", _recipe(results)),
        ("again", "Making it again", _again(results)),
        ("sources", "Every figure and its source", sections.sources_section(results)),
    ]
    title = str(results.get("title") or results.get("name") or "fpgacompress run")
    body = join(
        [
            tag(
                "header",
                join(
                    [
                        tag("h1", title),
                        tag("div", _subtitle(results), cls="soft"),
                        tag("nav", join([tag("a", heading, href=f"#{key}") for key, heading, _ in chapters], " ")),
                    ]
                ),
            ),
            sections.tiles(results),
            _warnings(results),
            sections.legend(results),
            join(join([tag("h2", heading, id=key), content]) for key, heading, content in chapters),
            tag(
                "footer",
                "Made by fpgacompress from figures.json beside this page; the page holds everything it shows and needs no network.",
            ),
        ]
    )
    head = join(
        [
            Html(
                '<meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
                '<meta name="generator" content="fpgacompress">'
            ),
            tag("title", title),
            Html(f"<style>{CSS}</style>"),
        ]
    )
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>{tag("main", body)}</body></html>\n'


def _subtitle(results: dict[str, Any]) -> Html:
    parts = [f"{k} {results[key]}" for k, key in (("run", "name"), ("made", "created"), ("folder", "run_dir")) if results.get(key)]
    return esc(" \u00b7 ".join(parts))


def _warnings(results: dict[str, Any]) -> Html:
    found = [str(w) for w in results.get("warnings") or []]
    if not found:
        return Html("")
    return tag("div", join([tag("b", "Warnings"), tag("ul", join(tag("li", w) for w in found))]), cls="warn", role="note")


def _done(results: dict[str, Any]) -> Html:
    data = section(results, "data")
    parts = []
    if data:
        counts = [f"{number(data[k])} {k}" for k in ("train", "validation", "test") if isinstance(data.get(k), int)]
        read = _reads(data)
        parts.append(
            tag(
                "p",
                f"Data: {data.get('name') or 'unnamed'}"
                + (f" ({', '.join(counts)} samples)" if counts else "")
                + f". The test split was {read}.",
            )
        )
    rows = [
        [
            label(n, m),
            m.get("description") or "",
            f"{m['seconds']:,.1f} s" if isinstance(m.get("seconds"), (int, float)) else None,
            f"{len(m['history'])}" if m.get("history") else None,
            tag("code", m["file"]) if m.get("file") else None,
        ]
        for n, m in models(results)
    ]
    if rows:
        parts.append(table(["model", "what it is", "trained in", "epochs", "file in the run folder"], rows, cls="text"))
    return join(parts) if parts else tag("p", "The results of this run say nothing about it.")


def _reads(data: dict[str, Any]) -> str:
    """How often the test split was read, in words."""
    reads = data.get("test_read", data.get("test_reads"))
    if isinstance(reads, (str, int)) and not isinstance(reads, bool):
        return f"read: {reads}"
    if not reads or not isinstance(reads, list):
        return "read an unknown number of times: this run did not record it"
    shown = ("step", "reason", "when", "time")
    texts = [", ".join(str(r[k]) for k in shown if k in r) or str(plain(r)) if isinstance(r, dict) else str(r) for r in reads]
    text = "; ".join(texts)
    return f"read once ({text})" if len(reads) == 1 else f"read {len(reads)} times ({text})"


def _data(results: dict[str, Any]) -> Html:
    data = section(results, "data")
    if not data:
        return tag("p", "No data card in this run.")
    classes = data.get("classes")
    known = (
        "name",
        "source",
        "licence",
        "citation",
        "classes",
        "train",
        "validation",
        "test",
        "sha256",
        "input_type",
        "preprocessing",
        "test_read",
        "test_reads",
    )
    splits = ", ".join(f"{k} {number(data[k])}" for k in ("train", "validation", "test") if isinstance(data.get(k), int))
    card = {
        "name": data.get("name"),
        "source": data.get("source"),
        "licence": data.get("licence") or "not stated",
        "citation": data.get("citation") or "not stated",
        "classes": f"{len(classes)}: {', '.join(map(str, classes))}" if isinstance(classes, list) else classes,
        "splits": splits or None,
        "test split": _reads(data),
        "SHA-256": tag("code", data["sha256"]) if isinstance(data.get("sha256"), str) else data.get("sha256"),
        "input type": data.get("input_type"),
        "preprocessing": data.get("preprocessing"),
        **{k: v for k, v in data.items() if k not in known},
    }
    return pairs(card)


def _recipe(results: dict[str, Any]) -> Html:
    text = results.get("recipe_yaml")
    if isinstance(text, str) and text.strip():
        return tag("pre", text.rstrip("\n"))
    recipe = section(results, "recipe")
    return pairs(recipe) if recipe else tag("p", "The recipe is not in these results.")


def _again(results: dict[str, Any]) -> Html:
    folder = str(results.get("run_dir") or "RUN_DIR")
    commands = (
        f"fpgacompress run recipe.yaml        # the recipe above; steps that did not change are reused\n"
        f"fpgacompress report {folder}        # this page and the tables again, from figures.json"
    )
    parts = [tag("pre", commands)]
    environment = section(results, "environment")
    for heading, key in (("Seeds", "seeds"), ("Versions", "versions"), ("Machine", "machine")):
        content = environment.get(key)
        if content:
            parts += [tag("h3", heading), pairs(content) if isinstance(content, dict) else tag("p", plain(content))]
    seconds = {k: v for k, v in section(results, "seconds").items() if figure({"v": v}, "v").available}
    if seconds:
        times = {k: figure({"v": v}, "v", "s") for k, v in seconds.items()}
        total = sum(float(f.value) for f in times.values())
        rows = [
            [k, fig(f) if f.provenance else f"{f.value:,.1f}", f"{100 * f.value / total:.0f} %" if total else ""] for k, f in times.items()
        ]
        parts += [
            tag("h3", "Time of each step"),
            table(["step", "seconds", "share"], rows + [["all", f"{total:,.1f}", ""]], strong=[len(rows)]),
        ]
    return join(parts)
