"""Fit the LUT and FF laws to real synthesis results and say how well every law holds on groups and families left out.

``make calibrate`` (``python -m fpgacompress.hardware.calibrate``) prints the errors and writes ``calibration.json`` (facts only: coefficients and
quantiles); ``fpgacompress calibrate`` does the same with tables of one's own and writes another file.
Rows are never split at random: rows of one group share weights or architecture.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import HardwareError
from ..run import write_json
from .area import FIXED, HEADS, features, head_of
from .calibration import FILE, from_json, using
from .factors import LayerPlan
from .facts import UNROLL_LIMIT, LayerFacts
from .own import row_of_run
from .score import format_scores, scores
from .table import Sample, design_rows, layer_rows, predict, read_rows
from .validate import closed_laws, format_rows


def fit(x: np.ndarray, y: np.ndarray, known: np.ndarray | float = 0.0, rounds: int = 0) -> np.ndarray:
    """Non-negative coefficients of least squared relative error; with ``rounds`` of reweighting, of least absolute one (Schlossmacher
    1973).

    ``known`` is a part of ``y`` that is not fitted. Absolute errors keep a few odd rows from pulling (registers of unrolled layers: rows whose
    pipeline is one cycle shorter); squared ones keep every physical term.
    """
    weights = 1 / y
    found = _non_negative(x * weights[:, None], (y - known) * weights)
    for _ in range(rounds):
        error = np.abs(x @ found + known - y) / y
        weights = 1 / (y * np.sqrt(np.maximum(error, 0.02)))
        found = _non_negative(x * weights[:, None], (y - known) * weights)
    return found


def _non_negative(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Least squares; the feature with the most negative coefficient is dropped until none is negative."""
    used = [i for i in range(x.shape[1]) if np.any(x[:, i])]
    result = np.zeros(x.shape[1])
    while used:
        found = np.linalg.lstsq(x[:, used], y, rcond=None)[0]
        if (found >= 0).all():
            result[used] = found
            break
        used.pop(int(np.argmin(found)))
    return result


def matrix(head: str, samples: list[Sample]) -> np.ndarray:
    """Features of whole samples: sums over their layers, shape (samples, features)."""
    return np.stack([sum(features(head, f, rf, s.setting) for f, rf in s.layers) for s in samples])


def fit_head_matrix(head: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Coefficients of a law: those of :data:`.area.FIXED` as they are, the others fitted to what is left."""
    fixed = FIXED.get(head, {})
    known = np.array([fixed.get(name, 0.0) for name in HEADS[head]])
    free = np.array([name not in fixed for name in HEADS[head]])
    return known + fit(np.where(free, x, 0.0), y, x @ known, 12 if head.startswith("latency_ff") else 0)


def left_out(head: str, x: np.ndarray, y: np.ndarray, keys: list[str]) -> np.ndarray:
    """Predictions of every row by a fit on the rows with other keys."""
    keys_array = np.array(keys)
    predicted = np.zeros(len(y))
    for key in dict.fromkeys(keys):
        out = keys_array == key
        predicted[out] = x[out] @ fit_head_matrix(head, x[~out], y[~out])
    return predicted


def errors(predicted: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Median and 90th percentile of the relative error."""
    error = np.abs(predicted - y) / y
    return {"median": round(float(np.median(error)), 4), "p90": round(float(np.quantile(error, 0.9)), 4)}


LEAST_ROWS = 20
"""Rows of a kind of part (7 series, UltraScale+) from which it has an interval of its own."""

KNOWN_RANGE = {"latency_lut": (0.45, 0.86), "resource_lut": (0.09, 0.58)}
"""Range of post-synthesis over C-synthesis LUT measured over all splits of the table (the project's STACK notes); a smaller table never
narrows it."""


def conformal(predicted: np.ndarray, y: np.ndarray, coverage: float = 0.9) -> tuple[float, float]:
    """Ratios measured over predicted that bound ``coverage`` of the left-out rows (split conformal, finite-sample corrected; Lei et al.
    2018)."""
    score = np.sort(np.abs(np.log(y / np.maximum(predicted, 1e-9))))
    rank = min(int(np.ceil((len(score) + 1) * coverage)), len(score)) - 1
    bound = float(np.exp(score[rank]))
    return 1 / bound, bound


def _inside(predicted: np.ndarray, y: np.ndarray, pools: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Whether each row is inside an interval that was made without its group, from the rows of its pool (kind of part)."""
    found = np.zeros(len(y), bool)
    for pool, group in {(p, g) for p, g in zip(pools.tolist(), groups.tolist())}:
        own, others = (pools == pool) & (groups == group), (pools == pool) & (groups != group)
        low, high = conformal(predicted[others], y[others]) if others.any() else (1.0, 1.0)
        found[own] = (y[own] >= low * predicted[own]) & (y[own] <= high * predicted[own])
    return found


def architecture(sample: Sample) -> str:
    """Split key that keeps all widths and reuse factors of one layer shape together."""
    return "-".join([str(sample.layers[0][0].n_in)] + [str(f.n_out) for f, _ in sample.layers])


def fit_head(head: str, samples: list[Sample]) -> dict[str, Any]:
    """Coefficients, residual quantiles and left-out errors of one law; the shipped one where the table has no rows for it."""
    kind, stage = head.split("_")[1:]
    column = f"{kind}_{'synth' if stage == 'post-synth' else 'csynth'}"
    samples = [
        s for s in samples if s.truth.get(column, 0) > 0 and all(head_of(f, s.strategy, rf, kind, stage) == head for f, rf in s.layers)
    ]
    if not samples:
        return shipped()["heads"][head]
    x, y = matrix(head, samples), np.array([s.truth[column] for s in samples])
    families = [s.family for s in samples]
    groups = [f"{s.family} {architecture(s)}" for s in samples]
    coefficients = fit_head_matrix(head, x, y)
    by_group = left_out(head, x, y, groups)
    names = list(dict.fromkeys(families))
    family_errors = {}
    by_family = left_out(head, x, y, families) if len(names) > 1 else None
    for name in names:
        own = np.array(families) == name
        family_errors[name] = errors(by_family[own], y[own]) if by_family is not None else None
    known = [n for n in names if families.count(n) >= LEAST_ROWS]
    wide = by_family if by_family is not None and len(known) > 1 else by_group
    low, high = conformal(wide, y)
    by_part, pools = {}, np.zeros(len(y), int)
    for number, (part, kind) in enumerate((("7series", False), ("ultrascale", True)), 1):
        own = np.array([s.setting.ultrascale == kind for s in samples])
        if LEAST_ROWS <= own.sum() < len(own):
            by_part[part], pools[own] = [round(v, 4) for v in conformal(wide[own], y[own])], number
    inside = _inside(wide, y, pools, np.array(groups))
    largest = np.max([features(head, f, rf, s.setting) for s in samples for f, rf in s.layers], axis=0)
    return {
        "largest": {n: round(float(v), 1) for n, v in zip(HEADS[head], largest)},
        "coefficients": {n: float(f"{c:.5g}") for n, c in zip(HEADS[head], coefficients)},
        "low": round(low, 4),
        "high": round(high, 4),
        "by_part": by_part,
        "interval_from": "families left out" if wide is by_family else "architectures left out",
        "rows": len(y),
        "families": names,
        "coverage": {n: round(float(np.mean(inside[np.array(families) == n])), 3) for n in names},
        "in_sample": errors(x @ coefficients, y),
        "architectures_left_out": errors(by_group, y),
        "families_left_out": family_errors,
    }


def shipped() -> dict[str, Any]:
    """The calibration in the package; what a table has no rows for is kept from it."""
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.is_file() else {"heads": {}, "ratios": {}}


def fit_few(heads: dict[str, Any], layers: list[Sample], rows: list[dict[str, str]]) -> None:
    """The terms of reuse factors up to ``n_in``, which only one design of the table has (a GRU model whose three dense layers run at 32).

    C-synthesis: what its dense layers take beyond the law, per bit of operand multiplexer. Post-synthesis: the whole design's LUT and FF
    per
    multiplier and accumulator bit, an upper bound since the GRU is in it.
    """
    few = [s for s in layers if s.strategy == "Resource" and s.layers[0][1] <= s.layers[0][0].n_in and s.layers[0][1] > 1]
    head = heads["resource_lut_csynth"]["coefficients"]
    known = {name: head["coefficients"] for name, head in shipped()["heads"].items()}
    if few:
        x, at = matrix("resource_lut_csynth", few), HEADS["resource_lut_csynth"].index("operand mux")
        beyond = (np.array([s.truth["lut_csynth"] for s in few]) - x @ np.array(list(head.values()))) / x[:, at]
        head["operand mux"] = float(f"{np.median(beyond):.5g}")
    else:
        head["operand mux"] = known["resource_lut_csynth"]["operand mux"]
    both = [
        r
        for r in rows
        if r["strategy"] == "resource" and r["io_type"].startswith("io_parallel") and r.get("dsp_synth") and "gru" in r["design_id"]
    ]
    for kind in ("lut", "ff"):
        name = f"resource_{kind}_post-synth"
        per_bit = [float(r[f"{kind}_synth"]) / (float(r["dsp_synth"]) * 16) for r in both]
        heads[name]["coefficients"]["partial sums"] = round(float(np.median(per_bit)), 3) if both else known[name]["partial sums"]


def ratios(rows: list[dict[str, str]]) -> dict[str, Any]:
    """Post-synthesis over C-synthesis of the designs that have both: median and range (at least :data:`KNOWN_RANGE`), by strategy and
    resource."""
    found: dict[str, Any] = {}
    for strategy in ("latency", "resource"):
        for kind in ("lut", "ff"):
            values = [
                float(r[f"{kind}_synth"]) / float(r[f"{kind}_csynth"])
                for r in rows
                if r["strategy"] == strategy and r.get(f"{kind}_synth") and float(r.get(f"{kind}_csynth") or 0)
            ]
            if values:
                low, high = KNOWN_RANGE.get(f"{strategy}_{kind}", (min(values), max(values)))
                found[f"{strategy}_{kind}"] = {
                    "value": round(float(np.median(values)), 3),
                    "low": round(min(low, *values), 3),
                    "high": round(max(high, *values), 3),
                    "rows": len(values),
                }
    return found


_CHARGES = {
    "activation": ("relu", lambda r: float(r["n_in"]) * (float(r["x_bits"]) + float(r["y_bits"]))),
    "softmax": ("softmax", lambda r: float(r["n_in"]) if r["mult_impl"] != "fabric" else 0.0),
    "softmax_fabric": ("softmax", lambda r: float(r["n_in"]) if r["mult_impl"] == "fabric" else 0.0),
    "table": ("sigmoid", lambda r: float(r["n_in"])),
    "normalize": ("normalize", lambda r: float(r["n_in"])),
}
"""Charge, type of layer that it is measured on, and what it is per: bits in and out, or elements (0: another charge's row)."""


def charges(rows: list[dict[str, str]]) -> dict[str, Any]:
    """LUT and FF per bit or element of layers without weights in parallel form, from modules with reports of their own: median and the
    quantiles of 5 and 95 %."""
    found = {}
    for name, (kind_of_layer, per) in _CHARGES.items():
        own = [r for r in rows if r["type"] == kind_of_layer and r["io"] == "io_parallel" and r["n_in"] and r["x_bits"] and r["y_bits"]]
        for kind in ("lut", "ff"):
            values = [float(r[kind]) / per(r) for r in own if per(r)]
            if values:
                low, middle, high = (round(float(q), 3) for q in np.quantile(values, (0.05, 0.5, 0.95)))
                found[f"{name}_{kind}"] = {"value": middle, "low": low, "high": high, "rows": len(values)}
    return found


DATA = Path(__file__).with_name("data")
"""The tables that the package ships."""


def tables(data: Path, more: tuple[Path, ...] = ()) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Rows of the designs (those of ``more`` behind them) and of the layers in a folder of tables.

    Raises:
        HardwareError: a table is missing or damaged.
    """
    found = [sorted(data.glob(f"{kind}*.csv*")) for kind in ("designs", "layers")]
    if not all(found):
        raise HardwareError(
            f"the folder {data} holds no table of {'layers' if found[0] else 'designs'}", expected="designs*.csv.gz and layers*.csv.gz"
        )
    designs = read_rows(found[0][0])
    for path in more:
        designs += [row_of_run(path)] if path.is_dir() else read_rows(path)
    return designs, read_rows(found[1][0])


def calibrate(data: Path = DATA, more: tuple[Path, ...] = ()) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Fit everything to the tables in ``data`` and the designs in ``more``; returns the calibration's content and the closed laws' scores."""
    designs, layers = tables(data, more)
    whole = [s for s in design_rows(designs) if s.dense]  # checks every cell that is read
    parts = [s for s in layer_rows(layers) if s.dense and s.design.layers]
    single = [s for s in parts + whole if len(s.layers) == 1 and not s.design.operations]
    unrolled = [s for s in single if all(not p.shared and f.n_weights <= UNROLL_LIMIT and f.nonzeros for p, f in _built(s))]
    shared = [s for s in whole if all(p.shared and p.reuse > f.n_in for p, f in _built(s)) and not s.design.operations]
    heads = {h: fit_head(h, shared if h.startswith("resource_") else [s for s in unrolled if learned(h, s)]) for h in HEADS}
    fit_few(heads, [s for s in parts if all(p.shared for p in s.plan.values())], designs)
    content = {
        "date": datetime.date.today().isoformat(),
        "source": "wa-hls4ml, hls4ml_MLP_estimator, hls4ml-data and public repositories (numeric facts)",
        "command": "python -m fpgacompress.hardware.calibrate",
        "designs": len(designs),
        "layers": len(layers),
        "heads": heads,
        "ratios": shipped()["ratios"] | ratios(designs) | charges(layers),
    }
    return content, closed_laws(whole, parts)


def _built(sample: Sample) -> list[tuple[LayerPlan, LayerFacts]]:
    return [(sample.plan[name], facts) for name, facts in sample.design.layers.items()]


def learned(head: str, sample: Sample) -> bool:
    """A row of an unrolled layer belongs to a law: LUT of Latency strategy; Resource strategy at reuse 1 is predicted by it, not learned."""
    return (sample.strategy == "Latency") == head.startswith("latency")


def write(content: dict[str, Any], path: Path) -> None:
    """Write a calibration, as a whole or not at all."""
    write_json(path, content)


def main(arguments: list[str] | None = None) -> int:
    """Command line; exit status 0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.set_defaults(output=FILE)
    return run(parser.parse_args(arguments))


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of a calibration."""
    parser.add_argument(
        "--data", type=Path, default=DATA, help="folder with designs*.csv.gz and layers*.csv.gz (default: those of the package)"
    )
    parser.add_argument(
        "--add",
        type=Path,
        action="append",
        default=[],
        help="designs of your own: a table (.csv, .csv.gz), or the folder of a run that was built; may be repeated",
    )
    parser.add_argument("--output", type=Path, help="calibration file to write; without it errors are only printed")


def run(options: argparse.Namespace) -> int:
    """Fit, print the errors of every law and of whole designs, write the calibration if asked to; 0."""
    content, closed = calibrate(options.data, tuple(options.add))
    sys.stdout.write(format_rows(content, closed))
    with using(from_json(content)):
        samples = design_rows(tables(options.data, tuple(options.add))[0])
        sys.stdout.write("\nwhole designs as `estimate --table` tells them, with this calibration (fitted on them)\n")
        sys.stdout.write(format_scores(scores(samples, [predict(s) for s in samples])))
    if options.output:
        write(content, options.output)
        sys.stdout.write(f"written: {options.output}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
