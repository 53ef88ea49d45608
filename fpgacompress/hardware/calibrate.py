"""Fit the LUT and FF laws to real synthesis results and say how well every law holds on groups and families left out.

``make calibrate`` (``python -m fpgacompress.hardware.calibrate``) prints the errors and writes ``calibration.json`` (facts only: coefficients and
quantiles); ``fpgacompress calibrate`` does the same with tables of one's own and writes another file.
Rows are never split at random: rows of one group share weights or architecture.
"""

from __future__ import annotations

import argparse
import datetime
import sys
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import HardwareError
from ..figures import Figure
from ..run import write_json
from .area import HEADS, features
from .calibration import FILE, from_json, using
from .factors import LayerPlan
from .facts import UNROLL_LIMIT, LayerFacts
from .layer import layer_area
from .learning import fit_head, shipped
from .own import row_of_run
from .score import format_scores, scores
from .table import Sample, design_rows, layer_rows, predict, read_rows
from .validate import closed_laws, format_rows, stream_laws

KNOWN_RANGE = {"latency_lut": (0.45, 0.86), "resource_lut": (0.09, 0.58)}
"""Range of post-synthesis over C-synthesis LUT measured over all splits of the table (the project's STACK notes); a smaller table never
narrows it."""


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
        x = np.stack([sum(features("resource_lut_csynth", f, rf, s.setting) for f, rf in s.layers) for s in few])
        at = HEADS["resource_lut_csynth"].index("operand mux")
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


def stream_ratios(samples: list[Sample], modules: list[dict[str, str]], content: dict[str, Any]) -> dict[str, Any]:
    """LUT and FF of dense layers in streams over what the laws of ``content`` say of them in parallel form: median and range."""
    by_id, laws, found = {s.id: s for s in samples}, from_json(content), {}
    own = [(by_id[m["design_id"]], m) for m in modules if m["kind"] == "dense" and m["design_id"] in by_id]
    for kind in ("lut", "ff"):
        values = []
        for sample, module in own:
            facts, plan = sample.design.layers[module["name"]], sample.plan[module["name"]]
            law = layer_area(facts, plan, kind, "csynth", sample.setting, alone=True, calibration=laws).value
            if law > 0:  # a law fitted to few rows may have none of the terms
                values.append(float(module[kind]) / law)
        if values:
            low, middle, high = (round(float(v), 3) for v in (min(values), np.median(values), max(values)))
            found[f"stream_{kind}"] = {"value": middle, "low": low, "high": high, "rows": len(values)}
    return found


def stream_modules() -> list[dict[str, str]]:
    """FIFOs, line buffers and dense layers of streams, read off reports of their own (facts of the package)."""
    return read_rows(DATA / "streams.csv")


def elsewhere() -> list[dict[str, str]]:
    """Designs of Latency strategy that no law is fitted to, with reports of C-synthesis, of logic synthesis, or both (facts of the package)."""
    return read_rows(DATA / "validation.csv")


def validate(content: dict[str, Any], designs: list[dict[str, str]]) -> tuple[list[Sample], list[dict[str, Figure]]]:
    """The designs of :func:`elsewhere` whose layers are known, and what is told of them, each with its own reports left out of every ratio."""
    rows, modules, told = elsewhere(), stream_modules(), []
    samples = [s for s in design_rows(rows) if not s.missing]
    for sample in samples:
        others = [r for r in rows if r["design_id"] != sample.id]
        own = [m for m in modules if m["design_id"] != sample.id]
        ratio = ratios(designs + others) | stream_ratios(design_rows(designs + others), own, content)
        with using(from_json(content | {"ratios": content["ratios"] | ratio})):
            told.append(predict(sample))
    return samples, told


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
        "ratios": shipped()["ratios"] | charges(layers),
    }
    modules = stream_modules()
    content["ratios"] |= ratios(designs + elsewhere()) | stream_ratios(design_rows(designs + elsewhere()), modules, content)
    return content, closed_laws(whole, parts) + stream_laws(modules)


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
    designs = tables(options.data, tuple(options.add))[0]
    sys.stdout.write(
        "\ndesigns elsewhere, Latency strategy (data/validation.csv): no law is fitted to them, and their own ratios are left out\n"
    )
    sys.stdout.write(format_scores(scores(*validate(content, designs))))
    with using(from_json(content)):
        samples = design_rows(designs)
        sys.stdout.write("\nwhole designs as `estimate --table` tells them, with this calibration (fitted on them)\n")
        sys.stdout.write(format_scores(scores(samples, [predict(s) for s in samples])))
    if options.output:
        write(content, options.output)
        sys.stdout.write(f"written: {options.output}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
