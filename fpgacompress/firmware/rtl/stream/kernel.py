"""What is computed on each beat by itself, as a pipelined graph of adders: windows of a convolution, sums of a small layer, casts, pooling."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ....integer import IntegerNetwork
from ..circuit import circuit
from .beats import Beats
from .stage import header, ports


@dataclass(frozen=True, eq=False)
class Kernel:
    """A network of one beat.

    Attributes:
        name: of its module.
        source: beats that come in.
        network: from the values of a beat, its input, to those of the beat that goes out.
        result: beats that go out, of the type of the network's output.
        levels: of adders and multiplexers between two rows of registers.
        say: told of layers that take a while.
    """

    name: str
    source: Beats
    network: IntegerNetwork
    result: Beats
    levels: int
    say: Callable[[str], None] = lambda text: None

    @cached_property
    def _pipeline(self):  # type: ignore[no-untyped-def]  # da4ml's Pipeline
        from da4ml.trace.pipeline import to_pipeline

        return to_pipeline(circuit(self.network, self.say, self.source.range), self.levels, verbose=False)

    @property
    def rows(self) -> int:
        """Rows of registers."""
        return len(self._pipeline.solutions)

    @property
    def cells(self) -> float:
        """Full-adder bits, by da4ml's count."""
        return float(self._pipeline.cost)

    @property
    def cycles(self) -> int:
        """One for each beat."""
        return self.source.count

    @property
    def what(self) -> str:
        """For people."""
        weights = sum(node.kernel.nonzeros for node in self.network.weighted if node.kernel is not None)
        names = ", ".join(f"{node.name} ({node.op})" for node in self.network.nodes[1:])
        return f"graph of adders: {names}" + (f"; {weights:,} weights that are not zero" if weights else "")

    def files(self, module: str) -> dict[str, str]:
        """See :class:`Stage`."""
        from da4ml.codegen.rtl.rtl_model import get_io_kifs
        from da4ml.codegen.rtl.verilog import pipeline_logic_gen

        pipeline, graph = self._pipeline, f"{module}_graph"
        found = pipeline_logic_gen(pipeline, graph)
        del found[graph]  # rows of registers that cannot wait
        came, gone = ([tuple(map(int, kind)) for kind in zip(*kinds)] for kinds in get_io_kifs(pipeline))
        widths = [int(get_io_kifs(part)[0].sum(dtype=np.int64)) for part in pipeline.solutions] + [sum(map(sum, gone))]
        rows = len(pipeline.solutions)
        registers, wiring, moves = [], [], []
        for i in range(rows):
            source = "packed_in" if i == 0 else f"row{i}"
            registers.append(f"    reg [{widths[i + 1] - 1}:0] row{i + 1};\n    wire [{widths[i + 1] - 1}:0] sums{i + 1};")
            wiring.append(f"    {graph}_stage{i} stage{i} (.model_inp({source}), .model_out(sums{i + 1}));")
            moves.append(f"        row{i + 1} <= sums{i + 1};")
        packed, left = self._packed(came)
        unpacked, above = self._unpacked(gone, f"row{rows}")
        left += above
        text = _VERILOG.format(
            header=header(self, module),
            module=module,
            ports=ports(self, registered=False),
            rows=rows,
            valid_top=rows - 1,
            next_valid="in_valid" if rows == 1 else f"{{valid[{rows - 2}:0], in_valid}}",
            packed_top=widths[0] - 1,
            packed=packed,
            unused=f"    wire unused = &{{1'b0, {', '.join(left)}}};  // what no weight reads, and bits that are always copies\n"
            if left
            else "",
            registers="\n".join(registers),
            wiring="\n".join(wiring),
            moves="\n".join(moves),
            unpacked=unpacked,
        )
        return {module: text, **found}

    def _packed(self, ports: list[tuple[int, int, int]]) -> tuple[str, list[str]]:
        """The bits of a beat that the graph reads, and the others."""
        width, fraction = self.source.type.width, self.source.type.fraction
        taken, left = [], []
        for i, (sign, integer, places) in enumerate(ports):
            bits = sign + integer + places
            low = i * width + (fraction - places if bits else 0)
            if bits:
                taken.append(f"in_data[{low + bits - 1}:{low}]")
            left += [(i * width, low), (low + bits, (i + 1) * width)]
        return ",\n        ".join(reversed(taken)), [f"in_data[{high - 1}:{low}]" for low, high in left if high > low]

    def _unpacked(self, ports: list[tuple[int, int, int]], row: str) -> tuple[str, list[str]]:
        """The graph's results as values of the beat's type, zeros below and the sign above, and the bits that it has no room for."""
        width, fraction, at, found = self.result.type.width, self.result.type.fraction, 0, []
        left = []
        for sign, integer, places in ports:
            bits = sign + integer + places
            below = fraction - places if bits else width
            shown = min(bits, width - below)
            above = width - below - shown
            parts = [f"{{{above}{{{row}[{at + bits - 1}]}}}}" if sign else f"{above}'b0"] if above else []
            parts += [f"{row}[{at + shown - 1}:{at}]"] if shown else []
            parts += [f"{below}'b0"] if below else []
            found.append(", ".join(parts))
            left += [f"{row}[{at + bits - 1}:{at + shown}]"] if bits > shown else []
            at += bits
        return ",\n        ".join(reversed(found)), left


_VERILOG = """\
{header}module {module} (
{ports});

    // {rows} rows of registers, which move together unless a result waits in the last one.
    reg [{valid_top}:0] valid;
    wire move = !valid[{valid_top}] || out_ready;
    assign in_ready = move;
    assign out_valid = valid[{valid_top}];
    always @(posedge clk) begin
        if (rst) valid <= {rows}'b0;
        else if (move) valid <= {next_valid};
    end

    wire [{packed_top}:0] packed_in = {{
        {packed}
    }};
{unused}
{registers}
{wiring}
    always @(posedge clk) if (move) begin
{moves}
    end

    assign out_data = {{
        {unpacked}
    }};
endmodule
"""
