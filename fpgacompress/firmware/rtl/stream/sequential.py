"""A layer of many weights computed in turn: weights in a memory, a few multipliers, one accumulator for each output, zeros like any other weight."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ....integer import Node
from ....integer.operations.weighted import aligned
from .beats import Beats, bits_for, literal
from .products import product_bits, signed, summand, weight_bits
from .stage import header, ports


@dataclass(frozen=True, eq=False)
class Sequential:
    """Sums over several beats, or one. In a cycle ``inputs`` values of a beat meet the weights of ``lanes`` outputs.

    Attributes:
        name: of its module.
        source: beats of the layer's inputs.
        result: beats of ``lanes`` outputs.
        node: the layer; its kernel is a matrix ``(inputs of a sum, outputs)``.
        inputs: values of a beat in a cycle; divides those of the beat.
    """

    name: str
    source: Beats
    result: Beats
    node: Node
    inputs: int

    @property
    def lanes(self) -> int:
        """Outputs in a cycle."""
        return self.result.values

    @property
    def sums(self) -> int:
        """Sums of a sample, for each output."""
        return self.result.count // self.groups

    @property
    def beats(self) -> int:
        """Beats of a sum."""
        return self.source.count // self.sums

    @property
    def parts(self) -> int:
        """Cycles of a beat, for each group of outputs."""
        return self.source.values // self.inputs

    @property
    def groups(self) -> int:
        """Groups of outputs."""
        return self.node.shape[-1] // self.lanes

    @property
    def reuse(self) -> int:
        """Cycles of a sum: how often each multiplier is used."""
        return self.beats * self.parts * self.groups

    @property
    def cycles(self) -> int:
        """Of all sums of a sample."""
        return self.sums * self.reuse

    @property
    def multipliers(self) -> int:
        """Multipliers."""
        return self.inputs * self.lanes

    @cached_property
    def weight_bits(self) -> int:
        """Bits of a weight: those that the largest one needs."""
        assert self.node.kernel is not None
        return weight_bits(self.node.kernel.values)

    @property
    def memory_bits(self) -> int:
        """Of the weights."""
        return self.reuse * self.multipliers * self.weight_bits

    @property
    def what(self) -> str:
        """For people."""
        return (
            f"{self.node.name} ({self.node.op}) in turn: {self.multipliers} multipliers, reuse factor {self.reuse}, "
            f"{self.source.values * self.beats} x {self.node.shape[-1]} weights of {self.weight_bits} bits in a memory"
        )

    def words(self) -> list[int]:
        """The memory's words, in the order in which they are read; the weights of the first output are in the lowest bits."""
        assert self.node.kernel is not None
        order = self.node.kernel.values.reshape(self.beats * self.parts, self.inputs, self.groups, self.lanes).transpose(0, 2, 3, 1)
        rows = order.reshape(self.reuse, self.multipliers) & ((1 << self.weight_bits) - 1)
        return [sum(int(v) << i * self.weight_bits for i, v in enumerate(row)) for row in rows]

    def files(self, module: str) -> dict[str, str]:
        """See :class:`Stage`."""
        kind, out, address = self.source.type, self.result.type, bits_for(self.reuse - 1)
        word = self.multipliers * self.weight_bits
        shift = out.fraction - kind.fraction - self.node.kernel.type.fraction  # type: ignore[union-attr]
        _, bias = aligned(self.node, kind.fraction, out.fraction)
        biases = [
            sum(int(b) % (1 << out.width) << i * out.width for i, b in enumerate(row)) for row in bias.reshape(self.groups, self.lanes)
        ]
        lane_bits, product = self.lanes * out.width, product_bits(kind, self.weight_bits)
        all_bits = self.groups * lane_bits
        rotated = f"{{sums, total[{all_bits - 1}:{lane_bits}]}}" if self.groups > 1 else "sums"
        text = _VERILOG.format(
            header=header(self, module),
            module=module,
            ports=ports(self),
            memory_top=word - 1,
            depth_top=self.reuse - 1,
            contents="\n".join(f"        weights[{i}] = {literal(w, word)};" for i, w in enumerate(self.words())),
            address_top=address - 1,
            address_zero=f"{address}'d0",
            address_one=f"{address}'d1",
            last_address=f"{address}'d{self.reuse - 1}",
            last_pass=f"address >= {address}'d{self.reuse - self.groups}" if self.reuse > self.groups else "1'b1",
            first_pass=f"address < {address}'d{self.groups}" if self.reuse > self.groups else "1'b1",
            held_top=self.source.width - 1,
            steps=self._steps(),
            x_top=self.inputs * kind.width - 1,
            product_top=self.multipliers * product - 1,
            products="\n".join(self._product(i, j, product) for j in range(self.lanes) for i in range(self.inputs)),
            lane_top=lane_bits - 1,
            sums="\n".join(self._lane(j, product, shift) for j in range(self.lanes)),
            base=self._base(biases, lane_bits),
            total_top=all_bits - 1,
            rotated=rotated,
        )
        return {module: text}

    def _steps(self) -> str:
        """Which values of the held beat are read, and when the next beat may come."""
        width, part, group = self.inputs * self.source.type.width, bits_for(self.parts - 1), bits_for(self.groups - 1)
        top = self.source.width - 1
        lines, ends, always = [], [], "1'b1"
        if self.groups > 1:
            lines.append(f"    reg [{group - 1}:0] group_at;")
            lines.append(f"    wire last_group = group_at == {group}'d{self.groups - 1};")
            ends.append("last_group")
        if self.parts > 1:
            lines.append(f"    reg [{part - 1}:0] part_at;")
            lines.append(f"    wire last_part = part_at == {part}'d{self.parts - 1};")
            ends.append("last_part")
        lines.append(f"    wire beat_done = {' && '.join(ends) or always};")
        lines.append("    always @(posedge clk) begin")
        if self.groups > 1:
            lines.append(f"        if (rst) group_at <= {group}'d0;")
            lines.append(f"        else if (step) group_at <= last_group ? {group}'d0 : group_at + {group}'d1;")
        if self.parts > 1:
            moves = "step && last_group" if self.groups > 1 else "step"
            lines.append(f"        if (rst) part_at <= {part}'d0;")
            lines.append(f"        else if ({moves}) part_at <= last_part ? {part}'d0 : part_at + {part}'d1;")
        lines.append("        if (in_valid && in_ready) held <= in_data;")
        if self.parts > 1:
            lines.append(f"        else if ({moves}) held <= {{{width}'b0, held[{top}:{width}]}};")
        lines.append("    end")
        return "\n".join(lines)

    def _product(self, i: int, j: int, width: int) -> str:
        kind, n = self.source.type, j * self.inputs + i
        value = signed(f"x[{(i + 1) * kind.width - 1}:{i * kind.width}]", kind)
        weight = f"$signed(word[{(n + 1) * self.weight_bits - 1}:{n * self.weight_bits}])"
        return f"        products[{(n + 1) * width - 1}:{n * width}] <= {value} * {weight};"

    def _lane(self, j: int, product: int, shift: int) -> str:
        """One accumulator's next value: products brought to its width and binary point, added to what it was."""
        out = self.result.type.width
        found = [summand("products", (j * self.inputs + i) * product, product, out, shift) for i in range(self.inputs)]
        own = f"[{(j + 1) * out - 1}:{j * out}]"
        unused = ", ".join(left for _, left in found if left)
        line = f"\n    wire unused{j} = &{{1'b0, {unused}}};" if unused else ""
        return f"    assign sums{own} = base{own} + " + " + ".join(term for term, _ in found) + f";{line}"

    def _base(self, biases: list[int], bits: int) -> str:
        """What the accumulators start from, and what they go on from."""
        lines = []
        if self.groups == 1:
            lines.append(f"    wire [{bits - 1}:0] bias = {literal(biases[0], bits)};")
        else:
            group = bits_for(self.groups - 1)
            lines += [
                f"    reg [{bits - 1}:0] bias;",
                f"    reg [{group - 1}:0] group_of_word;",
                f"    reg [{group - 1}:0] group_of_products;",
            ]
            lines += [
                "    always @(posedge clk) if (move) begin",
                "        group_of_word <= group_at;",
                "        group_of_products <= group_of_word;",
            ]
            lines += ["    end", "    always @(*) begin", "        case (group_of_products)"]
            lines += [f"            {group}'d{i}: bias = {literal(b, bits)};" for i, b in enumerate(biases[:-1])]
            lines += [f"            default: bias = {literal(biases[-1], bits)};", "        endcase", "    end"]
        lines.append(f"    wire [{bits - 1}:0] base = first_products ? bias : total[{bits - 1}:0];")
        return "\n".join(lines)


_VERILOG = """\
{header}module {module} (
{ports});

    reg [{memory_top}:0] weights [0:{depth_top}];
    initial begin
{contents}
    end

    // A beat is held until all of its values have met all of their weights; each step reads one word of them.
    reg [{held_top}:0] held;
    reg busy;
    reg [{address_top}:0] address;
    reg word_valid, first_word, last_word;
    reg products_valid, first_products, last_products;
    wire move = !(products_valid && last_products && out_valid && !out_ready);  // else a result has no place to go to
    wire step = busy && move;
    assign in_ready = !busy || (move && beat_done);
{steps}

    always @(posedge clk) begin
        if (rst) begin
            busy <= 1'b0;
            address <= {address_zero};
            word_valid <= 1'b0;
            products_valid <= 1'b0;
            out_valid <= 1'b0;
        end else begin
            if (in_ready) busy <= in_valid;
            if (step) address <= address == {last_address} ? {address_zero} : address + {address_one};
            if (move) begin
                word_valid <= busy;
                products_valid <= word_valid;
            end
            if (move && products_valid && last_products) out_valid <= 1'b1;
            else if (out_ready) out_valid <= 1'b0;
        end
        if (move) begin
            first_word <= {first_pass};
            last_word <= {last_pass};
            first_products <= first_word;
            last_products <= last_word;
        end
    end

    reg [{memory_top}:0] word;
    reg [{x_top}:0] x;
    reg [{product_top}:0] products;
    always @(posedge clk) if (move) begin
        word <= weights[address];
        x <= held[{x_top}:0];
{products}
    end

    // The accumulators take turns: those in the lowest bits are added to and move to the top.
    reg [{total_top}:0] total;
    wire [{lane_top}:0] sums;
{base}
{sums}
    always @(posedge clk) if (move && products_valid) begin
        total <= {rotated};
        if (last_products) out_data <= sums;
    end
endmodule
"""
