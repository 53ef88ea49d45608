"""A wrapper that gives a network few pins: inputs shifted in and outputs shifted out bit by bit, as a SPI device.

A network's ports are hundreds of bits wide, a package has some dozen pins. Only a design with few pins can be placed, routed and loaded into a
part; the wrapper's registers stand on both sides of the network, so the clock that the router finds is that of the network's own pipeline
(as long as the wrapper's few gates are not slower, which the router's report shows).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .project import RtlProject

CONTROL_BITS = 11
"""Flip-flops of the wrapper besides those of inputs and outputs: pins taken over (3 + 3 + 2), ``shift``, ``load`` and ``bit_in``."""

PINS = ("clk", "sck", "cs_n", "mosi", "miso")
"""Ports of the wrapper; the last one is its only output."""

_VERILOG = """\
`timescale 1 ns / 1 ps

// {name}: the network {network} with five pins instead of {ports} bits. Written by fpgacompress.
//
// A SPI device, mode 0, bit 0 of model_inp first. While cs_n is low, each rising edge of sck shifts one bit of the next input in (mosi) and one
// bit of the last result out (miso). The order of one transfer:
//   1. cs_n falls: the result of the input before is taken over from the network; its bit 0 is on miso.
//   2. {inputs} rising edges of sck: the input, its bit 0 first; the result leaves with the first {outputs} of them (zeros follow). Where a
//      result has more bits than an input, more edges read the rest, and the last {inputs} bits sent are the input.
//   3. cs_n rises: the input is complete. Its result is ready {ready} cycles of clk later; keep cs_n high for at least {pause} cycles.
// sck stays low and high for at least 4 cycles of clk each; cs_n falls at least 8 cycles before the first edge of sck. There is no reset: the
// first transfer reads a result that belongs to no input.
//
// Its own flip-flops: {inputs} of the input, {outputs} of the result, {control} for the pins.
module {name} (
    input clk,
    input sck,
    input cs_n,
    input mosi,
    output miso
);

    // The pins, taken over by clk: two registers against metastability, a third one where an edge is looked for.
    reg [2:0] sck_seen;
    reg [2:0] cs_n_seen;
    reg [1:0] mosi_seen;
    // For one cycle each: shift at a rising edge of sck, load at a falling edge of cs_n.
    reg shift;
    reg load;
    reg bit_in;

    always @(posedge clk) begin
        sck_seen <= {{sck_seen[1:0], sck}};
        cs_n_seen <= {{cs_n_seen[1:0], cs_n}};
        mosi_seen <= {{mosi_seen[0], mosi}};
        shift <= sck_seen[1] & ~sck_seen[2] & ~cs_n_seen[1];
        load <= cs_n_seen[2] & ~cs_n_seen[1];
        bit_in <= mosi_seen[1];
    end

    reg [{last_input}:0] inputs;
    reg [{last_output}:0] outputs;
    wire [{last_output}:0] results;

    always @(posedge clk) begin
        if (shift) inputs <= {next_inputs};
        if (load) outputs <= results;
        else if (shift) outputs <= {next_outputs};
    end

    assign miso = outputs[0];

    {network} network ({clock}.model_inp(inputs), .model_out(results));
endmodule
"""


@dataclass(frozen=True)
class SerialWrapper:
    """Verilog of a wrapper.

    Attributes:
        path: the file.
        name: of its module, the top of what is placed.
        inputs, outputs: bits of the network's ports.
    """

    path: Path
    name: str
    inputs: int
    outputs: int

    @property
    def ff(self) -> int:
        """Flip-flops of the wrapper itself: one for each bit of input and output, and those for the pins."""
        return self.inputs + self.outputs + CONTROL_BITS


def _shifted(register: str, width: int, bit: str) -> str:
    """A register moved by one bit towards bit 0, with ``bit`` at its top."""
    return bit if width == 1 else f"{{{bit}, {register}[{width - 1}:1]}}"


def write_wrapper(project: RtlProject, folder: Path) -> SerialWrapper:
    """Write a project's wrapper, ``<top>_serial.v``; the network's own files stay as they are.

    Args:
        project: Verilog of the network.
        folder: that gets the file; made where it is missing.
    """
    inputs, outputs = (sum(port.width for port in ports) for ports in (project.inputs, project.outputs))
    name = f"{project.name}_serial"
    rows = project.stages + 1 if project.stages else 0  # of registers in the network
    text = _VERILOG.format(
        name=name,
        network=project.name,
        ports=inputs + outputs,
        inputs=inputs,
        outputs=outputs,
        last_input=inputs - 1,
        last_output=outputs - 1,
        next_inputs=_shifted("inputs", inputs, "bit_in"),
        next_outputs=_shifted("outputs", outputs, "1'b0"),
        control=CONTROL_BITS,
        ready=rows,
        pause=rows + 8,
        clock=".clk(clk), " if rows else "",
    )
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.v"
    path.write_text(text, "utf-8")
    return SerialWrapper(path, name, inputs, outputs)
