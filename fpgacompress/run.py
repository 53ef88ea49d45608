"""The run folder: artifacts by content hash, manifest, log, resume."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from .errors import RunError
from .figures import figures_from_json, figures_to_json

Message = Callable[[str], None]


def to_stderr(text: str) -> None:
    """The default listener: one line on standard error."""
    print(text, file=sys.stderr, flush=True)


def write_text(path: Path, text: str) -> Path:
    """Write a text file beside the target, then put it in place.

    Raises:
        RunError: the disk is full or the folder cannot be written; an older file stays as it was.
    """
    partial = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise RunError(f"'{path}' could not be written ({error})", do="free disk space and start again; the run resumes") from error
    return path


def write_json(path: Path, tree: Any) -> Path:
    """Write JSON (figures in their stable form) as :func:`write_text` does."""
    return write_text(path, json.dumps(figures_to_json(tree), indent=1, ensure_ascii=False, default=str) + "\n")


def read_json(path: Path) -> Any:
    """Read what :func:`write_json` wrote, without turning figures into objects."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"'{path}' cannot be read ({error})", do="run the recipe again; finished steps are reused") from error


def digest(tree: Any) -> str:
    """SHA-256 of a plain tree (sorted keys), hexadecimal."""
    return hashlib.sha256(json.dumps(figures_to_json(tree), sort_keys=True, default=str).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class RunFolder:
    """One folder of one recipe's artifacts.

    A step's artifacts live in ``artifacts/<step>-<key>``; the key is a hash of everything the step depends on, so an unchanged step is reused
    and a changed one never overwrites another. Work in progress is in ``artifacts/<step>-<key>.part`` and is taken up again.
    """

    def __init__(self, folder: str | Path, *, message: Message = to_stderr) -> None:
        self.folder = Path(folder)
        self.message = message
        self.seconds: dict[str, float] = {}
        self.reused: list[str] = []
        try:
            (self.folder / "artifacts").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(f"the run folder '{self.folder}' cannot be made ({error})", do="give another one with --run-dir") from error

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder; a second process on the same folder gets an error instead of mixing its files in."""
        with open(self.folder / ".lock", "w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise RunError(
                    f"another process is working in '{self.folder}'", do="wait for it, or give another folder with --run-dir"
                ) from None
            yield

    def step(self, name: str, inputs: Mapping[str, Any], make: Callable[[Path], None], *, title: str = "") -> Path:
        """Run a step, or take its finished artifacts.

        Args:
            name: step name, part of the folder name.
            inputs: everything the result depends on (plain values, hashes of upstream artifacts, a version of the step's own meaning).
            make: writes the artifacts into the folder it is given; may find there what an interrupted call left.
            title: line announced before the work.

        Returns:
            The folder with the artifacts.
        """
        final = self.place(name, inputs)
        if (final / "done.json").exists():
            self.reused.append(name)
            self.seconds[name] = float(read_json(final / "done.json")["seconds"])
            self.message(f"  {name}: reused")
            return final
        self.message(f"  {name}: {title}" if title else f"  {name}")
        part = final.with_name(final.name + ".part")
        part.mkdir(parents=True, exist_ok=True)
        started = time.perf_counter()
        make(part)
        seconds = time.perf_counter() - started
        self.seconds[name] = seconds
        write_json(part / "done.json", {"step": name, "seconds": seconds, "inputs": dict(inputs)})
        if final.exists():
            shutil.rmtree(final)
        os.replace(part, final)
        return final

    def place(self, name: str, inputs: Mapping[str, Any]) -> Path:
        """The folder in which a step with these inputs leaves its artifacts."""
        return self.folder / "artifacts" / f"{name}-{digest({'step': name, **inputs})[:12]}"

    def forget(self, artifact: Path) -> None:
        """Remove a finished artifact whose outside part was lost, so that its step is done again."""
        shutil.rmtree(artifact, ignore_errors=True)


def load_figures(run_dir: Path) -> dict[str, Any]:
    """The results tree of the last finished run in a folder, figures as objects; nothing is written.

    Raises:
        RunError: the folder has no ``figures.json``.
    """
    path = run_dir / "figures.json"
    if not path.is_file():
        raise RunError(f"'{run_dir}' has no figures.json", expected="the folder of a finished run", do="fpgacompress run RECIPE first")
    return figures_from_json(read_json(path))
