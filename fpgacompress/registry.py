"""Registries: a method, board, model or data source is one file that registers itself by name.

A room declares ``Registry("data source", package="fpgacompress.data.sources", group="fpgacompress.data")``.
Its modules are imported on the first look-up, and third parties add theirs through entry points of ``group``.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.metadata
import pkgutil
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from .errors import FpgaCompressError

T = TypeVar("T")


def nearest(name: str, allowed: Iterable[str]) -> str:
    """``"did you mean 'x'? "`` for the closest allowed name, or an empty string."""
    close = difflib.get_close_matches(str(name), list(allowed), n=1, cutoff=0.5)
    return f"did you mean '{close[0]}'? " if close else ""


class Registry(Generic[T]):
    """Names to objects of one kind.

    Args:
        kind: singular noun for messages ("data source").
        package: package whose modules register themselves when imported.
        group: entry-point group for third parties.
    """

    def __init__(self, kind: str, package: str, group: str) -> None:
        self.kind, self.package, self.group = kind, package, group
        self._items: dict[str, T] = {}
        self._loaded = False

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator that files an object under ``name``; a name is taken once."""

        def add(item: T) -> T:
            known = self._items.get(name)
            if known is not None and known is not item:
                raise FpgaCompressError(f"two {self.kind}s are called '{name}'", do="rename one of them")
            self._items[name] = item
            return item

        return add

    def _load(self) -> None:
        if self._loaded:
            return
        self._loaded = True
        package = importlib.import_module(self.package)
        for module in pkgutil.iter_modules(package.__path__):
            if not module.name.startswith("_"):
                importlib.import_module(f"{self.package}.{module.name}")
        for entry in importlib.metadata.entry_points(group=self.group):
            self._items.setdefault(entry.name, entry.load())

    def names(self) -> list[str]:
        """All names, sorted."""
        self._load()
        return sorted(self._items)

    def get(self, name: str) -> T:
        """The object called ``name``.

        Raises:
            FpgaCompressError: no such name; the message lists the names and the nearest one.
        """
        self._load()
        if name not in self._items:
            raise FpgaCompressError(
                f"there is no {self.kind} '{name}'",
                expected=f"{nearest(name, self._items)}one of {', '.join(sorted(self._items))}",
            )
        return self._items[name]
