"""The lines ``| Key : value`` at the top of Vivado's reports."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .source import Source
from .values import Origin, measured, release

_LINE = re.compile(r"^\| ([A-Z][A-Za-z ]*?)\s*: (.*?)\s*$")


@dataclass(frozen=True)
class Header:
    """Who wrote a report, of which design.

    Attributes:
        version: release of Vivado ("2020.1"), or "".
        design, part, command: as they stand there, or "".
        state: "Design State" in Vivado's words, or "".
        stage: "post-synth", "routed", or None: neither, or not told.
    """

    version: str
    design: str
    part: str
    command: str
    state: str
    stage: str | None

    @property
    def origin(self) -> Origin:
        """Stage and provenance of the report's figures."""
        remark = "" if self.stage else f"design state '{self.state}'" if self.state else "design state not told"
        return Origin(self.stage, measured("Vivado", self.version, remark))


def stage_of(state: str) -> str | None:
    """Stage of a design state: "Synthesized" is post-synth, "Routed" and "Physopt postRoute" are routed, what lies between is neither."""
    words = state.lower().split()
    if "routed" in words or "postroute" in words:
        return "routed"
    return "post-synth" if "synthesized" in words else None


def read_header(source: Source) -> Header:
    """The header; its lines stand before the first table and the first section."""
    found: dict[str, str] = {}
    for line in source.lines:
        if line.startswith("+--") or line.startswith("1. "):
            break
        if match := _LINE.match(line):
            found.setdefault(match[1], match[2])
    tool = re.match(r"Vivado v\.(\S+)", found.get("Tool Version", ""))
    version, state = release(tool[1]) if tool else "", found.get("Design State", "")
    return Header(version, found.get("Design", ""), found.get("Device", ""), found.get("Command", ""), state, stage_of(state))
