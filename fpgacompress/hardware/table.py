"""Tables of real synthesis results: rows of designs and layers turned into the facts that the laws read."""

from __future__ import annotations

import csv
import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import HardwareError
from .facts import LayerFacts


@dataclass(frozen=True)
class Sample:
    """One measured design, or one layer of a design where its own report is known.

    Attributes:
        family, group: source and split key; rows of a group share weights or architecture and are never split.
        strategy: "Latency" or "Resource".
        layers: facts and reuse factor of each dense layer.
        backend: "Vivado" or "Vitis".
        clock_ns: target period.
        ultrascale: device family.
        mapping: "auto", "dsp" or "fabric".
        truth: measured values by column name of the table.
    """

    family: str
    group: str
    strategy: str
    layers: tuple[tuple[LayerFacts, int], ...]
    backend: str
    clock_ns: float
    ultrascale: bool
    mapping: str
    truth: dict[str, float]


def read_rows(path: str | Path) -> list[dict[str, str]]:
    """Rows of a ``.csv`` or ``.csv.gz`` file as dictionaries of text.

    Raises:
        HardwareError: the file is missing or damaged.
    """
    path = Path(path)
    try:
        opener = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rt", encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream))
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise HardwareError(
            f"table {path} cannot be read ({error})", do="give the folder that holds designs_train.csv.gz and layers_train.csv.gz"
        ) from None


def _facts(layer: dict[str, Any]) -> LayerFacts | None:
    if layer.get("type") != "dense" or not layer.get("n_in") or not layer.get("n_out") or not layer.get("w") or not layer.get("x"):
        return None

    def live(name: str) -> int:
        return int(layer.get(f"{name}_live", layer.get(name, 0)) or 0)

    two = int(layer.get("nnz", 0)) - int(layer.get("npow2", 0)) - int(layer.get("n_ge3csd", 0))
    return LayerFacts(
        name="",
        op="dense",
        n_in=int(layer["n_in"]),
        n_out=int(layer["n_out"]),
        positions=1,
        x_bits=layer["x"][0],
        w_bits=layer["w"][0],
        acc_bits=(layer.get("acc") or layer["y"])[0],
        out_bits=(layer.get("y") or layer["acc"])[0],
        nonzeros=live("nnz"),
        products=live("share3s"),
        pairs=live("share2"),
        two_digit=max(two, 0),
        span=int(layer.get("maxspan", 0)),
        ebops=live("wspan") * layer["x"][0],
    )


def design_samples(rows: list[dict[str, str]]) -> list[Sample]:
    """Samples of all io_parallel designs that consist of dense layers with known sizes; others are left out."""
    samples = []
    for row in rows:
        layers = json.loads(row["layers_json"])
        facts = [_facts(layer) for layer in layers]
        if row["io_type"] != "io_parallel" or not layers or any(f is None for f in facts):
            continue
        truth = {k: float(v) for k, v in row.items() if v and k.split("_")[0] in ("lut", "ff", "dsp", "bram18", "bram36", "latency", "ii")}
        reuse = [int(layer.get("reuse_factor") or 1) for layer in layers]
        samples.append(_sample(row, row["group"], tuple(zip(facts, reuse)), truth))
    return samples


def layer_samples(rows: list[dict[str, str]]) -> list[Sample]:
    """Samples of all dense layers whose module has a C-synthesis report of its own."""
    samples = []
    for row in rows:
        if row["type"] != "dense" or not row["io"].startswith("io_parallel") or not row["n_out"] or not row["strategy"]:
            continue
        layer: dict[str, Any] = {k: float(v) for k, v in row.items() if v and k not in _TEXT}
        layer |= {
            "type": "dense",
            "x": [int(layer["x_bits"])],
            "w": [int(layer["w_bits"])],
            "y": [int(layer["y_bits"])],
            "acc": [int(layer["acc_bits"])],
        }
        truth = {f"{k}_csynth": float(row[k]) for k in ("lut", "ff", "dsp", "bram18")} | {
            k: float(row[k]) for k in ("latency_max", "ii_max")
        }
        facts = _facts(layer)
        assert facts is not None
        samples.append(_sample(row, row["design_id"].rsplit("-", 1)[0], ((facts, int(layer["reuse_factor"])),), truth))
    return samples


def _sample(row: dict[str, str], group: str, layers: tuple[tuple[LayerFacts, int], ...], truth: dict[str, float]) -> Sample:
    return Sample(
        row["family"],
        group,
        row["strategy"].capitalize(),
        layers,
        _backend(row["tool"]),
        float(row["clock_ns"]),
        "ultrascale" in row["fpga_family"],
        row["mult_impl"],
        truth,
    )


def _backend(tool: str) -> str:
    return "Vivado" if tool.startswith("vivado") else "Vitis"


_TEXT = {
    "design_id",
    "family",
    "published_model",
    "source_repo",
    "report",
    "tool",
    "tool_version",
    "part",
    "fpga_family",
    "mult_impl",
    "type",
    "strategy",
    "io",
    "source_license",
}
