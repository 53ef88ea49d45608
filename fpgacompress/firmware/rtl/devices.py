"""Boards that the open tools place and route for: the router's arguments, and the pins of the serial wrapper and of the UART top."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...errors import HardwareError
from ...hardware.board import OPEN_RTL, Board, board_names, load_board
from ...registry import nearest


@dataclass(frozen=True)
class Family:
    """What is common to the parts of one router.

    Attributes:
        target: of the synthesis, in :data:`fpgacompress.firmware.rtl.TARGETS`.
        router, packer: in :data:`fpgacompress.firmware.rtl.programs.PROGRAMS`.
        luts: cells of the router's report that take the place of a look-up table; the first one has as many sites as the part has tables.
        ff: cell of the report that is a flip-flop; None where the report has none.
        what: definition of the LUT figure.
        constraints, layout, bitstream: endings of the files with the pins, of what the router writes, and of what the part loads.
        pin: lines of the file with the pins for one port, with ``{port}`` and ``{pin}``.
        files: the router's arguments for ``{pins}`` and ``{layout}``.
        pack: the packer's arguments with ``{layout}``, ``{bitstream}`` and, where it wants one, the ``{part}``.
    """

    target: str
    router: str
    packer: str
    luts: tuple[str, ...]
    ff: str | None
    what: str
    constraints: str
    layout: str
    bitstream: str
    pin: str
    files: tuple[str, ...]
    pack: tuple[str, ...]


ECP5 = Family(
    "ecp5",
    "nextpnr-ecp5",
    "ecppack",
    ("TRELLIS_COMB",),
    "TRELLIS_FF",
    "TRELLIS_COMB: LUT4, two for each carry cell, and what ties a chain to the logic",
    ".lpf",
    ".config",
    ".bit",
    'LOCATE COMP "{port}" SITE "{pin}";\nIOBUF PORT "{port}" IO_TYPE=LVCMOS33;\n',
    ("--lpf", "{pins}", "--textcfg", "{layout}"),
    ("--compress", "--input", "{layout}", "--bit", "{bitstream}"),
)
ICE40 = Family(
    "ice40",
    "nextpnr-ice40",
    "icepack",
    ("ICESTORM_LC",),
    None,
    "ICESTORM_LC: cells of a LUT4, its carry and a flip-flop, whichever of them is used",
    ".pcf",
    ".asc",
    ".bin",
    "set_io {port} {pin}\n",
    ("--pcf", "{pins}", "--asc", "{layout}"),
    ("{layout}", "{bitstream}"),
)
GOWIN = Family(
    "gowin",
    "nextpnr-himbaechel",
    "gowin_pack",
    ("LUT4", "ALU"),
    "DFF",
    "LUT4 and ALU, which takes a LUT4's place",
    ".cst",
    "-layout.json",
    ".fs",
    'IO_LOC "{port}" {pin};\nIO_PORT "{port}" IO_TYPE=LVCMOS33;\n',
    ("--vopt", "cst={pins}", "--write", "{layout}"),
    ("-d", "{part}", "-o", "{bitstream}", "{layout}"),
)


@dataclass(frozen=True)
class Wiring:
    """Pins of a top.

    Attributes:
        pins: pin of each port; all at 3.3 V.
        where: where these pins are on the board.
        source: public file that says so.
    """

    pins: Mapping[str, str]
    where: str
    source: str


@dataclass(frozen=True)
class Device:
    """A board as router and packer know it.

    Attributes:
        family: its tools.
        router: the router's arguments for the part.
        pins: pin of each port of the serial wrapper; all at 3.3 V.
        where: where these pins are on the board.
        source: public file that says so.
        uart: the same of the UART top, which is at the board's USB-serial bridge; ``rx`` is what the part receives.
        part: name of the part for the packer, where it wants one.
    """

    family: Family
    router: tuple[str, ...]
    pins: Mapping[str, str]
    where: str
    source: str
    uart: Wiring
    part: str = ""

    @property
    def serial(self) -> Wiring:
        """Pins of the serial wrapper."""
        return Wiring(self.pins, self.where, self.source)


def _pins(clk: str, sck: str, cs_n: str, mosi: str, miso: str) -> dict[str, str]:
    return {"clk": clk, "sck": sck, "cs_n": cs_n, "mosi": mosi, "miso": miso}


def _uart(clk: str, rx: str, tx: str, where: str, source: str) -> Wiring:
    return Wiring({"clk": clk, "rx": rx, "tx": tx}, where, source)


_ULX3S = (
    _pins("G2", "B11", "C11", "A10", "A11"),
    "25 MHz oscillator; header J1: sck gp[0], cs_n gn[0], mosi gp[1], miso gn[1]",
    "github.com/emard/ulx3s, doc/constraints/ulx3s_v20.lpf",
    _uart(
        "G2",
        "M1",
        "L4",
        "25 MHz oscillator; USB connector US1 (FT231X), the board's only serial port",
        "github.com/emard/ulx3s, doc/constraints/ulx3s_v20.lpf (ftdi_txd is what the FPGA receives)",
    ),
)
DEVICES = {
    "ulx3s-25f": Device(ECP5, ("--25k", "--package", "CABGA381", "--speed", "6"), *_ULX3S),
    "ulx3s-85f": Device(ECP5, ("--85k", "--package", "CABGA381", "--speed", "6"), *_ULX3S),
    "ice40-hx8k": Device(
        ICE40,
        ("--hx8k", "--package", "ct256"),
        _pins("J3", "T15", "R16", "N12", "P13"),
        "12 MHz oscillator; right end of header J3: sck T15, cs_n R16, mosi N12, miso P13",
        "github.com/YosysHQ/picorv32, picosoc/hx8kdemo.pcf",
        _uart(
            "J3",
            "B10",
            "B12",
            "12 MHz oscillator; USB connector (FT2232H, channel B), the second of the board's two serial ports",
            "github.com/YosysHQ/picorv32, picosoc/hx8kdemo.pcf",
        ),
    ),
    "icebreaker": Device(
        ICE40,
        ("--up5k", "--package", "sg48"),
        _pins("35", "45", "4", "2", "47"),
        "12 MHz oscillator; connector PMOD 1A in the order of SPI: cs_n P1A1, mosi P1A2, miso P1A3, sck P1A4",
        "github.com/YosysHQ/icestorm, examples/icebreaker/icebreaker.pcf",
        _uart(
            "35",
            "6",
            "9",
            "12 MHz oscillator; USB connector (FT2232H, channel B), the second of the board's two serial ports",
            "github.com/YosysHQ/picorv32, picosoc/icebreaker.pcf",
        ),
    ),
    "tang-nano-9k": Device(
        GOWIN,
        ("--device", "GW1NR-LV9QN88PC6/I5", "--vopt", "family=GW1N-9C"),
        _pins("52", "25", "26", "27", "28"),
        "27 MHz oscillator; header J6: sck 25, cs_n 26, mosi 27, miso 28",
        "github.com/litex-hub/litex-boards, litex_boards/platforms/sipeed_tang_nano_9k.py",
        _uart(
            "52",
            "18",
            "17",
            "27 MHz oscillator; USB connector (BL702), the second of the board's two serial ports",
            "github.com/litex-hub/litex-boards, litex_boards/platforms/sipeed_tang_nano_9k.py",
        ),
        "GW1N-9C",
    ),
    "tang-nano-20k": Device(
        GOWIN,
        ("--device", "GW2AR-LV18QN88C8/I7", "--vopt", "family=GW2A-18C"),
        _pins("4", "73", "74", "75", "77"),
        "27 MHz oscillator; header J6: sck 73, cs_n 74, mosi 75, miso 77",
        "github.com/litex-hub/litex-boards, litex_boards/platforms/sipeed_tang_nano_20k.py",
        _uart(
            "4",
            "70",
            "69",
            "27 MHz oscillator; USB connector (BL616), the second of the board's two serial ports",
            "github.com/litex-hub/litex-boards, litex_boards/platforms/sipeed_tang_nano_20k.py",
        ),
        "GW2A-18C",
    ),
}
"""By the board's name in recipes. The first one of a family stands for its target where no board is named."""


def choose(board: str | None = None, target: str | None = None) -> tuple[Board, Device]:
    """The board that is meant by ``--board`` and ``--target``.

    Args:
        board: name of a board; None: the first one of the target, or of the table.
        target: of the synthesis; None: that of the board.

    Raises:
        HardwareError: a target without open place and route, no such board, one that only HLS reaches, or board and target of two families.
    """
    targets = {device.family.target: name for name, device in reversed(DEVICES.items())}
    known = f"one of {', '.join(DEVICES)}"
    if target is not None and target not in targets:
        raise HardwareError(
            f"--place with --target {target}: no open place and route for AMD parts is at hand",
            expected=f"--target {', '.join(sorted(targets))}, or --board with {known}",
            do="leave out --place for the cells that Yosys counts, or place and route with Vivado",
        )
    name = board or targets.get(target or "", next(iter(DEVICES)))
    if name not in DEVICES:
        if not name.endswith(".toml") and name not in board_names():
            raise HardwareError(f"there is no board '{name}'", expected=f"{nearest(name, DEVICES)}{known}")
        kind = load_board(name)
        reason = "only HLS reaches" if OPEN_RTL not in kind.flows else "for which this command has no pins and no router's arguments"
        raise HardwareError(f"--place --board {name}: a board that {reason}", expected=f"{nearest(name, DEVICES)}{known}")
    device = DEVICES[name]
    if target is not None and device.family.target != target:
        raise HardwareError(
            f"--target {target} with --board {name}, a board of the family {device.family.target}",
            expected=f"--target {device.family.target}, which follows from the board and may be left out",
        )
    return load_board(name), device


def write_constraints(device: Device, path: Path, wiring: Wiring | None = None) -> None:
    """Write the file that tells the router which port is at which pin: those of the serial wrapper, or of ``wiring``."""
    wiring = wiring or device.serial
    mark = "//" if device.family is GOWIN else "#"
    lines = [f"{mark} {wiring.where}\n{mark} Pins from {wiring.source}\n"]
    path.write_text("".join(lines + [device.family.pin.format(port=port, pin=pin) for port, pin in wiring.pins.items()]), "utf-8")


def roomier(board: str, lut: int, ff: int) -> str | None:
    """The smallest other board of the table that holds so many cells, by their number alone; None where none does.

    Args:
        board: that was too small.
        lut, ff: cells that are needed.
    """
    boards = [load_board(name) for name in DEVICES if name != board]
    found = sorted((b for b in boards if b.lut >= lut and b.ff >= ff), key=lambda b: b.lut)
    return found[0].key if found else None
