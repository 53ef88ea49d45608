"""Windows of an image or a series that comes pixel by pixel: a line buffer, and padding put in between."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np

from ....integer.intervals import Range
from .beats import Beats, bits_for, literal
from .stage import header, ports


@dataclass(frozen=True, eq=False)
class Window:
    """One pixel a beat in, one window a beat out (its pixels row by row).

    Attributes:
        name: of its module.
        source: pixels, all channels of one in each beat.
        size: rows and columns of the image.
        pads: (before, after) of rows and of columns.
        taps: rows and columns of the window.
        strides: of rows and columns.
        dilation: of rows and columns.
        outside: what padding is, a stored integer.
    """

    name: str
    source: Beats
    size: tuple[int, int]
    pads: tuple[tuple[int, int], tuple[int, int]]
    taps: tuple[int, int]
    strides: tuple[int, int]
    dilation: tuple[int, int]
    outside: int = 0

    @property
    def padded(self) -> tuple[int, int]:
        """Rows and columns, padding included."""
        rows, columns = (n + before + after for n, (before, after) in zip(self.size, self.pads))
        return rows, columns

    @property
    def span(self) -> tuple[int, int]:
        """Rows and columns that a window reaches over."""
        rows, columns = ((k - 1) * d + 1 for k, d in zip(self.taps, self.dilation))
        return rows, columns

    @property
    def out(self) -> tuple[int, int]:
        """Rows and columns of windows."""
        rows, columns = ((n - span) // s + 1 for n, span, s in zip(self.padded, self.span, self.strides))
        return rows, columns

    @cached_property
    def result(self) -> Beats:
        """The windows."""
        low, high, edge = self.source.range.low, self.source.range.high, any(any(pad) for pad in self.pads)
        if edge:
            low, high = np.minimum(low, self.outside), np.maximum(high, self.outside)
        times = prod(self.taps)
        return Beats(self.source.name, self.source.type, prod(self.out), Range(np.tile(low, times), np.tile(high, times)))

    @property
    def cycles(self) -> int:
        """One for each pixel, padding included."""
        return prod(self.padded)

    @property
    def memory_bits(self) -> int:
        """Of the line buffer."""
        return (self.span[0] - 1) * self.padded[1] * self.source.width

    @property
    def what(self) -> str:
        """For people."""
        pads = "" if not any(map(any, self.pads)) else f", padded by {self.pads[0]} rows and {self.pads[1]} columns"
        return f"windows of {self.taps[0]} x {self.taps[1]} pixels, strides {self.strides[0]} x {self.strides[1]}{pads}"

    def files(self, module: str) -> dict[str, str]:
        """See :class:`Stage`."""
        (rows, columns), (tall, wide), pixel = self.padded, self.span, self.source.width
        row_bits, column_bits = (bits_for(n - 1 + s) for n, s in zip(self.padded, self.strides))
        column = tall * pixel
        outside = literal(self.outside, self.source.type.width)
        taken = [(c * self.dilation[1] * tall + r * self.dilation[0]) * pixel for r in range(self.taps[0]) for c in range(self.taps[1])]
        text = _VERILOG.format(
            header=header(self, module),
            module=module,
            ports=ports(self, registered=False),
            row_bits=row_bits - 1,
            column_bits=column_bits - 1,
            rows=rows,
            columns=columns,
            last_row=f"{row_bits}'d{rows - 1}",
            last_column=f"{column_bits}'d{columns - 1}",
            first_due_row=f"{row_bits}'d{tall - 1}",
            first_due_column=f"{column_bits}'d{wide - 1}",
            no_row=f"{row_bits}'d0",
            one_row=f"{row_bits}'d1",
            no_column=f"{column_bits}'d0",
            one_column=f"{column_bits}'d1",
            row_stride=f"{row_bits}'d{self.strides[0]}",
            column_stride=f"{column_bits}'d{self.strides[1]}",
            inside=self._inside(row_bits, column_bits),
            pixel_top=pixel - 1,
            outside=f"{{{self.source.values}{{{outside}}}}}",
            column_top=column - 1,
            lines=self._lines(column_bits),
            history_top=wide * column - 1,
            next_history=f"{{column, history[{wide * column - 1}:{column}]}}" if wide > 1 else "column",
            taken=",\n        ".join(f"history[{at + pixel - 1}:{at}]" for at in reversed(taken)),
            unused=self._unused(taken),
        )
        return {module: text}

    def _inside(self, row_bits: int, column_bits: int) -> str:
        """A condition: the place is a pixel and no padding."""
        found = []
        for axis, bits, n, (before, after) in zip(("row", "column"), (row_bits, column_bits), self.size, self.pads):
            if before:
                found.append(f"{axis}_at >= {bits}'d{before}")
            if after:
                found.append(f"{axis}_at < {bits}'d{before + n}")
        return " && ".join(found) or "1'b1"

    def _lines(self, column_bits: int) -> str:
        """What remembers the rows above."""
        pixel, above = self.source.width, (self.span[0] - 1) * self.source.width
        if not above:
            return f"    wire [{pixel - 1}:0] column = pixel;"
        top = above + pixel
        text = f"    wire [{top - 1}:0] column = {{pixel, above}};\n    reg [{above - 1}:0] above;\n"
        if self.padded[1] == 1:
            return f"{text}    always @(posedge clk) if (step) above <= column[{top - 1}:{pixel}];"
        index = bits_for(self.padded[1] - 1)
        at = "column_at" if index == column_bits else f"column_at[{index - 1}:0]"
        return (
            f"{text}    reg [{above - 1}:0] lines [0:{self.padded[1] - 1}];\n"
            f"    wire [{index - 1}:0] next_column = end_of_row ? {index}'d0 : {at} + {index}'d1;\n"
            "    always @(posedge clk) if (step) begin\n"
            f"        lines[{at}] <= column[{top - 1}:{pixel}];\n"
            f"        above <= lines[next_column];\n"
            "    end"
        )

    def _unused(self, taken: list[int]) -> str:
        """Names the bits that dilation steps over, for the linter."""
        pixel = self.source.width
        left = sorted(set(range(0, prod(self.span) * pixel, pixel)) - set(taken))
        if not left:
            return ""
        bits = ", ".join(f"history[{at + pixel - 1}:{at}]" for at in left)
        return f"    wire unused = &{{1'b0, {bits}}};\n"


_VERILOG = """\
{header}module {module} (
{ports});

    // The place in the padded image of {rows} x {columns} pixels, and the next one that ends a window.
    reg [{row_bits}:0] row_at;
    reg [{row_bits}:0] row_due;
    reg [{column_bits}:0] column_at;
    reg [{column_bits}:0] column_due;
    wire end_of_row = column_at == {last_column};
    wire end_of_image = end_of_row && row_at == {last_row};
    wire on_pixel = {inside};  // and no padding

    reg full;
    wire free = !full || out_ready;
    wire step = free && (in_valid || !on_pixel);
    assign in_ready = free && on_pixel;
    assign out_valid = full;

    always @(posedge clk) begin
        if (rst) begin
            full <= 1'b0;
            row_at <= {no_row};
            row_due <= {first_due_row};
            column_at <= {no_column};
            column_due <= {first_due_column};
        end else begin
            if (free) full <= step && row_at == row_due && column_at == column_due;
            if (step) begin
                column_at <= end_of_row ? {no_column} : column_at + {one_column};
                column_due <= end_of_row ? {first_due_column} : column_at == column_due ? column_due + {column_stride} : column_due;
                if (end_of_row) begin
                    row_at <= end_of_image ? {no_row} : row_at + {one_row};
                    row_due <= end_of_image ? {first_due_row} : row_at == row_due ? row_due + {row_stride} : row_due;
                end
            end
        end
    end

    // The pixel under those of the rows above it, the oldest in the lowest bits; then the last columns of them.
    wire [{pixel_top}:0] pixel = on_pixel ? in_data : {outside};
{lines}
    reg [{history_top}:0] history;
    always @(posedge clk) if (step) history <= {next_history};
{unused}
    assign out_data = {{
        {taken}
    }};
endmodule
"""
