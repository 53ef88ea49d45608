"""Our FPGA estimates against rule4ml 0.2 (GPL-3.0; compared with, never shipped or imported) on the same rows of real synthesis results.

    python -m benchmarks.estimate_peers [--data FOLDER]       FOLDER: designs*.csv.gz and layers*.csv.gz; default: the tables of the package

Rows: all dense io_parallel designs of three families of the table. rule4ml lives in an environment of its own (``runs/peers/rule4ml``, made on first
use) and gets the layers of each design as a Keras model with strategy, reuse factor, board and tool version (``benchmarks/peers/rule4ml_rows.py``).

Ours is told twice. *Left out*: every LUT and FF law is fitted again without the whole family of the design, or, where only this family has rows
for it, without all designs of the same layer sizes; interval widths come from the same fits. *Shipped*: the calibration in the package, which was fitted
on these very rows. Laws of DSP, BRAM, cycles and interval are closed: they are not fitted, but were written by people who had seen these rows,
so that nothing can be left out of them.

rule4ml is told in three ways. *Default*: the networks that ``load_default_models`` loads, asked about one design at a time under the literal reading of
the design (:func:`readings`). By its training notebook their LUT, FF, DSP and BRAM are those after logic synthesis, their cycles and interval those of
C-synthesis, and the data are wa-hls4ml, which two of our families come from. *Of C-synthesis*: the networks of rule4ml 0.1, still in its wheel, whose data were
C-synthesis reports. *Best*: of all networks in the wheel and all readings the one with the smallest median error in that line, chosen with the
measured values in hand, which no user could.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
import re
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from fpgacompress.errors import DataError, ToolError
from fpgacompress.figures import Figure
from fpgacompress.hardware.area import head_of
from fpgacompress.hardware.calibrate import DATA, calibrate, charges, ratios
from fpgacompress.hardware.calibrate import tables as read_tables
from fpgacompress.hardware.calibration import from_json, using
from fpgacompress.hardware.learning import architecture
from fpgacompress.hardware.table import Sample, design_rows, predict

from .common import QUICK, goal, write

ROOT = Path(__file__).resolve().parents[1]
WORK = ROOT / "runs" / "peers"
FAMILIES = ("wa-hls4ml-1layer", "wa-hls4ml-2layer-vsynth", "mlp-estimator-z7007s")
PINS = (
    *("torch==2.13.0", "torch-geometric==2.8.1", "tensorflow-cpu==2.21.0", "keras==3.15.1", "keras-tuner==1.4.8", "numpy==2.4.6"),
    *("pandas==3.1.1", "scikit-learn==1.9.1", "optuna==5.0.0", "tqdm==4.70.1"),
)
"""What rule4ml imports; itself it is installed without its requirements, which name ``tensorflow`` where the CPU package does."""
PEER = "rule4ml==0.2.0"

COLUMNS = {
    "lut_csynth": ("lut", 1),
    "ff_csynth": ("ff", 1),
    "dsp_csynth": ("dsp", 1),
    "bram18_csynth": ("bram", 2),
    "lut_synth": ("lut", 1),
    "ff_synth": ("ff", 1),
    "dsp_synth": ("dsp", 1),
    "bram36_synth": ("bram", 1),
    "latency_max": ("cycles", 1),
    "ii_max": ("interval", 1),
}
"""Column of the table: rule4ml's name, and by what the newer networks' number is multiplied (they count block RAM in tiles of 36 Kb)."""
BOARDS = {"xcu250": ("alveo-u250", "alveo-u200"), "xc7z007s": ("pynq-z2", "pynq-z2")}
"""Part: nearest board that rule4ml's newer and first networks know. pynq-z2 has the larger xc7z020 of the same family."""
STATED_COVERAGE = 0.9


def readings(row: dict[str, str], sample: Sample) -> dict[str, dict[str, str]]:
    """Ways to describe a design to rule4ml, which hears of one precision only; the first is the literal one.

    Precision: that of the model in hls4ml's configuration (the accumulators'; here 16 bits for all), or that of the weights. hls4ml's version, which the
    table does not tell: 0.8.1 for Vivado HLS and 1.1.0 for Vitis HLS, or the other way round. Tool: its own version, or the nearest one that
    rule4ml's data have (2019.1 for Vivado HLS, 2023.2 for Vitis HLS).
    """
    vivado = row["tool"].startswith("vivado")
    dense = [layer for layer in json.loads(row["layers_json"]) if layer["type"] == "dense"]
    precisions = {
        n: f"ap_fixed<{dense[0][k][0]}, {dense[0][k][1]}>" for n, k in (("model's precision", "acc"), ("weights' precision", "w"))
    }
    versions = ("0.8.1", "1.1.0") if vivado else ("1.1.0", "0.8.1")
    tools = {"own tool version": ".".join(row["tool_version"].split(".")[:2]), "nearest tool version": "2019.1" if vivado else "2023.2"}
    return {
        f"{p}, {n} hls4ml, {t}": {"precision": precisions[p], "hls4ml": v, "tool": tools[t]}
        for p in precisions
        for n, v in zip(("likely", "other"), versions)
        for t in tools
    }


def described(row: dict[str, str], sample: Sample) -> dict[str, Any]:
    """A design as ``rule4ml_rows.py`` reads it."""
    board, older = next((b for part, b in BOARDS.items() if row["part"].startswith(part)), (None, None))
    if board is None:
        raise DataError(f"design '{sample.id}': no board of rule4ml is near part {row['part']}", do="add one to BOARDS")
    layers = [{k: layer.get(k) for k in ("type", "n_in", "n_out")} for layer in json.loads(row["layers_json"])]
    named = re.search(r"_rf(\d+)", sample.id)
    asked = int(named[1]) if named else max(reuse for _, reuse in sample.layers)
    told = {"id": sample.id, "family": sample.family, "board": board, "older_board": older, "strategy": sample.strategy.lower()}
    return told | {"reuse": asked, "layers": layers, "readings": readings(row, sample)}


def environment() -> Path:
    """Python of rule4ml's environment, made where it is missing. ToolError: it cannot be installed."""
    folder = WORK / "rule4ml"
    python, mark, pins = folder / "bin" / "python", folder / "installed.txt", "\n".join((PEER, *PINS)) + "\n"
    if mark.is_file() and mark.read_text() == pins:
        return python
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for command in ([sys.executable, "-m", "venv", str(folder)], [*pip, *PINS], [*pip, "--no-deps", PEER]):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise ToolError(
                f"{PEER} cannot be installed: `{' '.join(command)}` ended with {done.returncode}: {done.stderr.strip()[-600:]}",
                do=f"see whether PyPI is reachable and has the pinned versions, or remove {folder} and try again",
            )
    mark.write_text(pins)
    return python


def peer_predictions(designs: list[dict[str, Any]]) -> dict[str, Any]:
    """What rule4ml predicts (:mod:`.peers.rule4ml_rows`); an earlier answer to the same question is read again."""
    asked, answer = WORK / "estimate_rows.json", WORK / "estimate_rule4ml.json"
    script = Path(__file__).parent / "peers" / "rule4ml_rows.py"
    text, python = json.dumps([designs, PEER, PINS, script.read_text()]), environment()
    if not (answer.is_file() and asked.is_file() and asked.read_text() == text):
        answer.unlink(missing_ok=True)
        rows = WORK / "estimate_designs.json"
        rows.write_text(json.dumps(designs))
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("TF_", "KERAS_"))}  # those of our own stack
        done = subprocess.run([str(python), str(script), str(rows), str(answer)], stderr=subprocess.PIPE, text=True, env=clean)
        if done.returncode:
            raise ToolError(f"rule4ml failed: {done.stderr.strip()[-600:]}", do=f"run {script} by hand with {python}")
        asked.write_text(text)
    return json.loads(answer.read_text())


Rows = list[dict[str, str]]


class Tables:
    """The two tables, and the calibration that is fitted to them with rows left out."""

    def __init__(self, designs: Rows, layers: Rows) -> None:
        self.designs, self.layers, self.samples = designs, layers, design_rows(designs)
        self._architecture = {s.id: architecture(s) if s.layers else s.id for s in self.samples}

    @cache  # noqa: B019 - one object in a run
    def fitted(self, family: str, sizes: str = "") -> tuple[dict[str, Any], set[str]]:
        """Calibration without a family, or without its designs of some layer sizes; and the names of the ratios it really has rows for."""

        def out(row: dict[str, str]) -> bool:
            return row["family"] == family and (not sizes or self._architecture.get(row["design_id"]) == sizes)

        designs, layers = ([r for r in rows if not out(r)] for rows in (self.designs, self.layers))
        with tempfile.TemporaryDirectory() as folder:
            for name, rows in (("designs", designs), ("layers", layers)):
                with gzip.open(Path(folder) / f"{name}.csv.gz", "wt", compresslevel=1, encoding="utf-8", newline="") as stream:
                    writer = csv.DictWriter(stream, list(rows[0]))
                    writer.writeheader()
                    writer.writerows(rows)
            content, _ = calibrate(Path(folder))
        return content, {*charges(layers), *ratios(designs)}

    def without(self, sample: Sample) -> tuple[dict[str, Any], dict[str, str]]:
        """The calibration for a design that it has not seen, law by law, and what was left out of each law: "family", "architecture" or
        "nothing" (no other rows)."""
        family, known = self.fitted(sample.family)
        near, near_known = self.fitted(sample.family, self._architecture[sample.id])
        content, held = {**family, "heads": {}, "ratios": {}}, {}
        for name, head in family["heads"].items():
            held[name] = "architecture" if sample.family in head["families"] else "family"
            content["heads"][name] = (near if held[name] == "architecture" else family)["heads"][name]
        for name in family["ratios"]:
            held[name] = "family" if name in known else "architecture" if name in near_known else "nothing"
            content["ratios"][name] = (family if held[name] == "family" else near)["ratios"][name]
        return content, held


def built(sample: Sample) -> str:
    """Strategy; "unrolled": Resource strategy with reuse factor 1, which builds a layer as Latency does and has its laws."""
    return sample.strategy if any(p.shared for p in sample.plan.values()) or sample.strategy == "Latency" else "unrolled"


def laws_of(sample: Sample, column: str) -> set[str]:
    """Names of the fitted laws and charges behind a column of LUT or FF; none behind the others, which have closed laws."""
    kind, _, stage = column.partition("_")
    if kind not in ("lut", "ff"):
        return set()
    stage = "csynth" if stage == "csynth" else "post-synth"
    names = {head_of(f, sample.plan[f.name].strategy, reuse, kind, stage) for f, reuse in sample.layers}
    for operation in sample.design.operations:
        fabric = "_fabric" if operation.op == "softmax" and sample.setting.mapping == "fabric" else ""
        names.add(f"{'activation' if operation.op == 'cast' else operation.op}{fabric}_{kind}")
    return names


def errors(pairs: list[tuple[float, float]]) -> dict[str, Any]:
    """Rows, median and P90 of the relative error of (told, measured); of a measured 0 the absolute error."""
    values = [abs(told - measured) / max(measured, 1.0) for told, measured in pairs]
    found: dict[str, Any] = {"rows": len(values), "median": None, "p90": None}
    return found | {"median": float(np.median(values)), "p90": float(np.quantile(values, 0.9))} if values else found


def ours(figures: list[tuple[Figure, float]]) -> dict[str, Any]:
    """The same of our figures, with the share of measured values inside their intervals."""
    known = [(f, m) for f, m in figures if f.available]
    inside = [f.low is None or f.high is None or f.low <= m <= f.high for f, m in known]
    return errors([(float(f.value), m) for f, m in known]) | {"covered": float(np.mean(inside)) if inside else None}


def peers(samples: list[Sample], column: str, told: dict[str, Any]) -> dict[str, Any]:
    """rule4ml's errors in a column: default, of C-synthesis, and best of all networks and readings."""
    name, times = COLUMNS[column]
    found: list[dict[str, Any]] = []
    first = told[samples[0].id]
    for network, by_reading in first.items():
        for reading, figures in by_reading.items():
            if name in figures:
                scale = 1 if network.startswith("v1") else times
                pairs = [(scale * told[s.id][network][reading][name], s.truth[column]) for s in samples]
                found.append({"network": network, "reading": reading} | errors(pairs))
    literal = next(iter(first["v2/gnn"]))

    def of(network: str) -> dict[str, Any] | None:
        return next((f for f in found if f["network"] == network and f["reading"] == literal), None)

    older = None if column.endswith("_synth") else of("v1/mlp")
    return {"default": of("v2/gnn"), "of_csynth": older, "best": min(found, key=lambda f: f["median"]), "tried": len(found)}


def compared(samples: list[Sample], tables: Tables, told: dict[str, Any] | None) -> list[dict[str, Any]]:
    """One row for each family, strategy and measured column."""
    shipped, left, held = {}, {}, {}
    for sample in samples:
        content, held[sample.id] = tables.without(sample)
        shipped[sample.id] = predict(sample)
        with using(from_json(content)):
            left[sample.id] = predict(sample)
    rows = []
    for family, strategy in dict.fromkeys((s.family, built(s)) for s in samples):
        own = [s for s in samples if (s.family, built(s)) == (family, strategy)]
        for column in COLUMNS:
            measured = [s for s in own if column in s.truth]
            if not measured:
                continue
            outs = {held[s.id][law] for s in measured for law in laws_of(s, column)}
            row: dict[str, Any] = {"family": family, "strategy": strategy, "column": column, "rows": len(measured)}
            row["left_out"] = sorted(outs) or ["closed law"]
            kept = [s.id for s in measured if any(held[s.id][law] == "nothing" for law in laws_of(s, column))]
            row["rows_with_a_law_nothing_was_left_out_of"] = len(kept)
            row["ours_left_out"] = ours([(left[s.id][column], s.truth[column]) for s in measured])
            row["ours_shipped"] = ours([(shipped[s.id][column], s.truth[column]) for s in measured])
            row["rule4ml"] = peers(measured, column, told) if told else None
            rows.append(row)
    return rows


def _percent(found: dict[str, Any] | None, covered: bool = False) -> str:
    if not found or found["median"] is None:
        return f"{'n/a':>17}" + ("     " if covered else "")
    text = f"{100 * found['median']:8.1f} {100 * found['p90']:8.1f}"
    return text + (f" {100 * found['covered']:4.0f}" if covered else "")


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as plain text."""
    groups = ("ours left out", "ours shipped", "rule4ml default", "of C-synthesis", "best of all")
    lines = ["median and P90 of the relative error in percent; after ours the share of rows inside the interval"]
    lines.append(f"{'':61}" + "".join(f"{g:>{w}}" for g, w in zip(groups, (24, 25, 20, 20, 20))))
    lines.append(f"{'family':24} {'strategy':9} {'column':13} {'rows':>4} left out")
    for r in rows:
        told = r["rule4ml"] or {"default": None, "of_csynth": None, "best": None}
        left = r["left_out"][0] if len(r["left_out"]) == 1 else "law by law"
        start = f"{r['family']:24} {r['strategy']:9} {r['column']:13} {r['rows']:4} {left:14}"
        ending = "   ".join(_percent(told[k]) for k in ("default", "of_csynth", "best"))
        lines.append(f"{start}{_percent(r['ours_left_out'], True)}   {_percent(r['ours_shipped'], True)}   {ending}")
    return "\n".join(lines)


def goals(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What must hold: our intervals cover what they say, on rows whose laws have not seen them, and we are nearer than rule4ml at its best."""
    fitted = [r for r in rows if r["left_out"] != ["closed law"] and r["ours_left_out"]["rows"]]
    inside = sum(r["ours_left_out"]["covered"] * r["ours_left_out"]["rows"] for r in fitted) / sum(
        r["ours_left_out"]["rows"] for r in fitted
    )
    text = "share of LUT and FF rows inside our intervals, left out"
    found = [goal(text, STATED_COVERAGE, float(inside), "of the rows")]
    both = [r for r in rows if r["rule4ml"] and r["ours_left_out"]["rows"]]
    if both:
        nearer = sum(r["ours_left_out"]["median"] < r["rule4ml"]["best"]["median"] for r in both)
        text = "lines of the table where our median error, left out, is below rule4ml's best"
        found.append(goal(text, len(both), nearer, f"of {len(both)} lines"))
    return found


NOTES = [
    "errors are relative to the measured value; where 0 is measured, the absolute error (BRAM of Latency, cycles of small layers, DSP of narrow weights)",
    "ours_left_out: LUT and FF laws and the charges of layers without weights fitted without the design's family (family) or, where only it has rows for "
    "one, without all its designs of the same layer sizes (architecture); nothing: the charge of batch normalisation, which one network alone has; "
    "ours_shipped: fitted on these rows (in sample)",
    "laws of DSP, BRAM, cycles and II are closed, not fitted, but written with these rows in view: both columns of ours are the same there",
    "rule4ml default: LUT, FF, DSP and BRAM were learned from results after logic synthesis (its training notebook reads resource_report of wa-hls4ml), so "
    "in rows of C-synthesis it is asked about another stage than it learned; of_csynth are the networks of rule4ml 0.1, learned from C-synthesis of "
    "Vivado 2019.1 at 10 ns with one precision for all numbers (2, 8 or 16 bits) and reuse factors up to 64; for v2/mlp nothing tells the stage",
    "rule4ml's data have networks of 2 layers and more: the one-layer family, most rows of ours, is outside what it learned",
    "the two-layer family is of wa-hls4ml's two-layer grid, whose larger part rule4ml was trained on: its rows may be in its training data",
    "rule4ml hears of no sparsity, one precision per design, no clock period (rows: 3.33 and 5 ns), no mapping to DSP or fabric, and not of our parts "
    "but of boards: xcu250 is its alveo-u250 (alveo-u200 for the networks of 0.1), xc7z007s the larger pynq-z2 of the same family; counts are its share "
    "times its own board's capacity; ours reads all of these, and the weights",
    "best: of all networks in the wheel and readings (rule4ml.tried) the one with the smallest median error in that line, chosen with the measured values in hand",
    "rule4ml's cycles and interval are means of the least and greatest; the table's greatest differ from those by at most one cycle",
    "block RAM: the newer networks count tiles of 36 Kb, here two blocks of 18 Kb each in rows of C-synthesis",
    "peer.checked, peer.readme: largest relative difference of these predictions to MultiModelWrapper.predict, and to the figures in rule4ml's README",
]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder with designs*.csv.gz and layers*.csv.gz (default: the package's)")
    tables = Tables(*read_tables(parser.parse_args().data))
    pairs = [(r, s) for r, s in zip(tables.designs, tables.samples) if s.family in FAMILIES and s.dense][:: 40 if QUICK else 1]
    samples = [s for _, s in pairs]
    answer = None if QUICK else peer_predictions([described(r, s) for r, s in pairs])
    rows = compared(samples, tables, answer["designs"] if answer else None)
    print(table(rows))
    more: dict[str, Any] = {"notes": NOTES, "designs": len(samples)}
    if answer:
        more["peer"] = {k: answer[k] for k in ("versions", "seconds", "checked", "readme")}
    write("estimate_peers", "make bench-estimate", [], rows, goals(rows), **more)


if __name__ == "__main__":
    main()
