"""Steps past training: integer networks, plan and estimate, firmware, and the proof that all of them compute the same bits."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np

from ..data import Dataset
from ..firmware.hls import Firmware, generate
from ..firmware.verify import HlsExecutor, KerasExecutor, VerifyReport, verify
from ..hardware.board import load_board
from ..hardware.calibration import digest as calibration_digest
from ..hardware.estimate import LAWS, estimate
from ..hardware.reuse import LayerPlan, plan
from ..integer import FixedType, IntegerNetwork, accumulators, simplify, store, with_accumulators
from ..keras_stack import load_model
from ..lower import lower
from ..quantize.policy import check_patterns
from ..recipe import Recipe
from ..run import RunFolder, read_json, write_json

VERSION = 2
VECTORS = 100
"""Test bench vectors written into a project; they come from the validation data."""


class Builder:
    """Turns trained students into integer networks and firmware.

    Args:
        recipe: the recipe.
        folder: where artifacts go.
        projects: where hls4ml projects go, each in a folder of the recipe's name.
    """

    def __init__(self, recipe: Recipe, folder: RunFolder, projects: Path) -> None:
        self.recipe, self.folder, self.projects = recipe, folder, projects

    @property
    def project_dir(self) -> Path:
        """The recipe's firmware project."""
        return self.projects / self.recipe.name

    def lowered(self, trained: dict[str, Path], dataset: Dataset) -> Path:
        """Lower every quantized model; writes ``<name>.npz`` for each."""
        inputs = {"version": VERSION, "models": {n: p.name for n, p in trained.items()}, "preprocessing": dataset.preprocessing.sha256}

        def make(where: Path) -> None:
            for name, artifact in trained.items():
                network = lower(load_model(artifact / "model.h5"), dataset.preprocessing.input_type, f"{self.recipe.name}_{name}")
                store.save(network, where / f"{name}.npz")
            write_json(where / "preprocessing.json", dataset.preprocessing.to_json())

        return self.folder.step("lower", inputs, make, title="integer networks with exact accumulators")

    def hardware(self, lowered: Path) -> Path:
        """What the board will compute: the student with the accumulators asked for and without neurons that cannot matter.

        Writes ``reference.npz`` (the student with these accumulators: what everybody is compared with), ``network.npz`` (without those
        neurons) and ``hardware.json`` (accumulators, removed neurons, and which channels were kept).
        """
        section = self.recipe.firmware
        inputs = {"version": VERSION, "network": lowered.name, "simplify": section.simplify, "accumulators": section.accumulators}

        def make(where: Path) -> None:
            network = self.narrowed(store.load(lowered / "student.npz"))
            store.save(network, where / "reference.npz")
            told: dict[str, Any] = {"accumulators": [row.to_json() for row in accumulators(network)], "removed": [], "kept": {}}
            if section.simplify:
                smaller = simplify(network)
                network = smaller.network
                told |= {"removed": [r.to_json() for r in smaller.removed], "kept": {n: k.tolist() for n, k in smaller.kept.items()}}
            store.save(network, where / "network.npz")
            write_json(where / "hardware.json", told)

        return self.folder.step("hardware", inputs, make, title="what the board computes: accumulators, neurons that cannot matter")

    def narrowed(self, network: IntegerNetwork) -> IntegerNetwork:
        """The network with the recipe's accumulator types.

        Raises:
            RecipeError: a pattern without a layer, or a text that is no type.
        """
        given = self.recipe.firmware.accumulators
        names = [node.name for node in network.weighted]
        check_patterns(given, names, "firmware.accumulators")
        types: dict[str, FixedType] = {}
        for pattern, text in given.items():
            try:
                types |= {n: FixedType.parse(text) for n in names if fnmatchcase(n, pattern)}
            except ValueError as error:
                raise self.recipe.error(f"firmware.accumulators.{pattern}", f"{error}") from error
        return with_accumulators(network, types)

    def plan(self, network: IntegerNetwork) -> dict[str, LayerPlan]:
        """Strategy and reuse factor of each layer, as the recipe's ``firmware`` section asks."""
        section = self.recipe.firmware
        names = [node.name for node in network.weighted]
        check_patterns(section.layers, names, "firmware.layers")
        given = {n: reuse for n in names for pattern, reuse in section.layers.items() if fnmatchcase(n, pattern)}
        if section.reuse != "auto":
            given = {n: section.reuse for n in names} | given
        return plan(
            network,
            board=load_board(section.board),
            clock_ns=section.clock_ns,
            io=section.io,
            strategy=section.strategy,
            reuse=given or "auto",
            backend=section.backend,
        )

    def estimated(self, hardware: Path) -> Path:
        """Estimate the student on the board; writes ``estimate.json`` and ``plan.json``."""
        section = self.recipe.firmware
        inputs = {
            "version": VERSION,
            "laws": [LAWS, calibration_digest()],
            "network": hardware.name,
            "firmware": section.model_dump(mode="json", exclude={"compile"}),
        }

        def make(where: Path) -> None:
            network = store.load(hardware / "network.npz")
            layers = self.plan(network)
            told = estimate(
                network, board=load_board(section.board), plan=layers, clock_ns=section.clock_ns, io=section.io, backend=section.backend
            )
            write_json(where / "estimate.json", told.to_json())
            write_json(where / "plan.json", {n: [p.strategy, p.reuse] for n, p in layers.items()})

        return self.folder.step("estimate", inputs, make, title=f"resources and latency on {section.board}")

    def firmware(self, hardware: Path, estimated: Path, dataset: Dataset) -> Path:
        """Write the hls4ml project and, where the recipe says so, compile its C simulation; writes ``project.json``."""
        section = self.recipe.firmware
        board = load_board(section.board)
        inputs: dict[str, Any] = {
            "version": VERSION,
            "network": hardware.name,
            "plan": read_json(estimated / "plan.json"),
            "firmware": section.model_dump(mode="json"),
            "project": str(self.project_dir),
        }

        def make(where: Path) -> None:
            network = store.load(hardware / "network.npz")
            vectors = network_inputs(network, dataset, dataset.validation.x[:VECTORS])
            project = generate(
                network,
                self.project_dir,
                backend=section.backend,
                io=section.io,
                part=board.part,
                clock_ns=section.clock_ns or board.clock_ns,
                board=board.name,
                plan={n: (s, r) for n, (s, r) in inputs["plan"].items()},
                name=self.recipe.name,
                vectors=vectors,
                preprocessing=dataset.preprocessing.to_json(),
            )
            write_json(self.project_dir / "made_by.json", {"artifact": where.name.removesuffix(".part"), "recipe": self.recipe.name})
            seconds = project.compile().compile_seconds if section.compile else None
            files = sorted(str(p.relative_to(self.project_dir)) for p in self.project_dir.rglob("*") if p.is_file())
            write_json(
                where / "project.json",
                {
                    "project_dir": str(self.project_dir),
                    "backend": section.backend,
                    "io": section.io,
                    "part": board.part,
                    "clock_ns": section.clock_ns or board.clock_ns,
                    "name": project.name,
                    "plan": inputs["plan"],
                    "compile_seconds": seconds,
                    "files": len(files),
                },
            )

        owner = self.project_dir / "made_by.json"
        place = self.folder.place("firmware", inputs)
        if not owner.is_file() or read_json(owner).get("artifact") != place.name:  # deleted, or written by another run of the same name
            self.folder.forget(place)
        return self.folder.step("firmware", inputs, make, title=f"hls4ml project {self.project_dir} for {section.backend}")

    def open_firmware(self, hardware: Path, built: Path) -> Firmware:
        """The written project as an object."""
        facts = read_json(built / "project.json")
        return Firmware(
            Path(facts["project_dir"]),
            store.load(hardware / "network.npz"),
            facts["name"],
            facts["backend"],
            facts["io"],
            facts["part"],
            facts["clock_ns"],
            load_board(self.recipe.firmware.board).name,
            {n: (s.lower(), r) for n, (s, r) in facts["plan"].items()},
        )

    def verified(self, trained: Path, hardware: Path, built: Path | None, dataset: Dataset) -> Path:
        """Compare student, integer network and (where it was built) C simulation on every test sample; writes ``verify.json``."""
        inputs = {"version": VERSION, "student": trained.name, "hardware": hardware.name, "firmware": built.name if built else None}

        def make(where: Path) -> None:
            network = store.load(hardware / "reference.npz")
            stored = network_inputs(network, dataset, dataset.read_test("verify").x)
            executors: dict[str, Any] = {"keras": KerasExecutor(load_model(trained / "model.h5"), network)}
            if built is not None and self.recipe.firmware.compile:
                executors["hls"] = HlsExecutor(self.open_firmware(hardware, built), kept=kept_channels(hardware))
            report: VerifyReport = verify(network, stored, executors)
            write_json(where / "verify.json", report.to_json() | {"test_reads": [vars(dataset.test_reads[-1])]})

        return self.folder.step(
            "verify", inputs, make, title="every test sample: every layer of the student, every output bit of the firmware"
        )


def kept_channels(hardware: Path) -> dict[str, np.ndarray]:
    """The channels of each node that the hardware computes; nodes that are not named keep all."""
    return {name: np.array(kept, np.int64) for name, kept in read_json(hardware / "hardware.json")["kept"].items()}


def network_inputs(network: IntegerNetwork, dataset: Dataset, raw: np.ndarray) -> np.ndarray:
    """Raw samples as the network's stored integers ``(n, *input shape)`` int64."""
    return dataset.preprocessing.apply_integer(raw).reshape(len(raw), *network.input.shape)
