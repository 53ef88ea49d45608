"""Data sources by name: one file each, which registers itself. Third parties add theirs through entry points ``fpgacompress.data``."""

from ...registry import Registry
from ..source import Source

_registry: Registry[Source] = Registry("data source", package=__name__, group="fpgacompress.data")
register = _registry.register
names = _registry.names
get = _registry.get

__all__ = ["get", "names", "register"]
