"""Streaming Verilog run cycle by cycle: Verilator makes a program of it that sends beats and takes results as fast as they go."""

from __future__ import annotations

import ctypes
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ....errors import ToolError
from ....figures import Figure, figures_to_json
from ....integer.vectors import random_inputs
from ..ports import pack, unpack, words
from ..project import Port
from ..simulation import library, verilate
from .project import StreamProject

STAGE, PROBES = "simulated", 8
PATIENCE = 100
"""Stage of the figures, inputs that they are measured on, and: a sample that takes this many times the promised cycles never comes."""


@dataclass(frozen=True)
class StreamTiming:
    """Clock cycles, as a simulation shows them.

    Attributes:
        latency: from the first beat of a sample into an idle network to its result.
        interval: between two results, when beats come as fast as they are taken.
        promised: cycles of the slowest stage; stages that wait for each other may need some more.
    """

    latency: Figure
    interval: Figure
    promised: int

    def to_json(self) -> dict[str, Any]:
        """Plain dictionary with the stable keys of ``--json``."""
        return figures_to_json(dict(vars(self)))


class StreamExecutor:
    """Verilator's simulation of a streaming project, as an executor of :func:`fpgacompress.firmware.verify.verify`.

    Args:
        project: what to simulate; compiled at once, with Verilator's warnings as errors.
        stalls: share of cycles, chosen at random, in which no beat is offered, and of those in which no result is taken.

    Attributes:
        latency: cycles from the first beat of a sample to its result, of the first sample of the last call.
        interval: cycles between two results, on average over the last call; None of a single sample.

    Raises:
        ToolError: Verilator or a C++ compiler is missing, or one of them failed (with the first error).
    """

    def __init__(self, project: StreamProject, *, stalls: float = 0.0) -> None:
        self.project, self.stalls = project, stalls
        self.latency: int | None = None
        self.interval: float | None = None
        self._library = self._compiled()

    def _compiled(self) -> Any:
        project, log = self.project, self.project.folder / "verilator.log"
        sizes = [_words(beats.width) for beats in (project.source, project.result)]
        log.unlink(missing_ok=True)
        with tempfile.TemporaryDirectory(prefix="fpgacompress-rtl-") as place:
            folder = Path(place)
            shutil.copytree(project.folder / "src", folder / "src")
            (folder / "bench.v").write_text(_BENCH_VERILOG.format(**self._widths(sizes)), "utf-8")
            sources = [str(path.relative_to(folder)) for path in sorted((folder / "src").rglob("*.v"))]
            verilate(folder, "bench", "Vbench", ["bench.v", *sources], log=log, optimize="-O2")
            found = library(folder, "Vbench", _BENCH_CPP.format(in_words=sizes[0], out_words=sizes[1]), log=log)
        found.run.restype = ctypes.c_uint64
        return found

    def _widths(self, sizes: list[int]) -> dict[str, Any]:
        source, result = self.project.source.width, self.project.result.width
        return {
            "name": self.project.name,
            "in_top": 32 * sizes[0] - 1,
            "out_top": 32 * sizes[1] - 1,
            "in_bits": source - 1,
            "out_bits": result - 1,
            "padding": 32 * sizes[1] - result,
            "unused": f"wire unused = &{{1'b0, in_data[{32 * sizes[0] - 1}:{source}]}};" if 32 * sizes[0] > source else "",
        }

    def __call__(self, stored: np.ndarray) -> np.ndarray:
        """Stored integers of the input ``(n, ...)`` to stored integers of the output ``(n, ...)``, int64."""
        project, source, result = self.project, self.project.source, self.project.result
        flat = np.asarray(stored, np.int64).reshape(len(stored) * source.count, source.values)
        rows = pack([Port.of(source.type)] * source.values, flat, source.type.fraction)
        sent = np.pad(rows, ((0, 0), (0, _words(source.width) - rows.shape[1])))
        taken = np.zeros((len(stored), _words(result.width)), np.uint32)
        times = np.zeros(2, np.uint64)
        limit = PATIENCE * (project.interval + sum(stage.cycles for stage in project.stages) + 1000)
        done = self._library.run(
            *(ctypes.c_void_p(a.ctypes.data) for a in (sent, taken, times)),
            *(ctypes.c_uint64(n) for n in (len(stored), source.count, limit, int(self.stalls * 2**32))),
        )
        if done < len(stored):
            raise ToolError(f"the simulation of '{project.name}' stands still after {done:,} of {len(stored):,} samples")
        self.latency = int(times[0])
        self.interval = float(times[1] - times[0]) / (len(stored) - 1) if len(stored) > 1 else None
        values = unpack([Port.of(result.type)] * result.values, taken, result.type.fraction)
        return values.reshape(-1, *project.network.output.shape)

    def timing(self, seed: int = 0) -> StreamTiming:
        """Latency and interval of some random inputs.

        Args:
            seed: of the inputs.
        """
        self(random_inputs(self.project.network, PROBES, seed))
        told = f"Verilator, {PROBES} random inputs"
        latency, interval = (Figure(value, "cycles", stage=STAGE, provenance=told) for value in (self.latency, self.interval))
        return StreamTiming(latency, interval, self.project.interval)


def _words(bits: int) -> int:
    """Words of 32 bits of a port, at least three, so that Verilator makes an array of each."""
    return max(words(bits), 3)


_BENCH_VERILOG = """\
`timescale 1 ns / 1 ps

module bench (
    input clk,
    input rst,
    input in_valid,
    output in_ready,
    input [{in_top}:0] in_data,
    output out_valid,
    input out_ready,
    output [{out_top}:0] out_data
);
    wire [{out_bits}:0] result;
    assign out_data = {{{padding}'b0, result}};
    {unused}
    {name} network (
        .clk(clk), .rst(rst), .in_valid(in_valid), .in_ready(in_ready), .in_data(in_data[{in_bits}:0]),
        .out_valid(out_valid), .out_ready(out_ready), .out_data(result)
    );
endmodule
"""

_BENCH_CPP = """\
#include "Vbench.h"
#include "verilated.h"
#include <cstdint>
#include <cstring>
#include <memory>

extern "C" uint64_t run(const uint32_t *sent, uint32_t *taken, uint64_t *times, uint64_t samples, uint64_t beats, uint64_t limit, uint64_t stalls) {{
    VerilatedContext context;
    auto top = std::make_unique<Vbench>(&context);
    uint64_t state = 88172645463325252ull;
    auto pauses = [&] {{  // xorshift64 (G. Marsaglia, 2003)
        state ^= state << 13, state ^= state >> 7, state ^= state << 17;
        return (state >> 32) < stalls;
    }};
    auto tick = [&] {{ top->clk = 1, top->eval(), top->clk = 0, top->eval(); }};
    top->clk = 0, top->in_valid = 0, top->out_ready = 0, top->rst = 1;
    top->eval();  // the first edge needs a level before it
    tick();
    top->rst = 0;
    uint64_t at = 0, done = 0, cycle = 0, first = 0, news = 0;
    bool offering = false;
    const uint64_t total = samples * beats;
    while (done < samples && cycle - news < limit) {{
        if (!offering && at < total && !pauses()) {{
            std::memcpy(top->in_data.data(), sent + at * {in_words}, 4 * {in_words});
            offering = true;
        }}
        top->in_valid = offering;
        top->out_ready = !pauses();
        top->eval();
        const bool goes = offering && top->in_ready, comes = top->out_valid && top->out_ready;
        if (comes) {{
            std::memcpy(taken + done * {out_words}, top->out_data.data(), 4 * {out_words});
            news = cycle;
            if (done == 0) times[0] = cycle - first;
            times[1] = cycle - first;
            ++done;
        }}
        if (goes) {{
            if (at == 0) first = cycle;
            ++at, offering = false, news = cycle;
        }}
        tick();
        ++cycle;
    }}
    top->final();
    return done;
}}
"""
