"""Boards: the shipped files, a user's own, and wrong ones."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fpgacompress.errors import HardwareError
from fpgacompress.hardware.board import FOLDER, OPEN_RTL, PRICES, board_names, load_board
from fpgacompress.hardware.setting import Setting

GOOD = (FOLDER / "pynq-z2.toml").read_text()


SAME_PART = {"pynq-z1", "pynq-z2", "zybo-z7-20"}
"""Boards that really carry the same part."""

HLS = {
    "alveo-u200": "xcu200-fsgd2104-2-e",
    "alveo-u250": "xcu250-figd2104-2L-e",
    "alveo-u280": "xcu280-fsvh2892-2L-e",
    "alveo-u50": "xcu50-fsvh2104-2-e",
    "arty-a7-100t": "xc7a100tcsg324-1",
    "arty-a7-35t": "xc7a35ticsg324-1L",
    "basys3": "xc7a35tcpg236-1",
    "kv260": "xck26-sfvc784-2LV-c",
    "pynq-z1": "xc7z020clg400-1",
    "pynq-z2": "xc7z020clg400-1",
    "ultra96-v2": "xczu3eg-sbva484-1-i",
    "vu13p": "xcvu13p-flga2577-2-e",
    "vu9p": "xcvu9p-flga2104-2L-e",
    "zcu102": "xczu9eg-ffvb1156-2-e",
    "zcu104": "xczu7ev-ffvc1156-2-e",
    "zedboard": "xc7z020clg484-1",
    "zybo-z7-20": "xc7z020clg400-1",
}
OPEN = {
    "ice40-hx8k": ("iCE40HX8K-CT256", 7_680, 7_680, 0, 128),
    "icebreaker": ("iCE40UP5K-SG48I", 5_280, 5_280, 8, 120),
    "tang-nano-20k": ("GW2AR-LV18QN88C8/I7", 20_736, 15_552, 48, 828),
    "tang-nano-9k": ("GW1NR-LV9QN88PC6/I5", 8_640, 6_480, 20, 468),
    "ulx3s-25f": ("LFE5U-25F-6BG381C", 24_288, 24_288, 28, 1_008),
    "ulx3s-85f": ("LFE5U-85F-6BG381C", 83_640, 83_640, 156, 3_744),
}
"""Part, LUT, FF, multipliers and Kb of block RAM by data sheet."""


def shipped():
    return [load_board(path.stem) for path in sorted(FOLDER.glob("*.toml"))]


def test_every_shipped_board_reads_and_names_its_sources():
    assert {b.key for b in shipped()} == set(HLS) | set(OPEN) and {b.key for b in shipped()} <= set(board_names())
    for board in shipped():
        assert any(vendor in board.source for vendor in ("AMD DS", "Lattice FPGA-DS", "Gowin"))
        assert board.hls == (board.key in HLS) and board.flows
        assert (board.idle_w is None and board.typical_w is None) or board.power_source
        assert board.price is None or (board.price in PRICES and board.price_source)
        assert "measured" not in (board.power_source or "")


@pytest.mark.parametrize("name", sorted(HLS))
def test_amd_boards(name):
    board = load_board(name)
    assert board.part == HLS[name] and board.ff == 2 * board.lut and board.lut_inputs == 6 and 1 <= board.clock_ns <= 20
    assert board.bram_bits == board.bram18 * 18 * 1024 and {"Vitis", "Vivado"} <= set(board.flows)
    assert board.speed_grade in board.part
    board.require_hls()


@pytest.mark.parametrize("name", sorted(OPEN))
def test_boards_of_the_open_tools(name):
    board = load_board(name)
    assert (board.part, board.lut, board.ff, board.dsp, board.bram_bits / 1024) == OPEN[name]
    assert board.lut_inputs == 4 and board.bram18 == 0 and board.flows == (OPEN_RTL,)
    assert round(1000 / board.clock_ns) in (12, 25, 27), "the oscillator on the board, MHz"
    with pytest.raises(HardwareError, match=r"no HLS flow reaches .*alveo-u200.*pynq-z2.*fpgacompress rtl"):
        board.require_hls()
    with pytest.raises(HardwareError, match="no HLS flow"):
        Setting.of(board)


def test_no_part_is_listed_twice_unless_boards_share_it():
    parts = [b.part for b in shipped() if b.key not in SAME_PART]
    assert len(parts) == len(set(parts)) and "xc7z020clg400-1" not in parts


def test_the_alveo_cards_hold_what_the_data_sheets_say():
    told = {k: (b.lut, b.dsp, b.bram18, b.uram) for k in ("alveo-u50", "alveo-u200", "alveo-u280") for b in [load_board(k)]}
    assert told == {
        "alveo-u50": (871_680, 5_952, 2_688, 640),
        "alveo-u200": (1_182_240, 6_840, 4_320, 960),
        "alveo-u280": (1_303_680, 9_024, 4_032, 960),
    }


def test_the_pynq_z2_holds_what_the_data_sheet_says():
    board = load_board("pynq-z2")
    assert (board.part, board.lut, board.ff, board.dsp, board.bram18) == ("xc7z020clg400-1", 53_200, 106_400, 220, 280)
    assert not board.ultrascale and load_board("zcu102").ultrascale


def test_a_user_s_own_board(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(GOOD.replace("53_200", "100"))
    board = load_board(path)
    assert board.lut == 100 and board.key == "mine" and load_board(board) is board and board.hls


def test_a_user_s_own_board_without_the_optional_fields(tmp_path):
    path = tmp_path / "old.toml"
    path.write_text("".join(line for line in GOOD.splitlines(keepends=True) if "bram_bits" not in line))
    board = load_board(path)
    assert board.bram_bits == 280 * 18_432 and board.lut_inputs == 6
    assert board.idle_w is board.typical_w is board.power_source is board.price is board.price_source is None


def test_a_user_s_own_power_and_price(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(GOOD + 'idle_w = 0\ntypical_w = 2.5\npower_source = "my meter"\nprice = "50 to 200"\nprice_source = "a shop"\n')
    board = load_board(path)
    assert (board.idle_w, board.typical_w, board.power_source, board.price) == (0, 2.5, "my meter", "50 to 200")


def test_boards_of_third_parties(monkeypatch):
    class Entry:
        name = "theirs"

        def load(self):
            return replace(load_board("icebreaker"), name="Theirs", key="theirs")

    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [Entry()] if group == "fpgacompress.boards" else [])
    assert "theirs" in board_names() and load_board("theirs").name == "Theirs"
    with pytest.raises(HardwareError, match="no HLS flow reaches Theirs"):
        load_board("theirs").require_hls()


def test_an_unknown_board_names_the_nearest():
    with pytest.raises(HardwareError, match="did you mean 'pynq-z2'"):
        load_board("PYNQ_Z2")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (("lut = 53_200", 'lut = "many"'), "field 'lut' is 'many'"),
        (("lut = 53_200", "lut = -1"), "field 'lut' is -1"),
        (("lut = 53_200", "lut = true"), "field 'lut' is True"),
        (("dsp = 220\n", ""), "'dsp' is missing"),
        (("dsp = 220", "dps = 220"), "'dps' is not a field"),
        (("clock_ns = 5.0", "clock_ns = 0"), "clock_ns"),
        (("dsp = 220", "dsp = = 220"), "is not TOML"),
        (("dsp = 220", "dsp = 220\nlut_inputs = 0"), "field 'lut_inputs' is 0"),
        (("bram_bits = 5_160_960", "bram_bits = 1.5"), "field 'bram_bits' is 1.5"),
        (("dsp = 220", "dsp = 220\ntypical_w = 2.0"), "'typical_w' without 'power_source'"),
        (("dsp = 220", "dsp = 220\ntypical_w = nan\npower_source = 'x'"), "field 'typical_w' is nan"),
        (("dsp = 220", "dsp = 220\nidle_w = 3\ntypical_w = 2.0\npower_source = 'x'"), "'idle_w' is 3, above 'typical_w'"),
        (("dsp = 220", "dsp = 220\nprice = '50 to 200'"), "'price' without 'price_source'"),
        (("dsp = 220", "dsp = 220\nprice = 'cheap'\nprice_source = 'x'"), "field 'price' is 'cheap'"),
        (("dsp = 220", "dsp = 220\ntypical_v = 3"), "did you mean 'typical_w'"),
    ],
)
def test_a_wrong_board_file_names_the_field(tmp_path, change, text):
    path = tmp_path / "wrong.toml"
    path.write_text(GOOD.replace(*change))
    with pytest.raises(HardwareError, match=text):
        load_board(path)


def test_a_missing_board_file(tmp_path):
    with pytest.raises(HardwareError, match="cannot be read"):
        load_board(tmp_path / "none.toml")
