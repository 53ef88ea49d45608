"""What the README tells a newcomer to type exists and works."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.S)


def test_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^\s*make ([a-z-]+)", "\n".join(blocks("sh")), re.M))
    assert {"demo", "test"} <= targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.M), target


def test_commands_exist():
    from fpgacompress.cli.main import COMMANDS

    used = set(re.findall(r"fpgacompress ([a-z]+)", "\n".join(blocks("sh"))))
    assert used and used <= set(COMMANDS)


def test_the_recipe_in_the_readme_is_the_demo():
    import yaml

    from fpgacompress.recipe import load_recipe

    shown = yaml.safe_load(blocks("yaml")[0])
    assert load_recipe(shown).to_dict() == load_recipe(ROOT / "demos" / "fashion_mnist.yaml").to_dict()


def test_the_python_example_compiles_and_uses_public_names():
    import fpgacompress as fc

    code = blocks("python")[0]
    compile(code, "README", "exec")
    for name in re.findall(r"\bfc\.(\w+)", code):
        assert name in fc.__all__


def test_pictures_and_files_are_there():
    for path in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (ROOT / path).exists(), path


def test_importing_the_package_imports_no_tensorflow():
    code = "import sys, fpgacompress, fpgacompress.integer, fpgacompress.hardware.estimate; print('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False"


def test_figures_in_the_readme_are_those_of_the_benchmarks():
    import json

    told = json.loads((ROOT / "benchmarks" / "results" / "ablation.json").read_text())
    demos = (ROOT / "demos" / "README.md").read_text(encoding="utf-8")
    for row in told["rows"]:
        for text in (README, demos):
            assert f"| {row['arm']} | {row['mean']['value']:.4f} (" in text


def test_published_models_have_the_hashes_of_their_card():
    import hashlib

    for card in (ROOT / "models").glob("*/README.md"):
        for name, digest in re.findall(r"^\| `([\w.]+)` \|.*`([0-9a-f]{64})` \|$", card.read_text(), re.M):
            assert hashlib.sha256((card.parent / name).read_bytes()).hexdigest() == digest


def test_the_published_student_is_the_network_beside_it():
    import numpy as np

    from fpgacompress.data import Preprocessing
    from fpgacompress.integer import store
    from fpgacompress.keras_stack import load_model
    from fpgacompress.lower import lower

    folder = ROOT / "models" / "fashion_mnist"
    network = store.load(folder / "student.npz")
    again = lower(load_model(folder / "student.h5"), Preprocessing.load(folder / "preprocessing.json").input_type)
    assert all(np.array_equal(a.kernel.values, b.kernel.values) for a, b in zip(network.weighted, again.weighted))
    zeros = 1 - sum(n.kernel.nonzeros for n in network.weighted) / sum(n.kernel.values.size for n in network.weighted)
    assert zeros > 0.75
