"""Small HTML pieces, everything escaped: figures that say on hovering what they are, tables, key-value lists, embedded pictures."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

from ..figures import Figure
from .numbers import explain, interval_text, number, provenance_kind, value_text

MARKS = {"law": "L", "calibrated": "C", "extrapolated": "X", "stated": "?"}
"""Letter behind a figure; measured and counted figures carry none."""


SCALE = 0.68
"""CSS pixels for each pixel of a plot: sharp on dense screens, 12 pt letters come out as 16 px."""


class Html(str):
    """Text that is HTML already; every other string is escaped by :func:`esc`."""

    __slots__ = ()


def esc(value: Any) -> Html:
    """Escaped text, or the value itself when it is :class:`Html`; None is "n/a"."""
    if isinstance(value, Html):
        return value
    return Html('<span class="na">n/a</span>') if value is None else Html(escape(str(value), quote=True))


def join(parts: Iterable[str], between: str = "") -> Html:
    """Pieces put together; plain strings among them are escaped."""
    return Html(between.join(esc(p) for p in parts))


def tag(name: str, content: Any = "", **attributes: Any) -> Html:
    """``<name attributes>content</name>``; ``cls`` is class, underscores in attribute names become dashes, None leaves one out."""
    text = "".join(
        f' {("class" if k == "cls" else k.replace("_", "-"))}="{escape(str(v), quote=True)}"'
        for k, v in attributes.items()
        if v is not None
    )
    return Html(f"<{name}{text}>{esc(content)}</{name}>")


def fig(figure: Figure, kind: str = "", *, interval: bool = True, unit: str = "") -> Html:
    """A figure: number, mark of its provenance, interval in small print; the title attribute tells stage, provenance and interval."""
    if figure.value is None:
        return tag("span", "n/a", cls="na", title=explain(figure))
    mark = MARKS.get(provenance_kind(figure), "")
    parts = [esc(value_text(figure, kind) + (f" {unit}" if unit else ""))]
    if mark:
        parts.append(tag("sup", mark))
    ends = interval_text(figure, kind) if interval else ""
    if ends:
        parts.append(tag("span", ends, cls="ci"))
    return tag("span", join(parts), cls="fig", data_stage=figure.stage, title=explain(figure), tabindex="0")


def table(headings: Sequence[Any], rows: Iterable[Sequence[Any]], *, cls: str = "", strong: Sequence[int] = ()) -> Html:
    """A table; the first column is the row's heading; ``strong`` are indices of rows set in bold. Wide tables scroll inside themselves."""
    head = tag("tr", join(tag("th", h, scope="col") for h in headings))
    body = join(
        tag(
            "tr",
            join(tag("td" if k else "th", cell, **({} if k else {"scope": "row"})) for k, cell in enumerate(row)),
            cls="strong" if i in strong else None,
        )
        for i, row in enumerate(rows)
    )
    return tag("div", tag("table", join([tag("thead", head), tag("tbody", body)]), cls=cls or None), cls="scroll")


def plain(value: Any) -> Html:
    """Any JSON value for reading: figures as figures, lists by commas, dictionaries as "key: value"."""
    if isinstance(value, Figure):
        return fig(value)
    if isinstance(value, bool):
        return esc("yes" if value else "no")
    if isinstance(value, (int, float)):
        return esc(number(value) if isinstance(value, int) else f"{value:.6g}")
    if isinstance(value, dict):
        return join([join([f"{k}: ", plain(v)]) for k, v in value.items()], ", ")
    if isinstance(value, (list, tuple)):
        return join([plain(v) for v in value], ", ")
    return esc(value)


def pairs(content: dict[str, Any]) -> Html:
    """A definition list of everything that is not None."""
    return tag("dl", join(join([tag("dt", k), tag("dd", plain(v))]) for k, v in content.items() if v is not None))


def picture(path: Path, caption: str, alt: str) -> Html:
    """A PNG embedded as base64, all at one scale, so that letters are equally large in every plot."""
    content = path.read_bytes()
    width = round(int.from_bytes(content[16:20], "big") * SCALE)  # PNG, section 11.2.2 (IHDR)
    data = base64.b64encode(content).decode("ascii")
    image = Html(f'<img alt="{escape(alt, quote=True)}" width="{width}" src="data:image/png;base64,{data}">')
    return tag("figure", join([image, tag("figcaption", caption)]))
