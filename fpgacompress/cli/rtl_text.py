"""What ``fpgacompress rtl`` prints."""

from __future__ import annotations

from typing import Any


def text(told: dict[str, Any]) -> str:
    """Plain text of what ``--json`` tells."""
    lines = [f"Verilog: {told['verilog']}, module {told['top']}", *(_stream(told) if told["io"] == "stream" else _parallel(told))]
    if told["vhdl"]:
        lines += [f"VHDL: {told['vhdl']['folder']}", *(_simulation(told["vhdl"]["simulate"]) if told["vhdl"]["simulate"] else [])]
    if told["simulate"]:
        lines += _simulation(told["simulate"])
    if told["synthesize"]:
        cells = told["synthesize"]
        counts = [
            f"{cells[name]['value']:,} {cells[name]['unit']}" for name in ("lut", "ff", "carry", "ram", "dsp") if cells[name]["value"]
        ]
        lines.append(f"synthesized, not placed: {', '.join(counts)} ({cells['lut']['provenance']})")
    if told["netlist"]:
        lines += _simulation(told["netlist"] | {"simulator": "its cells' own models"})
    if told["switching"]:
        toggles = told["switching"]["total"]
        lines.append(f"switching: {toggles['value']:,.0f} {toggles['unit']} ({toggles['provenance']})")
    if told["place"]:
        lines += _place_text(told["place"])
    return "\n".join(lines) + "\n"


def _parallel(told: dict[str, Any]) -> list[str]:
    figures = [
        f"{figure['value']:,.0f} {figure['unit']} ({figure['low']:,.0f}–{figure['high']:,.0f})" for figure in told["expected"].values()
    ]
    return [
        f"{told['stages']} cycles from the edge that takes an input to the one that puts out its result, a new input in each cycle"
        if told["stages"]
        else "no registers",
        f"{told['adders']:,} adders, {told['cells']:,.0f} full-adder bits (not LUT), {told['register_bits']:,} flip-flops",
        f"expected of synthesis: {', '.join(figures)} ({told['expected']['lut']['provenance']})",
    ]


def _stream(told: dict[str, Any]) -> list[str]:
    width = max(len(stage["name"]) for stage in told["stages"])
    lines = [
        f"  {stage['name']:{width}}  {stage['what']}; {stage['cycles']:,} cycle{'s' if stage['cycles'] > 1 else ''}"
        for stage in told["stages"]
    ]
    sizes = f"{told['multipliers']:,} multipliers, {told['memory_bits']:,} bits of memory"
    return [*lines, f"the slowest stage takes {told['interval']:,} cycles for a sample; {sizes}"]


def _simulation(report: dict[str, Any]) -> list[str]:
    verdict = "every output bit is equal" if not report["differing_bits"] else f"{report['differing_bits']:,} bits DIFFER"
    lines = [f"simulated by {report['simulator']}, cycle by cycle: {verdict}, {report['samples']:,} inputs, {report['outputs']} outputs"]
    if report["first_difference"]:
        lines.append(f"first difference: {report['first_difference']}")
    found = [(name, report["timing"][name]) for name in ("latency", "interval")]
    measured = [f"{name} {figure['value']:,g} {figure['unit']}" for name, figure in found if figure["value"] is not None]
    return lines + ([f"measured in the simulation: {', '.join(measured)}"] if measured else [])


def _place_text(told: dict[str, Any]) -> list[str]:
    lines = [f"on {told['board']} ({told['part']}), behind its {told['interface']}: {told['verdict']}"]
    if told["verdict"] == "routed":
        cells = [
            f"{told[name]['value']:,} {told[name]['unit']}{_share(told[f'{name}_share'])}" for name in ("lut", "ff") if told[name]["value"]
        ]
        verdict = "is kept" if told["met"] else "is MISSED"
        lines[0] += f", {', '.join(cells)}, of which the {told['interface']}'s own are {told['wrapper_ff']['value']:,} FF"
        lines.append(f"fastest clock: {told['fmax']['value']:.1f} MHz; the {1000 / told['clock_ns']:.4g} MHz asked for {verdict}")
        lines.append(f"({told['fmax']['provenance']})")
    lines += told["said"]
    if told["bitstream"]:
        file = told["bitstream"]
        lines.append(f"bitstream: {file['path']}, {file['size']:,} bytes, SHA-256 {file['sha256']}")
        lines.append(f"pins: {', '.join(f'{port} {pin}' for port, pin in file['pins'].items())} ({file['where']}; from {file['source']})")
    return lines


def _share(figure: dict[str, Any]) -> str:
    return "" if figure["value"] is None else f" ({figure['value']:.1%})"
