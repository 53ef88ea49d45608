"""What a rule is: one function in a file of ``auditing/rules``, registered under the name its findings carry."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ..registry import Registry
from .report import Finding
from .subject import Subject

MISSING: dict[str, Callable[[Subject], str | None]] = {
    "data": lambda s: None if s.data is not None else "needs data (--data)",
    "measured": lambda s: None if s.measured is not None else "needs data (--data) and a model with one input and one output",
    "deployed": lambda s: None if s.deployed is not None else "needs the data the board will see (--deployed)",
    "hls": lambda s: None if s.hls is not None else "needs the hls4ml configuration (--hls-config)",
    "network": lambda s: None if s.network is not None else "needs a model with an exact integer form (see not-lowerable)",
}
"""What a rule can ask for, and the sentence for a subject that does not have it."""


@dataclass(frozen=True)
class Rule:
    """A rule.

    Attributes:
        name: of its findings.
        look: yields the findings about a subject.
        needs: keys of :data:`MISSING`.
    """

    name: str
    look: Callable[[Subject], Iterable[Finding]]
    needs: tuple[str, ...] = ()


RULES: Registry[Rule] = Registry("audit rule", package="fpgacompress.auditing.rules", group="fpgacompress.audit")
"""Rules by name."""


def rule(name: str, *needs: str) -> Callable[[Callable[[Subject], Iterable[Finding]]], Rule]:
    """Decorator: files a function as the rule ``name``, to be called only when the subject has what it ``needs``."""

    def add(look: Callable[[Subject], Iterable[Finding]]) -> Rule:
        return RULES.register(name)(Rule(name, look, needs))

    return add


def share(value: float) -> str:
    """A share of 1 as text: "50.3 %", small ones with the digits they need, never "0 %" or "100 %" unless exact."""
    percent = 100 * value
    if percent in (0, 100):
        return f"{percent:.0f} %"
    if percent < 0.05:
        return f"{percent:.1g} %"
    return "over 99.9 %" if percent >= 99.95 else f"{percent:.1f} %"


def counted(number: int, noun: str) -> str:
    """ "1 bit", "3 bits"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def several(names: Iterable[Any], most: int = 6) -> str:
    """Names in a row, the rest counted."""
    names = [str(n) for n in names]
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
