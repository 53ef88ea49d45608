"""Tables of real synthesis results: rows of designs and layers turned into the designs that the laws read.

The columns are those of the shared table of hls4ml results: one row per design with its layers as JSON, or one row per module. Columns of truth may be
absent; then the rows can be estimated (:func:`predict`), not learned from.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import HardwareError
from ..figures import Figure, unavailable
from .design import NO_OPERATION, Design
from .estimate import estimate_design
from .factors import UNROLLED, LayerPlan
from .facts import LayerFacts
from .operations import CHARGED, OperationFacts, operation_area, operation_counts
from .setting import Setting
from .stream_parts import row_buffers, row_fifos

TRUTH = ("lut", "ff", "dsp", "bram18", "bram36", "latency", "ii")
"""What the names of columns with measured values begin with."""

DESIGN_COLUMNS = {
    "lut_csynth": "lut",
    "ff_csynth": "ff",
    "dsp_csynth": "dsp",
    "bram18_csynth": "bram18",
    "lut_synth": "lut_post_synth",
    "ff_synth": "ff_post_synth",
    "latency_min": "latency_min_cycles",
    "latency_max": "latency_cycles",
    "ii_max": "ii",
}
"""Column of a design and the figure that estimates it. ``dsp_synth``, ``bram36_synth`` and ``ii_min`` are made of others."""

NO_LAYERS = "the table does not say what layers the design has"
NO_RECURRENT = "no law is calibrated for recurrent layers"
NO_BRAM36 = "synthesis puts part of the weights' ROM into LUT, and which part no law says"
NO_ELEMENTS = "the table does not say how many numbers a layer without weights works on"
NO_STREAM_CHARGE = "what layers without weights take is measured in parallel form"
NO_SIZE = "the table does not say how many weights the layer has, or how wide they are"


@dataclass(frozen=True)
class Sample:
    """One design, or one layer of a design where its own report is known, and what was measured.

    Attributes:
        id: the table's name of the design.
        family, group: source and split key; rows of a group share weights or architecture and are never split.
        design, plan, setting: what an estimate reads.
        truth: measured values by column name of the table.
        missing: why nothing can be estimated, or None.
    """

    id: str
    family: str
    group: str
    design: Design
    plan: dict[str, LayerPlan]
    setting: Setting
    truth: dict[str, float]
    missing: str | None = None

    @property
    def layers(self) -> list[tuple[LayerFacts, int]]:
        """Facts and reuse factor of each layer with weights."""
        return [(facts, self.plan[name].reuse) for name, facts in self.design.layers.items()]

    @property
    def strategy(self) -> str:
        """ "Latency" or "Resource", of all layers."""
        return next(iter(self.plan.values())).strategy

    @property
    def dense(self) -> bool:
        """All layers with weights are dense, in parallel form, and known."""
        return self.missing is None and self.design.io == "io_parallel" and all(f.is_dense for f in self.design.layers.values())


def read_rows(path: str | Path) -> list[dict[str, str]]:
    """Rows of a ``.csv`` or ``.csv.gz`` file as dictionaries of text.

    Raises:
        HardwareError: the file is missing or damaged.
    """
    path = Path(path)
    try:
        opener = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rt", encoding="utf-8-sig", newline="") as stream:
            return list(csv.DictReader(stream))
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise HardwareError(f"table {path} cannot be read ({error})", do="give a table of designs or layers, .csv or .csv.gz") from None


def _number(value: Any) -> int:
    return int(float(value)) if value not in (None, "") else 0


def _width(layer: dict[str, Any], *names: str) -> int:
    """Total bits of the first of the types that is there."""
    return next((int(layer[n][0]) for n in names if layer.get(n)), 0)


def _weighted(name: str, layer: dict[str, Any], stream: bool) -> LayerFacts | None:
    """Facts of a dense or convolution layer; None where sizes or types are missing."""
    kind = layer["type"]
    window = [_number(layer.get(k)) or 1 for k in ("filt_height", "filt_width")] if kind != "dense" else []
    n_in = _number(layer.get("n_in")) if kind == "dense" else _number(layer.get("n_chan")) * window[0] * window[1]
    n_out = _number(layer.get("n_out" if kind == "dense" else "n_filt"))
    if not n_in and n_out and layer.get("n_w"):
        n_in = _number(layer["n_w"]) // n_out
    x, w = _width(layer, "x"), _width(layer, "w")
    if not (n_in and n_out and x and w):
        return None
    beats = (_number(layer.get("in_width")) or 1) * (_number(layer.get("in_height")) or 1) if kind != "dense" and stream else 0
    positions = 1 if kind == "dense" else (_number(layer.get("out_width")) or 1) * (_number(layer.get("out_height")) or 1)

    def live(key: str) -> int:
        return _number(layer.get(f"{key}_live", layer.get(key)))

    known = layer.get("nnz") not in (None, "")
    two = _number(layer.get("nnz")) - _number(layer.get("npow2")) - _number(layer.get("n_ge3csd"))
    return LayerFacts(
        name=name,
        op=kind,
        n_in=n_in,
        n_out=n_out,
        positions=positions,
        x_bits=x,
        w_bits=w,
        acc_bits=_width(layer, "acc", "y") or x + w,
        out_bits=_width(layer, "y", "acc") or x + w,
        nonzeros=live("nnz") if known else n_in * n_out,
        products=live("share3s"),
        pairs=live("share2"),
        two_digit=max(two, 0),
        span=_number(layer.get("maxspan")),
        ebops=live("wspan") * x,
        biases=n_out if layer.get("b") else 0,
        product_spans=tuple((int(span), int(count)) for span, count in layer.get("product_spans") or ()),
        beats=beats,
        reuse_limit=n_in if kind != "dense" else None,
    )


_OPERATIONS = {
    "relu": "cast",
    "linear": "cast",
    "softmax": "softmax",
    "sigmoid": "table",
    "tanh": "table",
    "normalize": "normalize",
}
"""Types of layers in the table without weights of their own; others keep their name, about which no law knows anything."""


def _operation(name: str, layer: dict[str, Any], elements: int) -> OperationFacts:
    count = _number(layer.get("n_in")) or elements
    bits = count * (_width(layer, "x") + _width(layer, "y"))
    return OperationFacts(name, _OPERATIONS.get(layer["type"], layer["type"]), count, bits, _width(layer, "y"))


def _built(layers: list[dict[str, Any]], strategy: str, io: str) -> tuple[Design, dict[str, LayerPlan], str | None]:
    """Design and plan of a row's layers, and why it cannot be estimated."""
    weighted: dict[str, LayerFacts] = {}
    plan: dict[str, LayerPlan] = {}
    others: list[OperationFacts] = []
    missing = None if layers else NO_LAYERS
    elements, stream = 0, "stream" in io
    for i, layer in enumerate(layers):
        name, kind = f"{i + 1} {layer['type']}", layer["type"]
        if kind in ("dense", "conv1d", "conv2d"):
            facts = _weighted(name, layer, stream)
            if facts is None:
                missing = NO_SIZE
                continue
            weighted[name] = facts
            reuse = _number(layer.get("reuse_factor")) or 1
            plan[name] = LayerPlan(_strategy(layer.get("strategy") or strategy), reuse)
            elements = facts.n_out * facts.positions
        elif kind.endswith("_stack"):
            missing = NO_RECURRENT
        else:
            others.append(_operation(name, layer, elements))
            if others[-1].op in CHARGED and not others[-1].elements:
                missing = NO_ELEMENTS
    missing = missing or (None if weighted else NO_LAYERS)
    if not stream:
        return Design(weighted, tuple(others), "io_parallel"), plan, missing
    return Design(weighted, tuple(others), "io_stream", row_fifos(layers), row_buffers(layers)), plan, missing


def _strategy(text: str | None) -> str:
    known = {"": "Resource", "latency": "Latency", "resource": "Resource", "resource_unrolled": UNROLLED}
    if (text or "").lower() not in known:
        raise ValueError(f"strategy '{text}' is not one of {', '.join(n for n in known if n)}")
    return known[(text or "").lower()]


def _truth(row: dict[str, str]) -> dict[str, float]:
    return {k: _cell(row, k) for k, v in row.items() if k and v and k.split("_")[0] in TRUTH}


def _cell(row: dict[str, str], column: str) -> float:
    """A number in a row.

    Raises:
        HardwareError: it is none; names row and column.
    """
    try:
        value = float(row[column])
    except ValueError:
        value = float("nan")
    if not 0 <= value < float("inf"):
        raise HardwareError(
            f"design '{row.get('design_id')}': column {column} is '{row[column]}'", expected="a number that is not negative"
        )
    return value


MAPPINGS = ("auto", "dsp", "fabric")
_SERIES_7 = ("xc7", "7z", "7a", "7k", "7v")


def _setting(row: dict[str, str]) -> Setting:
    """Part family, clock, back end and mapping of a row.

    Raises:
        HardwareError: what cannot be understood; names row and column.
    """
    family, part = (row.get("fpga_family") or "").lower(), (row.get("part") or "").lower()
    tool, mapping = (row.get("tool") or "vitis_hls").lower(), (row.get("mult_impl") or "auto").lower()
    for column, value, known in (("tool", tool.split()[0].split("_")[0], ("vivado", "vitis")), ("mult_impl", mapping, MAPPINGS)):
        if value not in known:
            raise HardwareError(
                f"design '{row.get('design_id')}': column {column} is '{row[column]}'", expected=f"one of {', '.join(known)}"
            )
    clock = _cell(row, "clock_ns") if row.get("clock_ns") else 5.0
    if not clock:
        raise HardwareError(f"design '{row.get('design_id')}': column clock_ns is '{row['clock_ns']}'", expected="a period in ns")
    ultrascale = "ultrascale" in family if family else not part.startswith(_SERIES_7)
    return Setting(ultrascale, clock, "Vivado" if tool.startswith("vivado") else "Vitis", mapping)


def _needed(rows: list[dict[str, str]], columns: tuple[str, ...]) -> None:
    missing = [c for c in columns if rows and c not in rows[0]]
    if missing:
        raise HardwareError(
            f"the table has no column {', '.join(missing)}", expected=f"at least {', '.join(columns)}", do="compare it with the README"
        )


def design_rows(rows: list[dict[str, str]]) -> list[Sample]:
    """One sample per row of a table of designs, in order.

    Raises:
        HardwareError: columns are missing, or the layers of a row are not JSON.
    """
    _needed(rows, ("design_id", "io_type", "strategy", "layers_json"))
    samples = []
    for row in rows:
        try:
            layers = json.loads(row["layers_json"] or "[]")
            design, plan, missing = _built(layers, row["strategy"], row["io_type"])
        except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
            raise HardwareError(
                f"design '{row['design_id']}': layers_json cannot be read ({type(error).__name__}: {error})",
                expected="a list of layers, each with a type, sizes and types of its numbers",
            ) from None
        family = row.get("family") or ""
        samples.append(Sample(row["design_id"], family, row.get("group") or "", design, plan, _setting(row), _truth(row), missing))
    return samples


def layer_rows(rows: list[dict[str, str]], designs: Mapping[str, str] | None = None) -> list[Sample]:
    """One sample per row of a table of layers, in order; biases, which it does not tell, are taken as not zero.

    Args:
        designs: io type of the designs by name, for rows that do not tell it.

    Raises:
        HardwareError: columns are missing or hold no numbers.
    """
    _needed(rows, ("design_id", "type", "reuse_factor", "strategy", "io", "x_bits"))
    samples = []
    for row in rows:
        try:
            layer: dict[str, Any] = {k: v for k, v in row.items() if v} | {"type": row["type"], "b": [1]}
            layer |= {n: [_number(row.get(f"{n}_bits"))] for n in ("x", "w", "y", "acc") if row.get(f"{n}_bits")}
            design, plan, missing = _built([layer], row["strategy"], row["io"] or (designs or {}).get(row["design_id"]) or "io_parallel")
        except (ValueError, TypeError, KeyError) as error:
            raise HardwareError(
                f"layer of design '{row['design_id']}': {error}", expected="numbers in the columns of sizes and bits"
            ) from None
        truth = {f"{k}_csynth" if k in ("lut", "ff", "dsp", "bram18") else k: v for k, v in _truth(row).items()}
        group = row["design_id"].rsplit("-", 1)[0]
        missing = None if design.operations and missing == NO_LAYERS else missing
        samples.append(Sample(row["design_id"], row.get("family") or "", group, design, plan, _setting(row), truth, missing))
    return samples


def predict(sample: Sample) -> dict[str, Figure]:
    """Figures of a design by column name of the table, by the code that estimates a model (:func:`.estimate.estimate_design`)."""
    if sample.missing:
        names = (*DESIGN_COLUMNS, "ii_min", "dsp_synth", "bram36_synth")
        return {name: unavailable(sample.missing) for name in names}
    total = estimate_design(sample.design, sample.plan, sample.setting).total
    told = {column: total[name] for column, name in DESIGN_COLUMNS.items()}
    slices = total["dsp"]
    told["ii_min"] = total["ii"]
    text = f"{slices.interval}; every DSP slice of C-synthesis stays one (all designs of the table that are dense and fit)"
    told["dsp_synth"] = Figure(slices.value, slices.unit, slices.low, slices.high, text, "post-synth", slices.provenance)
    told["bram36_synth"] = unavailable(NO_BRAM36, "BRAM36")
    return told


def predict_layer(sample: Sample) -> dict[str, Figure]:
    """Figures of a single module by column name of a table of layers: C-synthesis only."""
    names = {"lut": "lut_csynth", "ff": "ff_csynth", "dsp": "dsp_csynth", "bram18": "bram18_csynth"}
    names |= {k: k for k in ("latency_min", "latency_max", "ii_min", "ii_max")}
    if sample.missing or sample.design.layers:
        told = predict(sample)
        return {k: told[c] for k, c in names.items()}
    operation = sample.design.operations[0]
    if operation.op not in CHARGED or sample.design.io == "io_stream":
        reason = NO_STREAM_CHARGE if operation.op in CHARGED else NO_OPERATION.format(operation.op)
        return {name: unavailable(reason) for name in names}
    figures = {k: operation_area(operation, k, "csynth", sample.setting.mapping).figure(k.upper(), "csynth") for k in ("lut", "ff")}
    counts = operation_counts(operation, sample.setting)
    for name, key, unit in (("dsp", "dsp", "DSP"), ("bram18", "bram18", "BRAM18"), *((k, "cycles", "cycles") for k in _LATENCIES)):
        slack = 2 if unit == "cycles" else 0
        figures[name] = Figure(counts[key], unit, max(counts[key] - slack, 0), counts[key] + slack, COUNTED, "csynth", "law")
    return figures | {k: Figure(1, "cycles", 1, 1, COUNTED, "csynth", "law") for k in ("ii_min", "ii_max")}


_LATENCIES = ("latency_min", "latency_max")
COUNTED = "read off the reports of layers of its kind"
