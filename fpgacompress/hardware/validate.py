"""How well the closed laws hold on measured rows, and the table that ``calibrate`` prints."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import laws
from .facts import UNROLL_LIMIT
from .layer import layer_counts
from .setting import Setting
from .streams import BANK, SHIFT_LUT, Buffer, Fifo, fifo_counts
from .table import Sample


def _score(law: str, differences: list[float], allowed: str, within: list[bool]) -> dict[str, Any]:
    values = np.abs(np.array(differences))
    return {
        "law": law,
        "rows": len(values),
        "median": float(np.median(values)),
        "p90": float(np.quantile(values, 0.9)),
        "allowed": allowed,
        "within": round(float(np.mean(within)), 4),
    }


def closed_laws(designs: list[Sample], layers: list[Sample]) -> list[dict[str, Any]]:
    """Scores of the DSP, BRAM, latency and II laws: absolute differences and the share of rows within the stated tolerance."""
    scores = []
    shared = [s for s in designs if s.strategy == "Resource" and all(rf > 1 for _, rf in s.layers)]
    single = [s for s in shared if len(s.layers) == 1]
    several = [s for s in shared if len(s.layers) > 1]
    alone = [s for s in layers + designs if len(s.layers) == 1 and s.strategy == "Latency" and not s.design.operations]
    small = [s for s in alone if all(f.nonzeros and f.n_weights <= UNROLL_LIMIT for f, _ in s.layers)]
    unrolled, limited = [s for s in small if s.layers[0][1] == 1], [s for s in small if s.layers[0][1] > 1]

    def add(law: str, samples: list[Sample], column: str, predict: Any, allowed: str, limit: Any) -> None:
        rows = [(predict(s), s.truth[column]) for s in samples if column in s.truth]
        if rows:
            scores.append(_score(law, [p - t for p, t in rows], allowed, [abs(p - t) <= limit(t) for p, t in rows]))

    def dsp(s: Sample) -> float:
        return sum(layer_counts(f, s.plan[n], s.setting)["dsp"] for n, f in s.design.layers.items())

    five = lambda t: max(2, 0.05 * t)  # noqa: E731
    add("DSP Resource, one layer, csynth", single, "dsp_csynth", dsp, "max(2, 5 %)", five)
    add("DSP Resource, two layers, post-synth", several, "dsp_synth", dsp, "max(2, 5 %)", five)
    add("DSP Latency, csynth", unrolled, "dsp_csynth", dsp, "max(2, 5 %)", five)
    add("DSP Latency with reuse, csynth", limited, "dsp_csynth", dsp, "max(2, 5 %)", five)
    add(
        "BRAM18 Resource, csynth",
        single,
        "bram18_csynth",
        lambda s: sum(laws.rom_bram18(f, s.strategy, rf) for f, rf in s.layers),
        "1",
        lambda t: 1,
    )
    cycles = lambda s: laws.resource_latency([rf for _, rf in s.layers])  # noqa: E731
    add("latency Resource, one layer", single, "latency_max", cycles, "1", lambda t: 1)
    add("latency Resource, two layers", several, "latency_max", cycles, "3", lambda t: 3)
    add("II Resource, one layer", single, "ii_max", lambda s: s.layers[0][1], "0", lambda t: 0)
    depth = lambda s: laws.latency_cycles(*s.layers[0], s.setting.clock_ns, s.setting.ultrascale)  # noqa: E731
    families = (("UltraScale+", True), ("7 series", False))
    for name, kind in families:
        add(f"latency Latency, {name}", [s for s in unrolled if s.setting.ultrascale == kind], "latency_max", depth, "2", lambda t: 2)
    for name, kind in families:
        few = [s for s in limited if s.setting.ultrascale == kind]
        add(f"latency Latency with reuse, {name}", few, "latency_max", depth, "max(3, 10 %)", lambda t: max(3, 0.1 * t))
    return scores


def stream_laws(modules: list[dict[str, str]]) -> list[dict[str, Any]]:
    """Scores of the laws of FIFOs and line buffers on reports (``data/streams.csv``), each FIFO a row: BRAM18 in blocks, LUT and FF relative."""
    scores = []

    def count(row: dict[str, str], name: str) -> int:
        return int(row[name] or 0)

    for tool in ("Vivado", "Vitis"):
        setting = Setting(True, 5.0, tool)
        rows = [r for r in modules if r["tool"].startswith(tool.lower())]
        told = [
            (fifo_counts(Fifo("", count(r, "depth"), count(r, "channels"), count(r, "bits")), setting), r)
            for r in rows
            if r["kind"] == "fifo"
        ]
        for kind, allowed in (("bram18", "0"), ("ff", "its interval")):
            values = [(c[kind], count(r, kind)) for c, r in told for _ in range(count(r, "count"))]
            scale = [1 if kind == "bram18" else max(m, 1) for _, m in values]
            differences = [(c[0] - m) / s for (c, m), s in zip(values, scale)]
            inside = [c[0] == m if kind == "bram18" else c[1] <= m <= c[2] for c, m in values]
            unit = "BRAM18" if kind == "bram18" else "FF (relative)"
            scores.append(_score(f"{unit} of a FIFO, {tool} HLS", differences, allowed, inside))
        totals = []
        for whole in (r for r in rows if r["kind"] == "all fifos"):
            own = [(c["lut"], count(r, "count")) for c, r in told if r["source"] == whole["source"]]
            totals.append(([sum(c[i] * n for c, n in own) for i in range(3)], count(whole, "lut")))
        scores.append(
            _score(
                f"LUT (relative) of all FIFOs, {tool} HLS",
                [(c[0] - m) / m for c, m in totals],
                "their interval",
                [c[1] <= m <= c[2] for c, m in totals],
            )
        )
    rows = [r for r in modules if r["kind"] == "rows"]
    for kind in ("lut", "ff"):
        pairs = []
        for r in rows:
            buffer = Buffer("", count(r, "depth"), count(r, "channels"), count(r, "bits"), count(r, "height"), count(r, "width"))
            steps = buffer.height * (buffer.width - 1) * buffer.channels if r["tool"].startswith("vitis") and kind == "lut" else 0
            pairs.append((BANK[kind] * buffer.banks + SHIFT_LUT * steps + (kind == "ff"), count(r, kind)))
        scores.append(_score(f"{kind.upper()} of the rows of a line buffer", [t - m for t, m in pairs], "0", [t == m for t, m in pairs]))
    return scores


def _pair(e: dict[str, float]) -> str:
    return f"{100 * e['median']:.1f} / {100 * e['p90']:.0f} %"


def _two(e: dict[str, dict[str, float]] | None) -> str:
    return f"{_pair(e['law'])} > {_pair(e['with_residual'])}" if e else "single family"


def format_rows(content: dict[str, Any], closed: list[dict[str, Any]]) -> str:
    """The printed report: one line per law."""
    lines = [f"{'closed law':40} rows   median |error|   P90    within tolerance"]
    lines += [
        f"{s['law']:40} {s['rows']:4d}   {s['median']:14.2f} {s['p90']:6.2f}   {100 * s['within']:5.1f} % within {s['allowed']}"
        for s in closed
    ]
    lines.append("(FIFOs and line buffers: on the rows of reports that their laws were read off, data/streams.csv)")
    lines += ["", "fitted laws: median / P90 of the relative error, by the law alone > with the smoother of what it leaves over"]
    lines.append(f"{'':24} rows   in sample      architectures out             families left out")
    for name, head in content["heads"].items():
        families = "; ".join(f"{family}: {_two(e)}" for family, e in head["families_left_out"].items())
        lines.append(f"{name:24} {head['rows']:4d}   {_pair(head['in_sample']):14} {_two(head['architectures_left_out']):29} {families}")
    lines += [
        "",
        "smoother and 90 % intervals (times or divided by: far from all rows > beside them), and what intervals cover that were made without a",
    ]
    lines.append("row's architecture: where that is new > where its family is, too")
    for name, head in content["heads"].items():
        cover = "; ".join(f"{family}: {100 * near:.0f} > {100 * far:.0f} %" for family, (near, far) in head["coverage"].items())
        kept = head["residual"]
        ends = ", ".join(f"{part} {far:.2f}" + (f" > {near:.2f}" if kept else "") for part, (far, near) in head["intervals"].items())
        smoother = f"width {kept['width']:g}, prior {kept['prior']:g}" if kept else "none (weight 0)"
        lines.append(f"{name:24} {smoother:22} {ends}   ({head['interval_from']})   {cover}")
    lines.append("\npost-synth over csynth, and LUT or FF per activation element and bit")
    lines += [f"{name:24} {r['value']:.3f} ({r['low']:.3f}-{r['high']:.3f}), {r['rows']} rows" for name, r in content["ratios"].items()]
    return "\n".join(lines) + "\n"
