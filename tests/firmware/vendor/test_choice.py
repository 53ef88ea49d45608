"""Which tool builds a project, and what is said when none fits."""

import pytest

from firmware.vendor.standin import install, product
from fpgacompress.errors import ToolError
from fpgacompress.firmware.vendor import installs
from fpgacompress.firmware.vendor.choice import choose_hls, choose_vivado
from fpgacompress.firmware.vendor.versions import Release


@pytest.fixture
def root(bench, tmp_path, monkeypatch):
    """An empty usual folder."""
    monkeypatch.setattr(installs, "ROOTS", (str(tmp_path / "Xilinx"),))
    return tmp_path / "Xilinx"


def test_newest_that_fits(root):
    product(root, "Vitis_HLS/2022.2", "vitis_hls")
    product(root, "Vitis/2023.2", "vitis-run", "vitis_hls")
    product(root, "Vivado/2020.1", "vivado_hls", "vivado")
    chosen = choose_hls("Vitis")
    assert (chosen.program, chosen.release) == ("vitis-run", Release(2023, 2))
    assert choose_hls("Vitis", Release(2022, 2)).program == "vitis_hls"
    assert choose_hls("VivadoAccelerator").release == Release(2020, 1)
    assert choose_hls("Vitis", takes_arguments=True).program == "vitis_hls"


def test_a_fitting_one_on_path_wins(root, bench):
    product(root, "Vitis/2024.2", "vitis-run")
    install(bench, "vitis_hls", "2022.2")
    assert choose_hls("Vitis").release == Release(2022, 2)
    assert choose_hls("Vitis", Release(2024, 2)).program == "vitis-run"


def test_one_on_path_that_does_not_fit_is_passed_over(root, bench):
    install(bench, "vitis_hls", "2023.1")
    product(root, "Vivado/2019.2", "vivado_hls")
    assert choose_hls("Vivado").release == Release(2019, 2)


def test_unknown_release_on_path_is_taken_at_its_name(root, bench):
    install(bench, "vivado_hls", "2020.1", unversioned=True)
    assert choose_hls("Vivado").release is None


def test_another_release_is_needed(root, bench):
    install(bench, "vitis_hls", "2023.1")
    with pytest.raises(
        ToolError, match=r"back end Vivado needs vivado_hls 2018.2 to 2020.1; found Vitis HLS 2023.1 \(.*Do: install Vivado 2020.1"
    ):
        choose_hls("Vivado")
    with pytest.raises(ToolError, match="back end VivadoAccelerator needs vivado_hls 2018.2 to 2020.1; .*board designs for this release"):
        choose_hls("VivadoAccelerator")
    install(bench, "vitis_hls", "2023.1").unlink()
    install(bench, "vivado_hls", "2019.1")
    with pytest.raises(ToolError, match=r"back end Vitis needs vitis-run or vitis_hls 2020.2 or newer; found Vivado HLS 2019.1"):
        choose_hls("Vitis")


def test_wanted_release(root):
    product(root, "Vitis/2023.2", "vitis-run")
    with pytest.raises(ToolError, match=r"release 2024.1 is not there. Expected: one of Vitis HLS 2023.2 \("):
        choose_hls("Vitis", Release(2024, 1))
    with pytest.raises(ToolError, match="--tool-version 2019.2. Expected: 2020.2 or newer, which back end Vitis needs"):
        choose_hls("Vitis", Release(2019, 2))


def test_nothing_there(root, tmp_path, monkeypatch):
    with pytest.raises(ToolError, match="vitis-run or vitis_hls is not there .*XILINX_VIVADO.*/tools/Xilinx.*or copy it"):
        choose_hls("Vitis", instead="Or copy it. or copy it")
    for name in ("vivado/2020.1", "vivado/2024.1", "vitis/2023.2"):
        (tmp_path / "modules" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "modules" / name).write_text("#%Module\n")
    monkeypatch.setenv("MODULEPATH", str(tmp_path / "modules"))
    with pytest.raises(ToolError, match="or first: module load vivado/2020.1$|or first: module load vivado/2020.1[.]"):
        choose_hls("Vivado")


def test_other_back_ends(root):
    with pytest.raises(ToolError, match="back end 'Quartus'. Expected: one of Vivado, VivadoAccelerator, Vitis"):
        choose_hls("Quartus")


def test_old_vitis_projects_need_vitis_hls(root):
    product(root, "2025.1/Vitis", "vitis-run")
    with pytest.raises(ToolError, match="options from the command line, which vitis-run cannot pass"):
        choose_hls("Vitis", takes_arguments=True)


def test_vivado_of_the_same_release(root):
    product(root, "Vivado/2020.1", "vivado_hls", "vivado")
    product(root, "Vivado/2024.1", "vivado")
    assert choose_vivado(choose_hls("Vivado")).release == Release(2020, 1)
    (root / "Vivado/2020.1/bin/vivado").unlink()
    assert choose_vivado(choose_hls("Vivado")).release == Release(2024, 1)
    with pytest.raises(ToolError, match="the board design needs vivado 2020.1, the release of vivado_hls; found Vivado 2024.1"):
        choose_vivado(choose_hls("Vivado"), same=True)
    (root / "Vivado/2024.1/bin/vivado").unlink()
    with pytest.raises(ToolError, match="vivado is not there .*Do: install Vivado 2020.1 and source"):
        choose_vivado(choose_hls("Vivado"))
