"""Boards: what a part holds, read from the TOML files beside this module or from a file of the user's own."""

from __future__ import annotations

import importlib.metadata
import math
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import HardwareError
from ..registry import nearest

FOLDER = Path(__file__).with_name("boards")
GROUP = "fpgacompress.boards"
"""Entry-point group for boards of third parties; an entry point names a :class:`Board`."""

RESOURCES = ("lut", "ff", "dsp", "bram18")
"""Resources that every estimate is compared with."""

OPEN_RTL = "OpenRTL"
"""Flow of boards that the open tools reach (Yosys, nextpnr) with the Verilog of ``fpgacompress rtl``; other flows are hls4ml back ends."""

PRICES = ("under 50", "50 to 200", "200 to 1000", "above 1000")
"""Price classes, US dollars."""

BRAM18_BITS = 18 * 1024
"""Bits of an 18 Kb block RAM, parity included."""


@dataclass(frozen=True)
class Board:
    """An FPGA board (or a bare part) and its capacity.

    Attributes:
        name: as sold.
        part: the vendor tool's part name; case and dashes as Vivado writes it.
        family: device family, for example "zynq-7000" or "virtex-ultrascale+".
        lut: look-up tables with ``lut_inputs`` inputs.
        ff: flip-flops.
        dsp: DSP48 slices; on ECP5 and Gowin 18 x 18 multipliers, on iCE40 UltraPlus SB_MAC16.
        bram18: 18 Kb block RAMs that HLS can use (a 36 Kb tile counts twice); 0 where no HLS flow reaches the board.
        uram: 288 Kb UltraRAMs.
        speed_grade: as in the part name ("-1", "-2LV").
        clock_ns: clock period in ns used when a recipe names none.
        flows: hls4ml back ends that reach the board, and :data:`OPEN_RTL` where the open tools do.
        source: data sheet that the capacities come from.
        key: name in recipes; the file's name without ".toml".
        lut_inputs: inputs of a look-up table (6 on AMD parts; 4 on ECP5, iCE40 and Gowin, so their LUT are not comparable with AMD's).
        bram_bits: bits of all block RAMs, whatever their size, parity included, UltraRAM not; from ``bram18`` where the file names none.
        idle_w, typical_w: power of the whole board that its vendor publishes, W; of a published range the lower and the upper end. None:
            not published.
        power_source: where the vendor publishes it.
        price: one of :data:`PRICES`, or None.
        price_source: where the price comes from.
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
    lut_inputs: int = 6
    bram_bits: int | None = None
    idle_w: float | None = None
    typical_w: float | None = None
    power_source: str | None = None
    price: str | None = None
    price_source: str | None = None

    def __post_init__(self) -> None:
        if self.bram_bits is None:
            object.__setattr__(self, "bram_bits", self.bram18 * BRAM18_BITS)

    def capacity(self, resource: str) -> int:
        """How many of ``resource`` ("lut", "ff", "dsp", "bram18", "uram") the part has."""
        return int(getattr(self, resource))

    @property
    def hls(self) -> bool:
        """True when an hls4ml back end reaches the board."""
        return any(flow != OPEN_RTL for flow in self.flows)

    def require_hls(self) -> None:
        """Refuse a board that no HLS flow reaches: laws and estimates are those of hls4ml's designs on AMD parts.

        Raises:
            HardwareError: it points to ``fpgacompress rtl``.
        """
        if not self.hls:
            boards = [path.stem for path in sorted(FOLDER.glob("*.toml")) if read_board(path).hls]
            raise HardwareError(
                f"no HLS flow reaches {self.name} ({self.part}), so there is no hls4ml project and no estimate for it",
                expected=f"a board with an hls4ml back end: {', '.join(boards)}",
                do="place and route its Verilog: fpgacompress rtl NETWORK --synthesize --place --board NAME",
            )

    @property
    def ultrascale(self) -> bool:
        """True for UltraScale+ parts (DSP48E2, 16 nm), False for 7 series (DSP48E1, 28 nm).

        Raises:
            HardwareError: the board is neither, see :meth:`require_hls`. Every estimate and plan asks this first.
        """
        self.require_hls()
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

_OPTIONAL: dict[str, tuple[type, ...]] = {
    "lut_inputs": (int,),
    "bram_bits": (int,),
    "idle_w": (int, float),
    "typical_w": (int, float),
    "power_source": (str,),
    "price": (str,),
    "price_source": (str,),
}

_POSITIVE = ("lut", "ff", "clock_ns", "lut_inputs", "typical_w")


def _check(table: dict[str, Any], path: Path) -> Board:
    missing = [n for n in _TYPES if n not in table]
    known = _TYPES | _OPTIONAL
    unknown = [n for n in table if n not in known]
    if missing or unknown:
        hint = f"{nearest(unknown[0], missing or known)}" if unknown else ""
        wrong = ", ".join([f"'{n}' is missing" for n in missing] + [f"'{n}' is not a field" for n in unknown])
        raise HardwareError(f"{path}: {wrong}", expected=f"{hint}the fields {', '.join(_TYPES)}; optional are {', '.join(_OPTIONAL)}")
    for name, value in table.items():
        kinds = known[name]
        if not isinstance(value, kinds) or isinstance(value, bool):
            raise HardwareError(
                f"{path}: field '{name}' is {value!r}", expected=f"a value of type {' or '.join(k.__name__ for k in kinds)}"
            )
        if isinstance(value, (int, float)) and not (0 <= value < math.inf and (value or name not in _POSITIVE)):
            raise HardwareError(f"{path}: field '{name}' is {value}", expected="a positive number")
    if not all(isinstance(flow, str) for flow in table["flows"]):
        raise HardwareError(f"{path}: field 'flows' is {table['flows']!r}", expected='a list of hls4ml back ends such as ["Vitis"]')
    _check_claims(table, path)
    return Board(**{**table, "clock_ns": float(table["clock_ns"]), "flows": tuple(table["flows"]), "key": path.stem})


def _check_claims(table: dict[str, Any], path: Path) -> None:
    """Power and price: in order, and each with its source."""
    price = table.get("price")
    if price is not None and price not in PRICES:
        raise HardwareError(f"{path}: field 'price' is {price!r}", expected=f"{nearest(price, PRICES)}one of {', '.join(PRICES)}")
    for claim, source in (("idle_w", "power_source"), ("typical_w", "power_source"), ("price", "price_source")):
        if claim in table and not table.get(source):
            raise HardwareError(
                f"{path}: '{claim}' without '{source}'", expected="where the figure is published", do="name it, or leave it out"
            )
    if "typical_w" in table and table.get("idle_w", 0) > table["typical_w"]:
        raise HardwareError(
            f"{path}: 'idle_w' is {table['idle_w']}, above 'typical_w' {table['typical_w']}", expected="idle at most typical"
        )


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
