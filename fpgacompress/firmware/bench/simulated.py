"""A simulated board: Verilator runs the very top that goes into the bitstream, its serial line is a pseudo-terminal."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import tty
from pathlib import Path

from ...errors import HardwareError, ToolError
from ..rtl.simulation import verilate
from .files import REMAKE, Bench

BIT_CYCLES, SILENCE_CYCLES = 8, 65_536
"""Cycles of the simulated clock in a bit, and those of silence that end a broken command; on a real board both are longer."""

HARNESS = """\
// The host's end of a serial line, cycle by cycle: bytes from standard input go to rx, bytes from tx to standard output. Written by fpgacompress.
#include "VTOP.h"
#include "verilated.h"
#include <cstdlib>
#include <poll.h>
#include <unistd.h>
#include <vector>

static const int MORE = 256;  // cycles between two looks at the input

int main(int argc, char** argv) {
    const long bit = atol(argv[1]), silence = atol(argv[2]), longest = atol(argv[3]);
    Verilated::randReset(2);  // registers without a start value hold anything
    VTOP top;
    std::vector<unsigned char> waiting;
    size_t next = 0;
    long out_left = 0, out_bits = 0, out_count = 0;        // to rx: bits of a byte that are left
    long in_place = 0, in_byte = 0, in_count = 0;          // from tx
    long idle = 0, patience = 2 * silence;                 // cycles since anything moved; after so many nothing will
    for (long cycle = 0;; cycle++) {
        if (cycle % MORE == 0) {
            pollfd input = {0, POLLIN, 0};
            while (poll(&input, 1, idle > patience ? -1 : 0) > 0) {
                unsigned char bytes[4096];
                const ssize_t count = read(0, bytes, sizeof bytes);
                if (count <= 0) return 0;
                if (next == waiting.size()) waiting.clear(), next = 0;
                waiting.insert(waiting.end(), bytes, bytes + count);
                idle = 0;
            }
        }
        if (out_left == 0 && next < waiting.size()) {
            out_bits = 0x200 | waiting[next++] << 1;
            out_left = 10, out_count = bit;
        }
        if (out_left > 0) {
            top.rx = out_bits & 1;
            if (--out_count == 0) out_bits >>= 1, out_left--, out_count = bit;
            idle = 0, patience = silence + longest;
        } else {
            top.rx = 1;
        }
        top.clk = 0;
        top.eval();
        top.clk = 1;
        top.eval();
        idle++;
        if (in_place == 0) {
            if (!top.tx) in_place = 1, in_byte = 0, in_count = bit + bit / 2;
        } else if (--in_count == 0) {
            in_count = bit;
            if (in_place <= 8) {
                in_byte |= (top.tx & 1) << (in_place - 1);
                in_place++;
            } else {
                const unsigned char byte = in_byte;
                if (top.tx && write(1, &byte, 1) != 1) return 1;
                in_place = 0;
            }
            idle = 0, patience = 2 * silence;
        }
    }
}
"""


class SimulatedBoard:
    """A board that is none. A context manager; the simulation ends with it.

    Args:
        bench: the design; its Verilog is compiled at once (some seconds for small networks).
        core_cycles: that a network with handshake may take for a sample; None: as on the board.

    Attributes:
        port: name of the pseudo-terminal, such as "/dev/pts/3"; any baud rate will do.

    Raises:
        ToolError: Verilator or a C++ compiler is missing, or one of them failed (with the first error).
    """

    def __init__(self, bench: Bench, *, core_cycles: int | None = None) -> None:
        self._place = tempfile.TemporaryDirectory(prefix="fpgacompress-board-")
        try:
            program = _compiled(bench, Path(self._place.name), core_cycles)
            self._board, self._host = os.openpty()
            tty.setraw(self._host)
            self.port = os.ttyname(self._host)
            longest = bench.core_cycles if core_cycles is None else core_cycles
            command = [str(program), str(BIT_CYCLES), str(SILENCE_CYCLES), str(longest)]
            self._process = subprocess.Popen(command, stdin=self._board, stdout=self._board, cwd=bench.project)
        except BaseException:
            self._place.cleanup()
            raise

    def __enter__(self) -> SimulatedBoard:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def wait(self) -> None:
        """Until the simulation ends, which it does not by itself.

        Raises:
            ToolError: it ended.
        """
        status = self._process.wait()
        raise ToolError(f"the simulation ended with status {status}")

    def close(self) -> None:
        """End the simulation."""
        self._process.kill()
        self._process.wait()
        os.close(self._board)
        os.close(self._host)
        self._place.cleanup()


def _compiled(bench: Bench, folder: Path, core_cycles: int | None) -> Path:
    """The simulation as a program in a folder of its own, since Make knows no spaces in paths."""
    try:
        for name in bench.verilog:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(bench.project / name, folder / name)
    except OSError as error:
        raise HardwareError(f"the Verilog of '{bench.project}' cannot be read ({error})", do=REMAKE) from None
    (folder / "host.cpp").write_text(HARNESS, "utf-8")
    parameters = {"BIT_CYCLES": BIT_CYCLES, "SILENCE_CYCLES": SILENCE_CYCLES} | (
        {} if core_cycles is None else {"CORE_CYCLES": core_cycles}
    )
    options = ["--exe", "-Wno-fatal", *(f"-G{name}={value}" for name, value in parameters.items())]
    top, log = Path(bench.verilog[0]).stem, folder / "verilator.log"
    verilate(folder, top, "VTOP", [*bench.verilog, "host.cpp"], log=log, options=options, optimize="-O1")
    return folder / "obj_dir" / "VTOP"
