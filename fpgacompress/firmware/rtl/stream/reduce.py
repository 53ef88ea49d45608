"""Sum or maximum over all beats of a sample: pooling over a whole image."""

from __future__ import annotations

from dataclasses import dataclass

from .beats import Beats, bits_for, literal
from .stage import header, ports


@dataclass(frozen=True, eq=False)
class Reduce:
    """All beats of a sample become one.

    Attributes:
        name: of its module.
        source: beats that come in.
        result: one beat.
        sums: add them; else the largest of each value.
    """

    name: str
    source: Beats
    result: Beats
    sums: bool

    @property
    def cycles(self) -> int:
        """One for each beat."""
        return self.source.count

    @property
    def what(self) -> str:
        """For people."""
        return f"{'sum' if self.sums else 'maximum'} over {self.source.count} beats"

    def files(self, module: str) -> dict[str, str]:
        """See :class:`Stage`."""
        kind, out, lines = self.source.type, self.result.type, []
        for i in range(self.source.values):
            value = f"in_data[{(i + 1) * kind.width - 1}:{i * kind.width}]"
            own = f"[{(i + 1) * out.width - 1}:{i * out.width}]"
            if self.sums:
                more = out.width - kind.width
                sign = f"in_data[{(i + 1) * kind.width - 1}]" if kind.signed else "1'b0"
                wide = f"{{{{{more}{{{sign}}}}}, {value}}}" if more else value
                lines.append(f"    assign next{own} = {wide} + (first ? {literal(0, out.width)} : total{own});")
            else:
                reading = "$signed({0})" if kind.signed else "{0}"
                larger = f"{reading.format(value)} > {reading.format('total' + own)}"
                lines.append(f"    assign next{own} = first || {larger} ? {value} : total{own};")
        last = self.source.count - 1
        bits = bits_for(last)
        text = _VERILOG.format(
            header=header(self, module),
            module=module,
            ports=ports(self),
            place_top=bits - 1,
            none=f"{bits}'d0",
            one=f"{bits}'d1",
            last=f"{bits}'d{last}",
            top=self.result.width - 1,
            next="\n".join(lines),
        )
        return {module: text}


_VERILOG = """\
{header}module {module} (
{ports});

    reg [{place_top}:0] place;
    wire first = place == {none};
    wire last = place == {last};
    assign in_ready = !(last && out_valid && !out_ready);
    wire step = in_valid && in_ready;
    reg [{top}:0] total;
    wire [{top}:0] next;
{next}

    always @(posedge clk) begin
        if (rst) begin
            place <= {none};
            out_valid <= 1'b0;
        end else begin
            if (step) place <= last ? {none} : place + {one};
            if (step && last) out_valid <= 1'b1;
            else if (out_ready) out_valid <= 1'b0;
        end
        if (step) total <= next;
        if (step && last) out_data <= next;
    end
endmodule
"""
