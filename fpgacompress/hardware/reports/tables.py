"""Tables drawn with ``|``, ``+`` and ``-``, as all these reports have them, with the headings they stand under."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_EDGE = re.compile(r"\+(?:-+\+)+")
_GROUP = re.compile(r"\+ (\w[^:|]*):\s*")
_TITLE = re.compile(r"\* (\w[^:|]*):\s*")


@dataclass(frozen=True)
class Table:
    """One table whose lower edge is there, so that no row is missing.

    Attributes:
        section: text of the last line that began with ``==``.
        group, title: text of the last ``+ ...:`` and ``* ...:`` lines of that section.
        header: names of the columns. Names that span several columns stand before the names below them ("Latency (cycles) min").
        rows: cells as they stand there, with their blanks.
        head: cells of the lines that make the header; of tables without header these are its rows.
    """

    section: str
    group: str
    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    head: tuple[tuple[str, ...], ...]

    def records(self) -> list[dict[str, str]]:
        """Rows as dictionaries from column to stripped cell."""
        return [dict(zip(self.header, (cell.strip() for cell in row))) for row in self.rows]


def _cells(line: str) -> tuple[str, ...]:
    return tuple(line[1:-1].split("|"))


def _separators(line: str) -> list[int]:
    marks = "|" if line[0] == "|" else "|+"
    return [i for i, character in enumerate(line) if character in marks]


def _names(lines: list[str]) -> tuple[str, ...]:
    """Names of the columns that the last line of the header separates."""
    edges = _separators(lines[-1])
    names: list[list[str]] = [[] for _ in edges[1:]]
    for line in lines:
        at = _separators(line)
        for left, right in zip(at, at[1:]):
            text = line[left + 1 : right].strip()
            if text.strip("-"):
                for column, (a, b) in enumerate(zip(edges, edges[1:])):
                    if left <= a and b <= right:
                        names[column].append(text)
    return tuple(" ".join(n) for n in names)


def _table(block: list[str], place: tuple[str, str, str]) -> Table | None:
    """The table of a block of lines that begins with an edge; None when it is not closed or a row has not the header's columns."""
    edge, body = block[0], block[1:]
    if edge not in body or block[-1] != edge:
        return None
    end = body.index(edge)
    head, rest = body[:end], body[end + 1 :]
    if not head or not all(line.endswith(("|", "+")) for line in head):
        return None
    header = _names(head)
    lines = [line for line in rest if line != edge]
    if not all(line[0] == line[-1] == "|" and line.count("|") == len(header) + 1 for line in lines):
        return None
    return Table(*place, header, tuple(map(_cells, lines)), tuple(map(_cells, head)))


def tables(lines: Iterable[str]) -> Iterator[Table]:
    """Complete tables in order; those that are cut off or damaged are left out."""
    section = group = title = ""
    block: list[str] = []
    for line in (*lines, ""):
        text = line.strip()
        if block and text[:1] in ("|", "+"):
            block.append(text)
            continue
        if block and (table := _table(block, (section, group, title))):
            yield table
        block = []
        if _EDGE.fullmatch(text):
            block = [text]
        elif text.startswith("== "):
            section, group, title = text[3:], "", ""
        elif match := _GROUP.fullmatch(text):
            group, title = match[1], ""
        elif match := _TITLE.fullmatch(text):
            title = match[1]
