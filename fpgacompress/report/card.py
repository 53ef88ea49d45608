"""A models folder: teacher, student, integer network, preprocessing and a card that says where they come from."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from ..errors import RunError
from ..run import file_digest
from .tables import markdown_models


def publish(results: dict[str, Any], artifacts: dict[str, Path], target: str | Path) -> dict[str, Path]:
    """Copy a finished run's models and write the card ``README.md``; an older folder is replaced as a whole.

    Args:
        results: the results tree.
        artifacts: step or model name to artifact folder, as :class:`fpgacompress.pipeline.Run` has them.
        target: folder to write.

    Returns:
        Name to written file.

    Raises:
        RunError: an artifact is gone or the disk is full; an older folder stays as it was.
    """
    target = Path(target)
    sources = {
        "teacher.h5": artifacts["teacher"] / "model.h5",
        "student.h5": artifacts["student"] / "model.h5",
        "student.npz": artifacts["lower"] / "student.npz",
        "preprocessing.json": artifacts["lower"] / "preprocessing.json",
    }
    missing = [str(p) for p in sources.values() if not p.exists()]
    if missing:
        raise RunError(f"'{missing[0]}' is gone", do="run the recipe again; only what is missing is made anew")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        for name, path in sources.items():
            shutil.copyfile(path, scratch / name)
        (scratch / "recipe.yaml").write_text(results["recipe_yaml"], encoding="utf-8")
        hashes = {name: file_digest(scratch / name) for name in (*sources, "recipe.yaml")}
        (scratch / "README.md").write_text(card(results, hashes), encoding="utf-8")
        os.chmod(scratch, 0o755)
        if target.exists():
            shutil.rmtree(target)
        os.replace(scratch, target)
    except OSError as error:
        raise RunError(f"'{target}' could not be written ({error})", do="free disk space or give another folder with --to") from error
    return {name: target / name for name in (*sources, "recipe.yaml", "README.md")}


def _teacher(results: dict[str, Any]) -> str:
    """What the file is; of several teachers only one is published, and the table's figures are those of all together."""
    told = results["models"]["teacher"]["description"]
    return told if told == "float32 teacher" else f"one of the {told}: the one with the largest weight"


def card(results: dict[str, Any], hashes: dict[str, str]) -> str:
    """The card as Markdown: figures with intervals, data, seed, versions, hashes."""
    data, environment = results["data"], results["environment"]
    verify = results.get("verify") or {}
    proof = (
        f"{verify['samples'] - verify['differing_samples']:,} of {verify['samples']:,} test samples with every output bit equal between "
        f"{', '.join(verify['executors'])}."
        if verify
        else "Not compared with a C simulation in this run."
    )
    lines = [
        f"# {results['title']}: teacher and student",
        "",
        f"Made by `fpgacompress run` from `recipe.yaml` (seed {environment['seeds']['recipe']}) on {results['created'][:10]}.",
        "",
        markdown_models(results),
        "",
        f"Bit-exact: {proof}",
        "",
        "## Files",
        "",
        "| file | what | SHA-256 |",
        "|---|---|---|",
        f"| `teacher.h5` | {_teacher(results)}, ends in logits | `{hashes['teacher.h5']}` |",
        f"| `student.h5` | QKeras student, ends in logits; read it with `fpgacompress.load_model` | `{hashes['student.h5']}` |",
        f"| `student.npz` | integer network: what the hardware computes | `{hashes['student.npz']}` |",
        f"| `preprocessing.json` | how raw samples become inputs | `{hashes['preprocessing.json']}` |",
        f"| `recipe.yaml` | the recipe with every default | `{hashes['recipe.yaml']}` |",
        "",
        "## Data",
        "",
        f"{data['name']}: {data['train']:,} training, {data['validation']:,} validation, {data['test']:,} test samples. Licence: {data['licence']}.",
        f"{data['citation']}",
        f"SHA-256 of training and validation data: `{data['sha256']}`. Input type `{data['input_type']}`.",
        "",
        "## Versions",
        "",
        ", ".join(f"{name} {version}" for name, version in environment["versions"].items()) + ".",
        "",
    ]
    return "\n".join(lines)
