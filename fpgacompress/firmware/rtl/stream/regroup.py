"""Other beats for the same values: several become one, or one becomes several."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .beats import Beats, bits_for
from .stage import header, ports


@dataclass(frozen=True, eq=False)
class Regroup:
    """``values`` of one beat out; those of a beat in divide them or are divided by them.

    Attributes:
        name: of its module.
        source: beats that come in.
        values: values of a beat that goes out.
    """

    name: str
    source: Beats
    values: int

    @cached_property
    def result(self) -> Beats:
        """The same values in other beats."""
        return self.source.regrouped(self.values)

    @property
    def cycles(self) -> int:
        """One for each of the smaller beats."""
        return max(self.source.count, self.result.count)

    @property
    def what(self) -> str:
        """For people."""
        return f"{self.source.values} values a beat become {self.values}"

    def files(self, module: str) -> dict[str, str]:
        """See :class:`Stage`."""
        gathers = self.values > self.source.values
        small, large = sorted((self.source.width, self.result.width))
        last = large // small - 1
        text = (_GATHER if gathers else _SCATTER).format(
            header=header(self, module),
            module=module,
            ports=ports(self, registered=False),
            count_top=bits_for(last) - 1,
            none=f"{bits_for(last)}'d0",
            one=f"{bits_for(last)}'d1",
            last=f"{bits_for(last)}'d{last}",
            top=large - 1,
            out=self._out(large),
            small=small,
        )
        return {module: text}

    def _out(self, bits: int) -> str:
        """The held bits, in row-major order where a whole sample is there."""
        order, width = self.source.order, self.source.type.width
        if order is None or self.result.count > 1:
            return "held" if self.values > self.source.values else f"held[{self.result.width - 1}:0]"
        places = np.argsort(order)
        return "{" + ", ".join(f"held[{(at + 1) * width - 1}:{at * width}]" for at in reversed(places.tolist())) + "}"


_GATHER = """\
{header}module {module} (
{ports});

    reg [{top}:0] held;
    reg [{count_top}:0] place;
    reg full;
    assign in_ready = !full || out_ready;
    assign out_valid = full;
    assign out_data = {out};

    always @(posedge clk) begin
        if (rst) begin
            full <= 1'b0;
            place <= {none};
        end else if (in_ready) begin
            full <= in_valid && place == {last};
            if (in_valid) place <= place == {last} ? {none} : place + {one};
        end
        if (in_valid && in_ready) held <= {{in_data, held[{top}:{small}]}};
    end
endmodule
"""

_SCATTER = """\
{header}module {module} (
{ports});

    reg [{top}:0] held;
    reg [{count_top}:0] place;
    reg full;
    wire done = out_ready && place == {last};
    assign in_ready = !full || done;
    assign out_valid = full;
    assign out_data = {out};

    always @(posedge clk) begin
        if (rst) begin
            full <= 1'b0;
            place <= {none};
        end else begin
            if (in_ready) full <= in_valid;
            if (full && out_ready) place <= done ? {none} : place + {one};
        end
        if (in_valid && in_ready) held <= in_data;
        else if (out_ready) held <= held >> {small};
    end
endmodule
"""
