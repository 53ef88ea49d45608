"""A network's Verilog on disk."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from ...errors import HardwareError, UnsupportedError
from ...integer import FixedType, IntegerNetwork
from .circuit import LEVELS, circuit

METADATA, KIND = "metadata.json", "fpgacompress rtl"


class Port(NamedTuple):
    """A value in a port of the Verilog: bits for its sign (0 or 1), above and below the binary point."""

    sign: int
    integer: int
    fraction: int

    @property
    def width(self) -> int:
        """All bits; the value is absent where there are none."""
        return self.sign + self.integer + self.fraction

    @classmethod
    def of(cls, kind: FixedType) -> Port:
        """A port that holds every value of a type."""
        return cls(int(kind.signed), kind.integer - int(kind.signed), kind.fraction)


class Written(Protocol):
    """Verilog of a network on disk, of either form: what synthesis and router need of it."""

    @property
    def folder(self) -> Path:
        """Of the project."""
        ...

    @property
    def name(self) -> str:
        """Of the top module."""
        ...

    @property
    def network(self) -> IntegerNetwork:
        """What it computes."""
        ...

    @property
    def sources(self) -> list[Path]:
        """The Verilog files."""
        ...


@dataclass(frozen=True)
class RtlProject:
    """Verilog of one network.

    Attributes:
        folder: of the project; the Verilog is in ``src``, with ``<name>.v`` at the top.
        name: of the top module. Its ports are ``model_inp`` and ``model_out``, all inputs and all outputs side by side, the first one in the
            lowest bits, and ``clk`` where there are registers.
        network: what it computes.
        inputs, outputs: of each value in the ports, in two's complement. An input that no weight reads and an output that is always 0
            have no bits.
        stages: cycles from the clock edge that takes an input to the one that puts out its result, with ``stages + 1`` rows of registers; a
            new input can be given in each cycle. 0: no registers.
        cells: full-adder bits, by da4ml's count; not LUT.
        register_bits: flip-flops, those of input and output included.
        adders: additions and subtractions of two values; those of constants are not counted.
    """

    folder: Path
    name: str
    network: IntegerNetwork
    inputs: list[Port]
    outputs: list[Port]
    stages: int
    cells: float
    register_bits: int
    adders: int

    @property
    def sources(self) -> list[Path]:
        """The Verilog files, the wrapper for simulation excepted."""
        return sorted(p for p in (self.folder / "src").rglob("*.v") if p.stem != f"{self.name}_wrapper")


def module_name(network: str) -> str:
    """A network's name as that of a module: letters, digits and underscores, and no word of Verilog or VHDL."""
    return "nn_" + re.sub(r"[^A-Za-z0-9_]", "_", network)


def generate(
    network: IntegerNetwork, folder: str | Path, *, levels: int = LEVELS, say: Callable[[str], None] = lambda text: None
) -> RtlProject:
    """Write a network as pipelined Verilog; an earlier project stays until the new one is complete.

    Args:
        network: dense layers, casts, clips and reshapes with exact sums.
        folder: of the project; must not exist, be empty, or hold an earlier one of this function.
        levels: levels of adders and multiplexers between two rows of registers (those that add a constant count as none); 0 for one block
            without registers.
        say: told of progress.

    Raises:
        UnsupportedError: an operation that is no adder graph, or outputs that no input reaches.
        HardwareError: ``folder`` holds something else or cannot be written, or ``levels`` is negative.
        ToolError: da4ml is not installed.
    """
    if levels < 0:
        raise HardwareError(f"{levels} levels between registers", expected="at least 1, or 0 for no registers")
    folder = Path(folder).resolve()
    check_place(folder)
    logic = circuit(network, say)
    from da4ml.codegen.rtl.rtl_model import RTLModel, get_io_kifs

    inputs, outputs = ([Port(*map(int, kind)) for kind in zip(*kinds)] for kinds in get_io_kifs(logic))
    if not any(port.width for port in inputs):
        raise UnsupportedError(f"no input of '{network.name}' reaches an output", expected="a network whose outputs are not constant")
    name = module_name(network.name)
    with written_whole(folder) as partial:
        model = RTLModel(logic, name, partial, "verilog", latency_cutoff=levels or -1, print_latency=False)
        model.write()
        for path in (*partial.glob("*.tcl"), *partial.rglob("*.xdc"), *partial.rglob("*.sdc")):  # for a part and a clock that nobody named
            path.unlink()
        pipe = model._pipe
        project = RtlProject(
            folder,
            name,
            network,
            inputs,
            outputs,
            stages=len(pipe.solutions) if pipe is not None else 0,
            cells=float(logic.cost),
            register_bits=int(pipe.reg_bits) if pipe is not None else 0,
            adders=sum(op.opcode in (0, 1) for op in logic.ops),
        )
        ports = {"inputs": [p._asdict() for p in inputs], "outputs": [p._asdict() for p in outputs]}
        told = {"kind": KIND, "network": network.name, "top": name, "levels": levels, "stages": project.stages, "ports": ports}
        (partial / METADATA).write_text(json.dumps(told, indent=1), "utf-8")
    return project


@contextlib.contextmanager
def written_whole(folder: Path) -> Iterator[Path]:
    """A new folder to write into, which takes the place of ``folder`` at the end; what was there stays until then, and when anything fails.

    Raises:
        HardwareError: it cannot be written.
    """
    partial = folder.with_name(f"{folder.name}.part")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        yield partial
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    except OSError as error:
        raise HardwareError(
            f"the project '{folder}' could not be written ({error})", do="give another folder with --out, or free space"
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def check_place(folder: Path) -> None:
    """Refuse a folder that is not the project's own.

    Raises:
        HardwareError: it is a file, the current folder, or holds other files.
    """
    if folder.exists() and not folder.is_dir():
        raise HardwareError(f"'{folder}' is a file", expected="a folder of the project's own")
    if folder == Path.cwd() or folder in Path.cwd().parents:
        raise HardwareError(
            f"'{folder}' is the folder you are in", expected="a folder of the project's own, which is written anew each time"
        )
    if folder.is_dir() and any(folder.iterdir()):
        try:
            ours = json.loads((folder / METADATA).read_text("utf-8")).get("kind") == KIND
        except (OSError, ValueError, AttributeError):
            ours = False
        if not ours:
            raise HardwareError(
                f"the folder '{folder}' holds other files", expected="an empty folder, or one that this command has written"
            )
