"""Boards: the shipped files, a user's own, and wrong ones."""

from __future__ import annotations

import pytest

from fpgacompress.errors import HardwareError
from fpgacompress.hardware.board import FOLDER, board_names, load_board

GOOD = (FOLDER / "pynq-z2.toml").read_text()


def test_every_shipped_board_reads_and_names_its_source():
    assert {
        "pynq-z2",
        "pynq-z1",
        "zedboard",
        "basys3",
        "arty-a7-35t",
        "arty-a7-100t",
        "ultra96-v2",
        "kv260",
        "zcu102",
        "zcu104",
        "alveo-u250",
        "vu9p",
        "vu13p",
    } <= set(board_names())
    for name in board_names():
        board = load_board(name)
        assert board.key == name and "DS" in board.source and board.part.startswith("xc") and 1 <= board.clock_ns <= 20
        assert board.ff == 2 * board.lut, "all AMD parts here have two flip-flops for each LUT"


def test_the_pynq_z2_holds_what_the_data_sheet_says():
    board = load_board("pynq-z2")
    assert (board.part, board.lut, board.ff, board.dsp, board.bram18) == ("xc7z020clg400-1", 53_200, 106_400, 220, 280)
    assert not board.ultrascale and load_board("zcu102").ultrascale


def test_a_user_s_own_board(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(GOOD.replace("53_200", "100"))
    board = load_board(path)
    assert board.lut == 100 and board.key == "mine" and load_board(board) is board


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
