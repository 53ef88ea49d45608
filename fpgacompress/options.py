"""Options of a method, as a recipe gives them: checked against the method's defaults."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from .errors import ModelError

_NUMBERS = {float: "a number of at least 0", int: "a whole number of at least 0"}


def checked_options(field: str, method: str, given: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The options with their defaults.

    Args:
        field: of the recipe, for messages ("distill.options").
        method: the same.
        given: name to value.
        defaults: name to default, whose kind every value must have; numbers are at least 0.

    Raises:
        ModelError: an option the method does not have, a value of another kind than its default, or a negative number.
    """
    for name, value in given.items():
        if name not in defaults:
            raise ModelError(f"{field}: '{name}' is not an option of '{method}'", expected=", ".join(defaults) or "none")
        kind = type(defaults[name])
        right = isinstance(value, (int, float) if kind is float else kind) and isinstance(value, bool) == (kind is bool)
        if not right or (kind in (int, float) and not 0 <= value < math.inf):
            raise ModelError(f"{field}.{name} of '{method}' is {value!r}", expected=_NUMBERS.get(kind, kind.__name__))
    return {**defaults, **given}
