"""Everything a run leaves for its readers: figures.json, plots, report.html, tables.txt."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from ..errors import RunError
from ..figures import figures_to_json
from .results import FILE, normal


def write_atomic(path: Path, text: str) -> Path:
    """Write ``text`` so that ``path`` holds either its old or its new content, never half of it.

    Raises:
        RunError: the folder cannot be written or the disk is full.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False) as stream:
            temporary = stream.name
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        if temporary and os.path.exists(temporary):
            os.unlink(temporary)
        raise RunError(
            f"{path} cannot be written ({error.strerror})", do="free space or choose another run folder; what was there is unchanged"
        ) from None
    return path


def write_figures(results: dict[str, Any], path: Path) -> Path:
    """Write the results as strict JSON (no NaN), atomically."""
    return write_atomic(path, json.dumps(figures_to_json(normal(results)), indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def write_report(results: dict[str, Any], out_dir: str | Path) -> dict[str, Any]:
    """Write all of a run's reports into ``out_dir``; same results, same bytes.

    Args:
        results: the run's results, figures as objects or in JSON form; any part may be missing.
        out_dir: the run folder; made when it is not there.

    Returns:
        ``{"figures": Path, "tables": Path, "report": Path, "plots": {name: Path}}``.

    Raises:
        RunError: results that hold something unreadable, or a folder that cannot be written.
    """
    from .page import build_page  # matplotlib is needed from here on only
    from .plots import draw_all
    from .tables import plain_text

    out, results = Path(out_dir), normal(results)
    figures = write_figures(results, out / FILE)
    tables = write_atomic(out / "tables.txt", plain_text(results))
    try:
        plots = draw_all(results, out / "plots")
    except OSError as error:
        raise RunError(
            f"plots cannot be written to {out / 'plots'} ({error.strerror})", do="free space or choose another run folder"
        ) from None
    return {"figures": figures, "tables": tables, "report": write_atomic(out / "report.html", build_page(results, plots)), "plots": plots}
