"""Checkpoints of a training: variables and state in one file, replaced as a whole."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import RunError


def save(path: Path, variables: Sequence[Any], best: Sequence[np.ndarray] | None, state: dict[str, Any]) -> None:
    """Write a checkpoint beside the old one, then put it in its place.

    Raises:
        RunError: the disk is full or the folder cannot be written; the previous checkpoint is untouched.
    """
    arrays = {f"v{i}": v.numpy() for i, v in enumerate(variables)}
    arrays |= {f"b{i}": b for i, b in enumerate(best or [])}
    partial = path.with_suffix(".part.npz")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(partial, "wb") as file:
            np.savez(file, state=np.frombuffer(json.dumps(state).encode(), np.uint8), **arrays)
        os.replace(partial, path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise RunError(
            f"the checkpoint '{path}' could not be written ({error})", do="free disk space and start again; the run resumes"
        ) from error


def restore(path: Path, variables: Sequence[Any]) -> tuple[list[np.ndarray] | None, dict[str, Any]] | None:
    """Read a checkpoint into ``variables``.

    Returns:
        (best weights or None, state), or None when there is no usable checkpoint for these variables.
    """
    try:
        with np.load(path, allow_pickle=False) as data:
            state = json.loads(bytes(data["state"]).decode())
            values = [data[f"v{i}"] for i in range(sum(n.startswith("v") for n in data.files))]
            best = [data[f"b{i}"] for i in range(sum(n.startswith("b") for n in data.files))] or None
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        return None
    if len(values) != len(variables) or any(tuple(a.shape) != tuple(v.shape) for a, v in zip(values, variables)):
        return None
    for variable, value in zip(variables, values):
        variable.assign(value)
    return best, state
