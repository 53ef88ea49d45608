"""Where tools are looked for, and in which environment they are started."""

import os

from firmware.vendor.standin import install, product
from fpgacompress.firmware.vendor.environment import environment
from fpgacompress.firmware.vendor.installs import find_installs, modules, release_of
from fpgacompress.firmware.vendor.inventory import inventory
from fpgacompress.firmware.vendor.versions import Release


def test_layouts(tmp_path):
    for folder, program in {
        "Vivado/2020.1": "vivado_hls",
        "Vitis_HLS/2023.2": "vitis_hls",
        "Vitis/2024.2": "vitis-run",
        "2025.1/Vitis": "vitis-run",
        "2025.1/Vivado": "vivado",
    }.items():
        product(tmp_path, folder, program)
    product(tmp_path, "Documents/2024.1", "vivado")
    (tmp_path / "Vivado/2019.2/bin/vivado").mkdir(parents=True)
    found = {(one.program, str(one.release)) for one in find_installs({"HOME": str(tmp_path)}, [tmp_path])}
    assert found == {
        ("vivado_hls", "2020.1"),
        ("vitis_hls", "2023.2"),
        ("vitis-run", "2024.2"),
        ("vitis-run", "2025.1"),
        ("vivado", "2025.1"),
    }
    assert find_installs({"HOME": str(tmp_path)}, [tmp_path / "nowhere"]) == ()


def test_release_is_a_whole_folder_name(tmp_path):
    assert release_of(tmp_path / "Vivado/2019.2.1/bin/vivado") == Release(2019, 2)
    assert release_of(tmp_path / "for-2023.2-only/bin/vivado") is None
    (tmp_path / "link").symlink_to(tmp_path / "Vitis/2024.1/bin")
    assert release_of(tmp_path / "link/vitis-run") == Release(2024, 1)


def test_home_is_one_of_the_usual_places(tmp_path):
    product(tmp_path, "Xilinx/Vivado/2020.1", "vivado")
    (one,) = find_installs({"HOME": str(tmp_path)}, ["~/Xilinx"])
    assert one.release == Release(2020, 1) and not one.on_path and one.settings == tmp_path / "Xilinx/Vivado/2020.1/settings64.sh"


def test_path_comes_first_and_counts_once(tmp_path):
    folder = product(tmp_path, "Vitis_HLS/2023.2", "vitis_hls")
    env = {"PATH": f"{folder / 'bin'}{os.pathsep}/nowhere", "XILINX_HLS": str(folder), "HOME": ""}
    (one,) = find_installs(env, [tmp_path, "~/Xilinx"])
    assert one.on_path and one.release == Release(2023, 2) and one.settings is None


def test_variables(tmp_path):
    folder = product(tmp_path, "somewhere/2024.1", "vitis_hls", "vitis-run")
    found = find_installs({"XILINX_VITIS": str(folder)}, [])
    assert [(one.program, one.place) for one in found] == [("vitis_hls", "XILINX_VITIS"), ("vitis-run", "XILINX_VITIS")]


def test_settings_are_sourced(tmp_path, bench):
    folder = product(tmp_path, "Vivado/2020.1", "vivado")
    (one,) = find_installs({}, [tmp_path])
    env = environment(one)
    assert env["STANDIN_HOME"] == str(folder) and env["PATH"].startswith(f"{folder}/bin:") and str(bench) in env["PATH"]
    folder.joinpath("settings64.sh").unlink()
    (bare,) = find_installs({}, [tmp_path])
    assert bare.settings is None and environment(bare)["PATH"].split(os.pathsep)[0] == f"{folder}/bin"


def test_modules(tmp_path):
    for name in ("xilinx/vivado/2020.1", "vitis/2023.2.lua", "gcc/12", ".hidden/vivado", "vitis/.version"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("#%Module\n")
    assert set(modules({"MODULEPATH": f"{tmp_path}{os.pathsep}/nowhere"})) == {"xilinx/vivado/2020.1", "vitis/2023.2"}
    assert modules({}) == ()


def test_inventory(tmp_path, bench, monkeypatch):
    from fpgacompress.firmware.vendor import installs

    assert inventory("vivado") == (False, None)
    (tmp_path / "modules/vivado").mkdir(parents=True)
    (tmp_path / "modules/vivado/2020.1").write_text("#%Module\n")
    monkeypatch.setenv("MODULEPATH", str(tmp_path / "modules"))
    assert inventory("vivado") == (False, "not loaded; first: module load vivado/2020.1")
    install(bench, "vivado", "2020.1")
    product(tmp_path, "Vivado/2024.1", "vivado")
    monkeypatch.setattr(installs, "ROOTS", (str(tmp_path),))
    found, text = inventory("vivado")
    assert found and text.startswith("2020.1 (a stand-in: nothing it writes is measured), on PATH")
    assert "2024.1, in " in text and "not on PATH" in text
