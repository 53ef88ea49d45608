"""Reading the results of a run: one dictionary of figures, of which any part may be missing."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from ..errors import RunError
from ..figures import Figure, figures_from_json, unavailable

FILE = "figures.json"

ORDER = ("teacher", "float", "qat", "qap", "student")
LABELS = {"teacher": "teacher", "float": "float student", "qat": "QAT student", "qap": "QAP student", "student": "KD+QAP student"}


def load(run_dir: str | Path) -> dict[str, Any]:
    """The results of a run folder, figures as :class:`Figure`.

    Raises:
        RunError: there is no ``figures.json``, or it is not one.
    """
    path = Path(run_dir) / FILE
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        what = f"{Path(run_dir)} has no {FILE}" if Path(run_dir).is_dir() else f"there is no run folder {run_dir}"
        raise RunError(
            what, expected="the folder of a finished run", do="run 'fpgacompress run RECIPE.yaml' first, it prints the folder"
        ) from None
    except OSError as error:
        raise RunError(f"{path} cannot be read ({error.strerror})", do="check the file's permissions") from None
    except (ValueError, RecursionError) as error:
        raise RunError(
            f"{path} is not valid JSON ({error})", do="run the recipe again; finished steps are reused and the file is written anew"
        ) from None
    if not isinstance(tree, dict) or not isinstance(tree.get("models", {}), dict):
        raise RunError(f"{path} holds no results", expected="one JSON object with 'models'", do="run the recipe again")
    return normal(tree, str(path))


def normal(results: dict[str, Any], source: str = "the results") -> dict[str, Any]:
    """The same results with every figure as a :class:`Figure` (a dictionary in JSON form or one with Figure objects is taken alike).

    Raises:
        RunError: a dictionary that looks like a figure is not one.
    """
    try:
        return figures_from_json(_plain(results))
    except (TypeError, ValueError) as error:
        raise RunError(f"{source} holds a figure that cannot be read ({error})", do="run the recipe again") from None


def _plain(tree: Any) -> Any:
    """Numpy to plain Python, NaN and infinity to None, tuples to lists; Figure objects pass."""
    if isinstance(tree, dict):
        return {str(k): _plain(v) for k, v in tree.items()}
    if isinstance(tree, (list, tuple)):
        return [_plain(v) for v in tree]
    if hasattr(tree, "tolist") and not isinstance(tree, Figure):
        return _plain(tree.tolist())
    if isinstance(tree, float) and not math.isfinite(tree):
        return None
    return str(tree) if isinstance(tree, Path) else tree


def section(results: dict[str, Any], name: str) -> dict[str, Any]:
    """A part of the results that is a dictionary; empty when it is missing."""
    part = results.get(name)
    return part if isinstance(part, dict) else {}


def figure(tree: dict[str, Any], name: str, unit: str = "") -> Figure:
    """``tree[name]`` as a figure; a bare number gets no provenance, anything missing is unavailable."""
    value = tree.get(name)
    if isinstance(value, Figure):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        return Figure(value, unit)
    return unavailable("not in the results of this run", unit)


def models(results: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """``(name, model)`` in the order of the job, teacher first; other names follow in their own order."""
    parts = {k: v for k, v in section(results, "models").items() if isinstance(v, dict)}
    return [(k, parts[k]) for k in ORDER if k in parts] + [(k, v) for k, v in parts.items() if k not in ORDER]


def label(name: str, model: dict[str, Any] | None = None) -> str:
    """What a model is called in tables and plots."""
    return str((model or {}).get("label") or LABELS.get(name, name))


def student(results: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """The model that goes to hardware: ``student`` where there is one, else the last."""
    listed = models(results)
    named = [item for item in listed if item[0] == "student"]
    return (named or listed or [None])[-1]


def all_figures(tree: Any, path: str = "") -> list[tuple[str, Figure]]:
    """Every figure of the results with its dotted path, in order."""
    if isinstance(tree, Figure):
        return [(path, tree)]
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [found for key, value in items for found in all_figures(value, f"{path}.{key}" if path else str(key))]


def left_out(results: dict[str, Any]) -> str:
    """Neurons that the hardware leaves out, as one phrase; empty when there are none."""
    rows = [row for row in section(results, "hardware").get("removed") or [] if row.get("neurons")]
    return ", ".join(f"{row['neurons']} of {row['of']} neurons of {row['layer']}" for row in rows)
