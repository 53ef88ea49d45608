"""VHDL of integer networks: GHDL computes every output bit as the emulation does, in as many cycles as the Verilog."""

import shutil

import pytest

from fpgacompress.errors import HardwareError, ToolError
from fpgacompress.firmware.verify import verify
from fpgacompress.integer.vectors import corners, random_inputs

from .simulators import CASTS, casts, narrow, wide

pytest.importorskip("da4ml")
from fpgacompress.firmware.rtl import generate  # noqa: E402
from fpgacompress.firmware.rtl.vhdl import VhdlExecutor, entity_name, generate_vhdl, write_vhdl  # noqa: E402

ghdl = pytest.mark.skipif(shutil.which("ghdl") is None, reason="ghdl is not there: apt-get install ghdl")


@ghdl
@pytest.mark.tools
@pytest.mark.parametrize("levels", [2, 0])
@pytest.mark.parametrize("network", [*(casts(name) for name in CASTS), wide(), narrow()], ids=[*CASTS, "wide", "narrow"])
def test_every_bit_of_the_vhdl(network, levels, tmp_path):
    vhdl = generate_vhdl(network, tmp_path / "a net", levels=levels)
    executor = VhdlExecutor(vhdl)
    inputs = {"random": random_inputs(network, 200), "corners": corners(network, limit=50)}
    assert verify(network, inputs, {"vhdl": executor}).differing_bits == 0
    assert executor.timing().kept is (True if levels else None)


@ghdl
@pytest.mark.tools
def test_what_is_simulated_is_what_lies_there(tmp_path):
    network = casts("saturated")
    vhdl = generate_vhdl(network, tmp_path / "net")
    stage = next(path for path in vhdl.sources if path.stem.endswith("stage0"))
    text = stage.read_text()
    assert "IS_SUB=>0)" in text
    stage.write_text(text.replace("IS_SUB=>0)", "IS_SUB=>1)", 1))
    assert verify(network, random_inputs(network, 200), {"vhdl": VhdlExecutor(vhdl)}).differing_bits > 0
    stage.write_text("entity nonsense")
    with pytest.raises(ToolError, match="ghdl failed"):
        VhdlExecutor(vhdl)


def test_vhdl_stands_beside_the_verilog(tmp_path):
    network = casts("symmetric")
    vhdl = generate_vhdl(network, tmp_path / "net", levels=2)
    project = vhdl.project
    assert len([path for path in vhdl.sources if "_stage" in path.stem]) == project.stages > 0
    assert all(path.is_file() for path in (*vhdl.sources, *project.sources)) and (project.folder / "metadata.json").is_file()
    text = vhdl.sources[-1].read_text()
    assert f"entity {vhdl.name} is port" in text and vhdl.sources[-1].stem == vhdl.name == project.name
    assert f"model_inp:in std_logic_vector({sum(port.width for port in project.inputs) - 1} downto 0)" in text
    (project.folder / "vhdl" / "mine.txt").write_text("x")
    write_vhdl(project)
    assert not (project.folder / "vhdl" / "mine.txt").exists() and not (project.folder / "vhdl.part").exists()


def test_names_of_entities():
    assert [entity_name(name) for name in ("nn_a__b", "nn_net_", "nn_net")] == ["nn_a_b", "nn_net", "nn_net"]


def test_refusals(tmp_path, monkeypatch):
    project = generate(casts("one bit"), tmp_path / "net")
    vhdl = write_vhdl(project)
    before = {path: path.read_bytes() for path in vhdl.sources}
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(ToolError, match="ghdl is not there .* Do: apt-get install ghdl"):
        VhdlExecutor(vhdl)

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copy", full)
    with pytest.raises(HardwareError, match="could not be written .*No space left"):
        write_vhdl(project)
    assert {path: path.read_bytes() for path in vhdl.sources} == before and not (project.folder / "vhdl.part").exists()
