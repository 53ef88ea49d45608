"""How well the closed laws hold on measured rows, and the table that ``calibrate`` prints."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import laws
from .facts import UNROLL_LIMIT
from .layer import layer_counts
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


def format_rows(content: dict[str, Any], closed: list[dict[str, Any]]) -> str:
    """The printed report: one line per law."""
    lines = [f"{'closed law':40} rows   median |error|   P90    within tolerance"]
    lines += [
        f"{s['law']:40} {s['rows']:4d}   {s['median']:14.2f} {s['p90']:6.2f}   {100 * s['within']:5.1f} % within {s['allowed']}"
        for s in closed
    ]
    lines.append(f"\n{'fitted law':24} rows   in sample      architectures out   families left out (median / P90)    90 % interval x")

    def pair(e: dict[str, float] | None) -> str:
        return f"{100 * e['median']:.1f} / {100 * e['p90']:.0f} %" if e else "single family"

    for name, head in content["heads"].items():
        cover = ", ".join(f"{100 * c:.0f} %" for c in head["coverage"].values())
        families = "; ".join(f"{family}: {pair(e)}" for family, e in head["families_left_out"].items())
        lines.append(
            f"{name:24} {head['rows']:4d}   {pair(head['in_sample']):14} {pair(head['architectures_left_out']):18} {families}   "
            f"{head['low']:.2f}-{head['high']:.2f} ({head['interval_from']}; made without an architecture it covers {cover} of it)"
        )
    lines.append("\npost-synth over csynth, and LUT or FF per activation element and bit")
    lines += [f"{name:24} {r['value']:.3f} ({r['low']:.3f}-{r['high']:.3f}), {r['rows']} rows" for name, r in content["ratios"].items()]
    return "\n".join(lines) + "\n"
