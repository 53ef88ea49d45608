"""Values side by side in the ports of a module, and in the files of test benches."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("da4ml")
from fpgacompress.firmware.rtl.ports import pack, read_hex, unpack, width, words, write_hex  # noqa: E402
from fpgacompress.firmware.rtl.project import Port  # noqa: E402


@st.composite
def filled(draw):
    """Ports of up to 60 bits, some absent, and three stored integers for each, on a grid of 20 bits below the point."""
    ports, columns = [], []
    for _ in range(draw(st.integers(1, 9))):
        sign, bits, fraction = draw(st.integers(0, 1)), draw(st.integers(1, 40)), draw(st.integers(-3, 20))
        port = Port(sign, bits - fraction, fraction) if draw(st.booleans()) else Port(0, -fraction, fraction)
        low = -(2 ** (port.width - 1)) if port.sign else 0
        value = st.integers(low, low + 2**port.width - 1)
        ports.append(port)
        columns.append([draw(value) << (20 - fraction) for _ in range(3)])
    return ports, np.array(columns).T


@given(filled())
def test_a_row_is_the_concatenation_of_its_values(case):
    ports, stored = case
    rows = pack(ports, stored, 20)
    assert rows.shape == (3, words(width(ports))) and rows.dtype == np.uint32
    for row, values in zip(rows, stored.tolist()):
        text = "".join(format((v >> (20 - p.fraction)) % 2**p.width, f"0{p.width}b") for p, v in reversed([*zip(ports, values)]) if p.width)
        assert sum(int(word) << 32 * i for i, word in enumerate(row)) == int(text or "0", 2)
    assert np.array_equal(unpack(ports, rows, 20), stored)


@given(st.integers(1, 200), st.data())
def test_files_of_test_benches(tmp_path_factory, bits, data):
    numbers = data.draw(st.lists(st.integers(0, 2**bits - 1), min_size=1, max_size=5))
    rows = np.array([[n >> 32 * i & 0xFFFFFFFF for i in range(words(bits))] for n in numbers], np.uint32)
    path = tmp_path_factory.getbasetemp() / "rows.hex"
    write_hex(path, rows, bits)
    assert [int(line, 16) for line in path.read_text().split()] == numbers
    found, known = read_hex(path, bits)
    assert np.array_equal(found, rows) and known.all()


def test_undefined_bits_are_told(tmp_path):
    path = tmp_path / "rows.hex"
    path.write_text("1fA\n0x3\nzzz\n2XU\n")
    rows, known = read_hex(path, 10)
    assert known.tolist() == [True, False, False, False] and rows[0, 0] == 0x1FA
