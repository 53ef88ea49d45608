"""The tables of a run for the terminal, for a file and for Markdown."""

from __future__ import annotations

import io
import shutil
import sys
from typing import Any, TextIO

from rich import box
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from .hardware import RESOURCES, TIMES, Cell, by_stage
from .numbers import full_text, interval_text, number, provenance_kind, value_text
from .results import figure, label, left_out, models, section
from .verdicts import verdicts

COLUMNS = (
    ("accuracy", "accuracy", "fraction"),
    ("macro_f1", "macro F1", "fraction"),
    ("auc", "AUC", "fraction"),
    ("parameters", "parameters", ""),
    ("nonzeros", "non-zeros", ""),
    ("mean_weight_bits", "mean bits", "bits"),
    ("model_bytes", "bytes", ""),
    ("flops", "FLOPs", "short"),
    ("bops", "BOPs", "short"),
    ("ebops", "EBOPs", "short"),
)
"""Key in the results, heading, and how the number is written."""

PLAIN_WIDTH = 132
STYLE: dict[str, Any] = {"box": box.SIMPLE_HEAD, "title_justify": "left", "title_style": "bold", "pad_edge": False}
NARROW = 112
"""Below this width models become columns, so that nothing wraps."""


def _cell(model: dict[str, Any], key: str, kind: str, with_interval: bool) -> str:
    found = figure(model, key)
    if found.value is None:
        return "n/a"
    text = value_text(found, kind)
    interval = interval_text(found, kind) if with_interval else ""
    return text + (f"\n{interval}" if interval else "")


def models_table(results: dict[str, Any], transposed: bool = False) -> Table:
    """One row for each model (one column when ``transposed``): accuracy with its interval, macro F1, AUC and what the model costs."""
    listed = models(results)
    table = Table(title="models", **STYLE)
    if transposed:
        table.add_column("", no_wrap=True)
        for name, model in listed:
            table.add_column(label(name, model), justify="right", overflow="fold")
        for key, heading, kind in COLUMNS:
            table.add_row(heading, *[_cell(m, key, kind, False) for _, m in listed])
            if key == "accuracy":
                for end, attribute in (("  from", "low"), ("  to", "high")):
                    ends = [getattr(figure(m, key), attribute) for _, m in listed]
                    table.add_row(end, *["" if v is None else number(v, kind) for v in ends])
        return table
    table.add_column("model", no_wrap=True)
    for _, heading, _ in COLUMNS:
        table.add_column(heading, justify="right", no_wrap=True)
    for name, model in listed:
        style = "bold" if name == "student" else ""
        table.add_row(label(name, model), *[_cell(model, key, kind, key == "accuracy") for key, _, kind in COLUMNS], style=style)
    return table


def amount_text(cell: Cell) -> str:
    """The amount without its interval, with a unit where the row's name does not say it."""
    unit = {"latency_cycles": " cycles", "latency_us": " \u00b5s", "ii": " cycles"}.get(cell.name, "")
    return value_text(cell.amount) + (unit if cell.amount.available else "")


def hardware_title(results: dict[str, Any]) -> str:
    """Board, part, strategy and clock in one line."""
    estimate = section(results, "estimate")
    clock = figure(estimate, "clock_ns")
    parts = [str(estimate[k]) for k in ("board", "part", "strategy") if estimate.get(k)]
    return ", ".join(parts + ([f"clock {number(clock.value)} ns"] if clock.available else [])) or "n/a"


def hardware_tables(results: dict[str, Any]) -> list[Table]:
    """One table for each stage (csynth and post-synth figures are different quantities): amount, interval, % of the board, source."""
    tables = []
    for stage, cells in by_stage(section(results, "estimate")).items():
        table = Table(title=f"hardware at {stage}", **STYLE)
        table.add_column("", no_wrap=True)
        for heading in ("amount", "interval", "of the board", "source"):
            table.add_column(heading, justify="left" if heading == "source" else "right", no_wrap=True)
        for name, heading in {**RESOURCES, **TIMES}.items():
            if name in cells:
                cell = cells[name]
                share = number(cell.share.value, "percent") if cell.share is not None else ""
                table.add_row(
                    heading,
                    amount_text(cell),
                    interval_text(cell.amount),
                    share,
                    provenance_kind(cell.amount) if cell.amount.available else "",
                )
        tables.append(table)
    return tables


def comparisons_table(results: dict[str, Any]) -> Table | None:
    """Paired differences between models; None when there are none."""
    rows = [c for c in results.get("comparisons") or [] if isinstance(c, dict)]
    if not rows:
        return None
    named = dict(models(results))
    table = Table(title="paired differences on the same samples", **STYLE)
    for heading in ("a \u2212 b", "difference (95 %)", "p"):
        table.add_column(heading, justify="left" if heading.startswith("a") else "right", no_wrap=True)
    for row in rows:
        a, b = (label(str(row.get(k)), named.get(str(row.get(k)))) for k in "ab")
        table.add_row(f"{a} \u2212 {b}", full_text(figure(row, "difference"), "signed"), value_text(figure(row, "p"), "p"))
    return table


def missing_notes(results: dict[str, Any]) -> list[str]:
    """Why cells say n/a: one line for each reason with the cells it explains."""
    reasons: dict[str, list[str]] = {}
    for name, model in models(results):
        for key, heading, _ in COLUMNS:
            found = figure(model, key)
            if not found.available:
                reasons.setdefault(str(found.reason), []).append(f"{label(name, model)} {heading}")
    for stage, cells in by_stage(section(results, "estimate")).items():
        for cell in cells.values():
            if not cell.amount.available:
                reasons.setdefault(str(cell.amount.reason), []).append(f"{stage} {({**RESOURCES, **TIMES})[cell.name]}")
    return [
        f"n/a: {reason} ({', '.join(cells[:4])}{f' and {len(cells) - 4} more' if len(cells) > 4 else ''})"
        for reason, cells in reasons.items()
    ]


def summary(results: dict[str, Any], width: int = PLAIN_WIDTH) -> Group:
    """Everything the terminal shows at the end of a run, as one rich renderable for ``width`` columns."""
    marks = {True: ("yes", "bold green"), False: ("NO", "bold red"), None: ("  ", "")}
    head = Table(box=None, show_header=False, pad_edge=False)
    for column in range(4):
        head.add_column(no_wrap=column < 2, overflow="fold")
    for verdict in verdicts(results):
        word, style = marks[verdict.holds]
        head.add_row(Text(verdict.question, "dim"), Text(word, style), Text(verdict.answer, "bold"), Text(verdict.detail))
    parts: list[Any] = [Text(str(results.get("title") or results.get("name") or "run"), "bold"), head, ""]
    parts.append(models_table(results, transposed=width < NARROW) if models(results) else Text("no model was evaluated"))
    compared = comparisons_table(results)
    parts += [compared] if compared is not None else []
    estimate = section(results, "estimate")
    parts += [Text(f"hardware: {hardware_title(results)}", "bold"), ""] if by_stage(estimate) else []
    parts += hardware_tables(results) or [Text(f"hardware: n/a ({estimate.get('reason') or 'no estimate in this run'})")]
    if left_out(results):
        parts.append(Text(f"left out of the hardware, since no input can make them matter: {left_out(results)}"))
    parts += [Text(note, "dim") for note in missing_notes(results)]
    parts += [Text(f"warning: {w}", "yellow") for w in results.get("warnings") or []]
    return Group(*parts)


def print_summary(results: dict[str, Any], stream: TextIO | None = None) -> None:
    """Print :func:`summary` to ``stream`` (standard output): coloured on a terminal, plain text of fixed width when piped."""
    stream = stream or sys.stdout
    console = Console(file=stream, highlight=False, markup=False, emoji=False)
    if console.is_terminal:
        console.print(summary(results, console.width))
        return
    text = plain_text(results)
    try:
        text.encode(stream.encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):  # a pipe that takes ASCII only
        text = text.translate(str.maketrans("\u2013\u2212\u2500\u00b5", "---u")).encode("ascii", "replace").decode()
    stream.write(text)


def plain_text(results: dict[str, Any], width: int = PLAIN_WIDTH) -> str:
    """:func:`summary` as plain text without colours or trailing blanks."""
    stream = io.StringIO()
    console = Console(
        file=stream, width=width, no_color=True, highlight=False, markup=False, emoji=False, force_terminal=False, legacy_windows=False
    )
    console.print(summary(results, width))
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"


def terminal_table(results: dict[str, Any]) -> str:
    """:func:`summary` as text for ``print``: coloured and as wide as the terminal, plain where standard output is piped."""
    if not sys.stdout.isatty():
        return plain_text(results).rstrip("\n")
    stream, width = io.StringIO(), shutil.get_terminal_size().columns
    Console(file=stream, width=width, force_terminal=True, highlight=False, markup=False, emoji=False).print(summary(results, width))
    return stream.getvalue().rstrip("\n")


def markdown_models(results: dict[str, Any]) -> str:
    """The model table in Markdown for cards and the README; exact counts, accuracy with its interval."""
    headings = ["model"] + [heading for _, heading, _ in COLUMNS]
    lines = ["| " + " | ".join(headings) + " |", "|---" + "|---:" * len(COLUMNS) + "|"]
    for name, model in models(results):
        cells = [label(name, model).replace("|", "\\|").replace("\n", " ")]
        for key, _, kind in COLUMNS:
            found = figure(model, key)
            kind = "" if kind == "short" else kind
            cells.append(full_text(found, kind) if key == "accuracy" else value_text(found, kind))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
