"""A dense layer as a list of its weights that are not zero: inputs in memories, one for each multiplier, and an accumulator for each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ....integer import Node
from ....integer.intervals import Range
from ....integer.operations.weighted import aligned
from .beats import Beats, bits_for, literal
from .products import product_bits, signed, summand, weight_bits
from .stage import header, ports


def rounds_of(matrix: np.ndarray, lanes: int) -> tuple[np.ndarray, list[int]]:
    """Which outputs are summed at the same time: those with about as many weights.

    Args:
        matrix: ``(inputs, outputs)``.
        lanes: outputs of a round; divides them.

    Returns:
        Outputs ``(rounds, lanes)`` and cycles of each round.
    """
    counts = np.count_nonzero(matrix, axis=0)
    outputs = (np.arange(counts.size) if lanes == counts.size else np.argsort(-counts, kind="stable")).reshape(-1, lanes)
    return outputs, np.maximum(counts[outputs].max(axis=1), 1).tolist()


@dataclass(frozen=True, eq=False)
class Sparse:
    """A sum over all beats of a sample. One output a lane at a time; each cycle one weight of each lane meets its input.

    Attributes:
        name: of its module.
        source: beats of the inputs.
        node: the layer; its kernel is ``(inputs, outputs)``, inputs as they come.
        lanes: outputs at a time; divides the outputs.
        range: stored integers of each output, arrays ``(outputs,)``.
    """

    name: str
    source: Beats
    node: Node
    lanes: int
    range: Range

    @cached_property
    def rounds(self) -> tuple[np.ndarray, list[int]]:
        """See :func:`rounds_of`."""
        assert self.node.kernel is not None
        return rounds_of(self.node.kernel.values, self.lanes)

    @cached_property
    def result(self) -> Beats:
        """A beat for each round."""
        outputs, _ = self.rounds
        found = Range(self.range.low[outputs].min(0), self.range.high[outputs].max(0))
        return Beats(self.node.name, self.node.out, len(outputs), found, outputs.ravel() if len(outputs) > 1 else None)

    @property
    def steps(self) -> int:
        """Words of the list."""
        return sum(self.rounds[1])

    @property
    def cycles(self) -> int:
        """Inputs of the next sample come in while the list is read."""
        return max(self.steps, self.source.count)

    @property
    def multipliers(self) -> int:
        """One for each lane."""
        return self.lanes

    @cached_property
    def weight_bits(self) -> int:
        """Bits of a weight: those that the largest one needs."""
        assert self.node.kernel is not None
        return weight_bits(self.node.kernel.values)

    @property
    def index_bits(self) -> int:
        """Bits of an input's place."""
        return bits_for(self.source.count - 1) + (bits_for(self.source.values - 1) if self.source.values > 1 else 0)

    @property
    def word(self) -> int:
        """Bits of a word of the list."""
        return self.lanes * (self.index_bits + self.weight_bits) + 1

    @property
    def memory_bits(self) -> int:
        """Of the list and of the inputs, two samples in each lane."""
        return self.steps * self.word + 2 * self.lanes * (1 << bits_for(self.source.count - 1)) * self.source.width

    @property
    def what(self) -> str:
        """For people."""
        assert self.node.kernel is not None
        return (
            f"{self.node.name} ({self.node.op}) from a list of its {self.node.kernel.nonzeros:,} weights that are not zero, of "
            f"{self.node.kernel.values.size:,}: {self.lanes} multipliers, {self.steps} words"
        )

    def words(self) -> list[int]:
        """The list: in each word, from the lowest bit, the end of a round, then index and weight of each lane."""
        assert self.node.kernel is not None
        kernel, found = self.node.kernel.values, []
        place = bits_for(self.source.values - 1) if self.source.values > 1 else 0
        for outputs, length in zip(*self.rounds):
            table = np.zeros((length, self.lanes, 2), np.int64)
            for lane, output in enumerate(outputs):
                rows = np.flatnonzero(kernel[:, output])
                table[: len(rows), lane, 0] = (rows // self.source.values << place) + rows % self.source.values
                table[: len(rows), lane, 1] = kernel[rows, output] & ((1 << self.weight_bits) - 1)
            for i, row in enumerate(table):
                word = int(i == length - 1)
                for lane, (index, weight) in enumerate(row.tolist()):
                    word |= (index | weight << self.index_bits) << 1 + lane * (self.index_bits + self.weight_bits)
                found.append(word)
        return found

    def files(self, module: str) -> dict[str, str]:
        """See :class:`Stage`."""
        kind, out, address, beat = self.source.type, self.node.out, bits_for(self.steps - 1), bits_for(self.source.count - 1)
        product = product_bits(kind, self.weight_bits)
        shift = out.fraction - kind.fraction - self.node.kernel.type.fraction  # type: ignore[union-attr]
        text = _VERILOG.format(
            header=header(self, module),
            module=module,
            ports=ports(self),
            word_top=self.word - 1,
            steps_top=self.steps - 1,
            contents="\n".join(f"        list[{i}] = {literal(w, self.word)};" for i, w in enumerate(self.words())),
            address_top=address - 1,
            address_zero=f"{address}'d0",
            address_one=f"{address}'d1",
            last_address=f"{address}'d{self.steps - 1}",
            beat_top=beat - 1,
            beat_zero=f"{beat}'d0",
            beat_one=f"{beat}'d1",
            last_beat=f"{beat}'d{self.source.count - 1}",
            bias=self._bias(),
            lanes="\n".join(self._lane(i, beat, product, shift) for i in range(self.lanes)),
            total_top=self.lanes * out.width - 1,
        )
        return {module: text}

    def _bias(self) -> str:
        """What the sums of a round start from."""
        width, (outputs, _) = self.node.out.width, self.rounds
        _, bias = aligned(self.node, self.source.type.fraction, self.node.out.fraction)
        words = [sum(int(bias[o]) % (1 << width) << i * width for i, o in enumerate(row)) for row in outputs]
        top, bits = self.lanes * width - 1, bits_for(len(words) - 1)
        if len(words) == 1:
            return f"    wire [{top}:0] bias = {literal(words[0], top + 1)};"
        lines = [
            f"    reg [{bits - 1}:0] round;",
            f"    reg [{top}:0] bias;",
            "    always @(posedge clk) begin",
            f"        if (rst) round <= {bits}'d0;",
            f"        else if (move && product_valid && product_last) round <= round == {bits}'d{len(words) - 1} ? {bits}'d0 : round + {bits}'d1;",
            "    end",
            "    always @(*) begin",
            "        case (round)",
        ]
        lines += [f"            {bits}'d{i}: bias = {literal(w, top + 1)};" for i, w in enumerate(words[:-1])]
        lines += [f"            default: bias = {literal(words[-1], top + 1)};", "        endcase", "    end"]
        return "\n".join(lines)

    def _lane(self, i: int, beat: int, product: int, shift: int) -> str:
        out, source = self.node.out.width, self.source
        at, own = 1 + i * (self.index_bits + self.weight_bits), f"[{(i + 1) * out - 1}:{i * out}]"
        place = self.index_bits - beat
        depth = 2 << beat
        lines = [
            f"    // lane {i}",
            f"    reg [{source.width - 1}:0] inputs{i} [0:{depth - 1}];",
            f"    reg [{source.width - 1}:0] read{i};",
            f"    reg signed [{self.weight_bits - 1}:0] weight{i};",
            f"    reg signed [{product - 1}:0] product{i};",
        ]
        reading = f"inputs{i}[{{word_half, word[{at + self.index_bits - 1}:{at + place}]}}]"
        lines += [
            "    always @(posedge clk) begin",
            f"        if (take) inputs{i}[{{filling, beat_at}}] <= in_data;",
            "        if (move) begin",
            f"            read{i} <= {reading};",
            f"            weight{i} <= word[{at + self.index_bits + self.weight_bits - 1}:{at + self.index_bits}];",
            f"            product{i} <= {self._value(i)} * weight{i};",
            "        end",
            "    end",
        ]
        if place:
            lines.insert(
                5, f"    reg [{place - 1}:0] place{i};\n    always @(posedge clk) if (move) place{i} <= word[{at + place - 1}:{at}];"
            )
        term, left = summand(f"product{i}", 0, product, out, shift)
        lines.append(f"    assign sums{own} = (product_first ? bias{own} : total{own}) + {term};")
        if left:
            lines.append(f"    wire unused{i} = &{{1'b0, {left}}};")
        return "\n".join(lines)

    def _value(self, i: int) -> str:
        """The input that a lane has read, as a signed number."""
        kind, source = self.source.type, self.source
        value = f"read{i}" if source.values == 1 else f"read{i}[place{i} * {kind.width} +: {kind.width}]"
        return signed(value, kind)


_VERILOG = """\
{header}module {module} (
{ports});

    // The list of weights: in each word the end of a round (bit 0), then for each lane the place of its input and its weight.
    reg [{word_top}:0] list [0:{steps_top}];
    initial begin
{contents}
    end

    // The inputs of one sample come into one half of the memories while those of the sample before are read from the other.
    reg filling, half;
    reg [1:0] full;
    reg [{beat_top}:0] beat_at;
    assign in_ready = !full[filling];
    wire take = in_valid && in_ready;
    wire filled = take && beat_at == {last_beat};

    reg [{address_top}:0] address;
    reg word_valid, word_half, word_done, read_valid, read_last, read_first, product_valid, product_last, product_first, next_first;
    wire move = !(product_valid && product_last && out_valid && !out_ready);  // else a result has no place to go to
    wire step = full[half] && move;
    wire done = step && address == {last_address};
    wire release_half = move && word_valid && word_done;  // behind the last reading of it
    always @(posedge clk) begin
        if (rst) begin
            filling <= 1'b0;
            half <= 1'b0;
            full <= 2'b0;
            beat_at <= {beat_zero};
            address <= {address_zero};
            word_valid <= 1'b0;
            read_valid <= 1'b0;
            product_valid <= 1'b0;
            next_first <= 1'b1;
            out_valid <= 1'b0;
        end else begin
            if (take) beat_at <= filled ? {beat_zero} : beat_at + {beat_one};
            if (filled) filling <= !filling;
            if (done) half <= !half;
            full <= (full | {{filled && filling, filled && !filling}}) & ~{{release_half && word_half, release_half && !word_half}};
            if (step) address <= done ? {address_zero} : address + {address_one};
            if (move) begin
                word_valid <= step;
                read_valid <= word_valid;
                product_valid <= read_valid;
                if (word_valid) next_first <= word[0];
            end
            if (move && product_valid && product_last) out_valid <= 1'b1;
            else if (out_ready) out_valid <= 1'b0;
        end
        if (move) begin
            word_half <= half;
            word_done <= done;
            read_last <= word[0];
            read_first <= next_first;
            product_last <= read_last;
            product_first <= read_first;
        end
    end

    reg [{word_top}:0] word;
    always @(posedge clk) if (move) word <= list[address];

    reg [{total_top}:0] total;
    wire [{total_top}:0] sums;
{bias}
{lanes}
    always @(posedge clk) if (move && product_valid) begin
        total <= sums;
        if (product_last) out_data <= sums;
    end
endmodule
"""
