"""Where a stream goes two ways and where ways meet: forks, joins, and what waits in between."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ....integer import FixedType
from ....integer.intervals import Range
from .beats import Beats, bits_for
from .stage import header, ports


class _Passing:
    """The beats that come in go out."""

    source: Beats

    @property
    def result(self) -> Beats:
        """The same beats."""
        return self.source

    @property
    def cycles(self) -> int:
        """One for each beat."""
        return self.source.count


@dataclass(frozen=True, eq=False)
class Fork(_Passing):
    """Every beat goes to each of several readers, who may take it at different times.

    Attributes:
        name: of its module.
        source: beats that come in; the same ones go out.
        ways: readers.
    """

    name: str
    source: Beats
    ways: int

    @property
    def what(self) -> str:
        """For people."""
        return f"a fork with {self.ways} ways"

    def files(self, module: str) -> dict[str, str]:
        """See :class:`Stage`."""
        names = [f"out{i}" for i in range(self.ways)]
        lines = [f"    output {n}_valid,\n    input {n}_ready,\n    output [{self.source.width - 1}:0] {n}_data" for n in names]
        wiring = [f"    assign {n}_valid = in_valid && !taken[{i}];\n    assign {n}_data = in_data;" for i, n in enumerate(names)]
        text = _FORK.format(
            header=header(self, module),
            module=module,
            last_in=self.source.width - 1,
            outputs=",\n".join(lines),
            top=self.ways - 1,
            ready=", ".join(f"{n}_ready" for n in reversed(names)),
            zero=f"{self.ways}'b0",
            wiring="\n".join(wiring),
        )
        return {module: text}


@dataclass(frozen=True, eq=False)
class Join:
    """One beat of each of several streams become one, all with the same binary point and width.

    Attributes:
        name: of its module.
        sources: beats that come in, as many of each.
        node: whose result they are for.
    """

    name: str
    sources: tuple[Beats, ...]
    node: str

    @cached_property
    def result(self) -> Beats:
        """Their values side by side."""
        fraction = max(s.type.fraction for s in self.sources)
        low, high = (
            np.concatenate([getattr(s.range, end) << (fraction - s.type.fraction) for s in self.sources]) for end in ("low", "high")
        )
        return Beats(self.node, FixedType.holding(int(low.min()), int(high.max()), fraction), self.sources[0].count, Range(low, high))

    @property
    def source(self) -> Beats:
        """The first one's beats."""
        return self.sources[0]

    @property
    def cycles(self) -> int:
        """One for each beat."""
        return self.result.count

    @property
    def what(self) -> str:
        """For people."""
        return f"{' and '.join(s.name for s in self.sources)} side by side"

    def files(self, module: str) -> dict[str, str]:
        """See :class:`Stage`."""
        names = [f"in{i}" for i in range(len(self.sources))]
        lines = [f"    input {n}_valid,\n    output {n}_ready,\n    input [{s.width - 1}:0] {n}_data" for n, s in zip(names, self.sources)]
        parts = [part for n, s in zip(names, self.sources) for part in self._aligned(n, s)]
        text = _JOIN.format(
            header=header(self, module),
            module=module,
            inputs=",\n".join(lines),
            last_out=self.result.width - 1,
            all=" && ".join(f"{n}_valid" for n in names),
            ready="\n".join(f"    assign {n}_ready = out_valid && out_ready;" for n in names),
            parts=",\n        ".join(reversed(parts)),
            unused=self._unused(names),
        )
        return {module: text}

    def _room(self, source: Beats) -> tuple[int, int, int]:
        """Zeros below, bits of a value and copies of its sign above, in a value of the result."""
        kind, below = self.result.type, self.result.type.fraction - source.type.fraction
        shown = min(source.type.width, kind.width - below)
        return below, shown, kind.width - below - shown

    def _aligned(self, name: str, source: Beats) -> list[str]:
        below, shown, above = self._room(source)
        found = []
        for i in range(source.values):
            at = i * source.type.width
            sign = f"{name}_data[{at + source.type.width - 1}]" if source.type.signed else "1'b0"
            parts = [f"{{{above}{{{sign}}}}}"] if above else []
            parts += [f"{name}_data[{at + shown - 1}:{at}]"] + ([f"{below}'b0"] if below else [])
            found.append("{" + ", ".join(parts) + "}")
        return found

    def _unused(self, names: list[str]) -> str:
        left = []
        for name, source in zip(names, self.sources):
            _, shown, _ = self._room(source)
            width = source.type.width
            left += [f"{name}_data[{(i + 1) * width - 1}:{i * width + shown}]" for i in range(source.values) if shown < width]
        return f"    wire unused = &{{1'b0, {', '.join(left)}}};  // bits that are always copies\n" if left else ""


@dataclass(frozen=True, eq=False)
class Fifo(_Passing):
    """Beats wait here while another way takes longer.

    Attributes:
        name: of its module.
        source: beats that come in; the same ones go out.
        depth: beats that have room.
    """

    name: str
    source: Beats
    depth: int

    @property
    def memory_bits(self) -> int:
        """Of the beats."""
        return self.depth * self.source.width

    @property
    def what(self) -> str:
        """For people."""
        return f"room for {self.depth} beats"

    def files(self, module: str) -> dict[str, str]:
        """See :class:`Stage`."""
        at, count = bits_for(self.depth - 1), bits_for(self.depth)
        text = _FIFO.format(
            header=header(self, module),
            module=module,
            ports=ports(self),
            top=self.source.width - 1,
            depth_top=self.depth - 1,
            at_top=at - 1,
            none=f"{at}'d0",
            one=f"{at}'d1",
            last=f"{at}'d{self.depth - 1}",
            count_top=count - 1,
            empty=f"{count}'d0",
            single=f"{count}'d1",
            full=f"{count}'d{self.depth}",
        )
        return {module: text}


_FORK = """\
{header}module {module} (
    input clk,
    input rst,
    input in_valid,
    output in_ready,
    input [{last_in}:0] in_data,
{outputs}
);

    // Who has taken the present beat, while others still wait for it.
    reg [{top}:0] taken;
    wire [{top}:0] served = taken | {{{ready}}};
    assign in_ready = &served;
    always @(posedge clk) begin
        if (rst) taken <= {zero};
        else if (in_valid) taken <= in_ready ? {zero} : served;
    end
{wiring}
endmodule
"""

_JOIN = """\
{header}module {module} (
{inputs},
    output out_valid,
    input out_ready,
    output [{last_out}:0] out_data
);

    assign out_valid = {all};
{ready}
{unused}    assign out_data = {{
        {parts}
    }};
endmodule
"""

_FIFO = """\
{header}module {module} (
{ports});

    reg [{top}:0] memory [0:{depth_top}];
    reg [{at_top}:0] write_at, read_at;
    reg [{count_top}:0] stored;
    assign in_ready = stored != {full};
    wire put = in_valid && in_ready;
    wire get = stored != {empty} && (!out_valid || out_ready);
    always @(posedge clk) begin
        if (rst) begin
            write_at <= {none};
            read_at <= {none};
            stored <= {empty};
            out_valid <= 1'b0;
        end else begin
            if (put) write_at <= write_at == {last} ? {none} : write_at + {one};
            if (get) read_at <= read_at == {last} ? {none} : read_at + {one};
            if (put && !get) stored <= stored + {single};
            else if (get && !put) stored <= stored - {single};
            if (get) out_valid <= 1'b1;
            else if (out_ready) out_valid <= 1'b0;
        end
        if (put) memory[write_at] <= in_data;
        if (get) out_data <= memory[read_at];
    end
endmodule
"""
