"""The main job as a newcomer runs it, in an empty folder: time, memory, the second run, and the start of the command line."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from .common import QUICK, SMALL_DEMO, goal, write

RECIPE = Path(__file__).resolve().parent.parent / "demos" / "fashion_mnist.yaml"


def _timed(arguments: list[str], folder: str) -> tuple[float, str]:
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "fpgacompress", *arguments], cwd=folder, stdout=subprocess.PIPE, text=True, check=True)
    return time.perf_counter() - started, done.stdout


def main() -> None:
    settings = [part for text in SMALL_DEMO for part in ("--set", text)] if QUICK else []
    with tempfile.TemporaryDirectory() as folder:
        job = ["run", str(RECIPE), "--json", *settings]
        first, text = _timed(job, folder)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
        told = json.loads(text)
        second, _ = _timed(job, folder)
        starts = [_timed(["--help"], folder)[0] for _ in range(7)]
    print(f"first run {first:.0f} s, {peak:.2f} GiB; second {second:.1f} s; --help {median(starts):.3f} s")
    rows = [{"step": name, "seconds": seconds} for name, seconds in told["seconds"].items()]
    write(
        "demo",
        "make bench-demo",
        [1],
        rows,
        [
            goal("demo after installation", 600, first, "s", at_most=True),
            goal("peak memory of the largest process", 3, peak, "GiB", at_most=True),
            goal("second run of an unchanged recipe", 30, second, "s", at_most=True),
            goal("fpgacompress --help, median of 7", 0.5, median(starts), "s", at_most=True),
            goal(
                "test images with every output bit equal", 10000, told["verify"]["samples"] - told["verify"]["differing_samples"], "images"
            ),
        ],
        verify={k: told["verify"][k] for k in ("samples", "outputs", "differing_bits", "executors")},
        accuracy={name: model["accuracy"] for name, model in told["models"].items()},
    )


if __name__ == "__main__":
    main()
