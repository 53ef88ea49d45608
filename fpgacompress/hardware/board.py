"""Boards: what a part holds, read from the TOML files beside this module or from a file of the user's own."""

from __future__ import annotations

import importlib.metadata
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ..errors import HardwareError
from ..registry import nearest

FOLDER = Path(__file__).with_name("boards")
GROUP = "fpgacompress.boards"
"""Entry-point group for boards of third parties; an entry point names a :class:`Board`."""

RESOURCES = ("lut", "ff", "dsp", "bram18")
"""Resources that every estimate is compared with."""


@dataclass(frozen=True)
class Board:
    """An FPGA board (or a bare part) and its capacity.

    Attributes:
        name: as sold.
        part: the vendor tool's part name; case and dashes as Vivado writes it.
        family: device family, for example "zynq-7000" or "virtex-ultrascale+".
        lut: 6-input look-up tables.
        ff: flip-flops.
        dsp: DSP48 slices.
        bram18: 18 Kb block RAMs (a 36 Kb tile counts twice).
        uram: 288 Kb UltraRAMs.
        speed_grade: as in the part name ("-1", "-2LV").
        clock_ns: clock period in ns used when a recipe names none.
        flows: hls4ml back ends that reach the board.
        source: data sheet that the capacities come from.
        key: name in recipes; the file's name without ".toml".
    """

    name: str
    part: str
    family: str
    lut: int
    ff: int
    dsp: int
    bram18: int
    uram: int
    speed_grade: str
    clock_ns: float
    flows: tuple[str, ...]
    source: str
    key: str = ""

    def capacity(self, resource: str) -> int:
        """How many of ``resource`` ("lut", "ff", "dsp", "bram18", "uram") the part has."""
        return int(getattr(self, resource))

    @property
    def ultrascale(self) -> bool:
        """True for UltraScale+ parts (DSP48E2, 16 nm), False for 7 series (DSP48E1, 28 nm)."""
        return "ultrascale" in self.family


_TYPES: dict[str, tuple[type, ...]] = {
    "name": (str,),
    "part": (str,),
    "family": (str,),
    "speed_grade": (str,),
    "source": (str,),
    "lut": (int,),
    "ff": (int,),
    "dsp": (int,),
    "bram18": (int,),
    "uram": (int,),
    "clock_ns": (int, float),
    "flows": (list,),
}


def _check(table: dict[str, Any], path: Path) -> Board:
    missing = [n for n in _TYPES if n not in table]
    unknown = [n for n in table if n not in _TYPES]
    if missing or unknown:
        hint = f"{nearest(unknown[0], missing or _TYPES)}" if unknown else ""
        wrong = ", ".join([f"'{n}' is missing" for n in missing] + [f"'{n}' is not a field" for n in unknown])
        raise HardwareError(f"{path}: {wrong}", expected=f"{hint}the fields {', '.join(_TYPES)}")
    for name, kinds in _TYPES.items():
        value = table[name]
        if not isinstance(value, kinds) or isinstance(value, bool):
            raise HardwareError(
                f"{path}: field '{name}' is {value!r}", expected=f"a value of type {' or '.join(k.__name__ for k in kinds)}"
            )
        if isinstance(value, (int, float)) and (value < 0 or (value == 0 and name in ("lut", "ff", "clock_ns"))):
            raise HardwareError(f"{path}: field '{name}' is {value}", expected="a positive number")
    if not all(isinstance(flow, str) for flow in table["flows"]):
        raise HardwareError(f"{path}: field 'flows' is {table['flows']!r}", expected='a list of hls4ml back ends such as ["Vitis"]')
    values = {**table, "clock_ns": float(table["clock_ns"]), "flows": tuple(table["flows"]), "key": path.stem}
    return Board(**{f.name: values[f.name] for f in fields(Board)})


def read_board(path: str | Path) -> Board:
    """Read a board's TOML file.

    Raises:
        HardwareError: the file is missing, is not TOML, or a field is missing, unknown or of the wrong type.
    """
    path = Path(path)
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise HardwareError(
            f"board file {path} cannot be read ({error.strerror})", do="give a board's name or the path of its TOML file"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise HardwareError(f"board file {path} is not TOML: {error}", do=f"compare it with {FOLDER / 'pynq-z2.toml'}") from None
    return _check(table, path)


def _third_party() -> dict[str, Any]:
    return {entry.name: entry for entry in importlib.metadata.entry_points(group=GROUP)}


def board_names() -> list[str]:
    """Names of all known boards, sorted: one per TOML file, and those of third parties."""
    return sorted({path.stem for path in FOLDER.glob("*.toml")} | set(_third_party()))


def load_board(board: str | Path | Board) -> Board:
    """The board of that name, or the one in a user's own TOML file.

    Args:
        board: a name from :func:`board_names`, a path ending in ".toml", or a board (returned as it is).

    Raises:
        HardwareError: no such board; the message names the nearest one and lists all.
    """
    if isinstance(board, Board):
        return board
    text = str(board)
    if text.endswith(".toml"):
        return read_board(text)
    path = FOLDER / f"{text}.toml"
    if text in {p.stem for p in FOLDER.glob("*.toml")}:
        return read_board(path)
    others = _third_party()
    if text in others:
        return others[text].load()
    names = board_names()
    raise HardwareError(
        f"there is no board '{text}'",
        expected=f"{nearest(text.lower().replace('_', '-'), names)}one of {', '.join(names)}",
        do="for a board of your own, write its TOML file and give its path",
    )
