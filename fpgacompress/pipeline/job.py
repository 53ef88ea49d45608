"""A job: the recipe's steps in order, and the finished run."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ..errors import FpgaCompressError, RecipeError, ToolError
from ..keras_stack import load_model
from ..recipe import Recipe, load_recipe
from ..registry import nearest
from ..run import Message, RunFolder, load_figures, read_json, to_stderr, write_text

STEPS = ("data", "teacher", "train", "lower", "hardware", "estimate", "firmware", "evaluate", "verify", "report")


@dataclass
class Run:
    """A run that is finished, or was stopped behind a step.

    Attributes:
        folder: the run folder.
        recipe: the recipe as resolved.
        figures: the results tree (the content of ``figures.json``), figures as objects; empty before the step "report".
        problems: what was asked for and does not hold (bits differ, the board is too small, a tool is missing).
        artifacts: step or model name to artifact folder.
    """

    folder: Path
    recipe: Recipe
    figures: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    artifacts: dict[str, Path] = field(default_factory=dict)

    def _model(self, name: str) -> Any:
        return load_model(self.artifacts[name] / "model.h5")

    @cached_property
    def student(self) -> Any:
        """The trained QKeras student."""
        return self._model("student")

    @cached_property
    def teacher(self) -> Any:
        """The trained teacher, ending in logits; of several the one with the largest weight, whose features are taught."""
        return self._model("teacher")

    @cached_property
    def network(self) -> Any:
        """The student's :class:`~fpgacompress.integer.IntegerNetwork`."""
        from ..integer import store

        return store.load(self.artifacts["lower"] / "student.npz")

    @cached_property
    def hardware(self) -> Any:
        """What the board computes: :attr:`network` with the accumulators asked for, without neurons that cannot matter."""
        from ..integer import store

        return store.load(self.artifacts["hardware"] / "network.npz")

    @cached_property
    def reference(self) -> Any:
        """:attr:`network` with the accumulators asked for: what student and firmware are compared with."""
        from ..integer import store

        return store.load(self.artifacts["hardware"] / "reference.npz")

    @cached_property
    def firmware(self) -> Any:
        """The hls4ml project (:class:`~fpgacompress.firmware.hls.Firmware`)."""
        from .hardware import Builder

        project = Path(read_json(self.artifacts["firmware"] / "project.json")["project_dir"])
        builder = Builder(self.recipe, RunFolder(self.folder), project.parent)
        return builder.open_firmware(self.artifacts["hardware"], self.artifacts["firmware"])

    def report(self) -> Path:
        """Draw the report anew from the figures; returns the HTML page."""
        from ..report.write import write_report

        write_report(self.figures, self.folder)
        return self.folder / "report.html"

    def summary(self) -> dict[str, Any]:
        """What ``run --json`` prints."""
        keys = ("models", "comparisons", "verify", "hardware", "estimate", "firmware", "seconds")
        models = {
            n: {k: v for k, v in m.items() if k not in ("history", "layers", "confusion", "per_class")}
            for n, m in self.figures.get("models", {}).items()
        }
        tree = {k: self.figures.get(k) for k in keys if k in self.figures} | {"models": models}
        return {"run_dir": str(self.folder), **tree, "problems": self.problems}


def check(recipe: Recipe | str | Path | dict[str, Any]) -> dict[str, Any]:
    """Check a recipe against the data and the models it names, without training.

    Raises:
        RecipeError, DataError, ModelError, HardwareError: the first thing that is wrong.
    """
    from .training import Trainer

    recipe = load_recipe(recipe)
    return _rehearse(recipe, Trainer(recipe, _Nowhere()))


def _rehearse(recipe: Recipe, trainer: Any) -> dict[str, Any]:
    """Build, quantize, prune and lower untrained models and plan the hardware; returns facts for a summary."""
    from ..firmware.limits import check_request
    from ..hardware.board import load_board
    from ..lower import lower
    from .hardware import Builder
    from .rehearsal import rehearse

    try:
        load_board(recipe.firmware.board).require_hls()
    except FpgaCompressError as error:
        raise recipe.error("firmware.board", error.received, expected=error.expected, do=error.do) from error
    facts = rehearse(trainer)
    builder = Builder(recipe, trainer.folder, Path())
    network = lower(facts.pop("network"), trainer.dataset.preprocessing.input_type, recipe.name)
    try:
        network = builder.narrowed(network)
        layers = builder.plan(network)
        check_request(network, {n: (p.strategy, p.reuse) for n, p in layers.items()}, recipe.firmware.backend, recipe.firmware.io)
    except RecipeError:
        raise
    except FpgaCompressError as error:
        raise recipe.error("firmware", error.received, expected=error.expected, do=error.do) from error
    facts["plan"] = {n: [p.strategy, p.reuse] for n, p in layers.items()}
    facts["summary"] = (
        f"{facts['train']} training and {facts['validation']} validation samples of {facts['inputs']} inputs in {facts['classes']} classes; "
        f"teacher {facts['teacher_parameters']:,} and student {facts['student_parameters']:,} parameters; layers {', '.join(facts['layers'])}."
    )
    return facts


class _Nowhere:
    """A run folder for rehearsals: listens to nothing and stores nothing."""

    folder = Path()

    @staticmethod
    def message(text: str) -> None:
        """Drop the line."""


def compress(
    recipe: Recipe | str | Path | dict[str, Any],
    *,
    run_dir: str | Path | None = None,
    projects: str | Path | None = None,
    until: str | None = None,
    message: Message = to_stderr,
) -> Run:
    """Do what a recipe describes: train teacher and students, lower, estimate, write firmware, evaluate, verify and report.

    Steps that are done already are reused; an interrupted training goes on behind its last epoch.

    Args:
        recipe: recipe, dictionary, or path of a YAML file.
        run_dir: run folder; ``runs/<name>`` when absent.
        projects: folder of firmware projects; ``hls_projects`` when absent.
        until: stop behind this step (one of :data:`STEPS`).
        message: receives one line of progress at a time.

    Raises:
        FpgaCompressError: the recipe, data, model or machine does not allow it; finished steps stay.
        Interrupted: Ctrl-C.
    """
    recipe = load_recipe(recipe)
    if until is not None and until not in STEPS:
        raise RecipeError(f"until is '{until}'", expected=f"{nearest(until, STEPS)}one of {', '.join(STEPS)}")
    folder = RunFolder(run_dir or Path("runs") / recipe.name, message=message)
    with folder.lock():
        job = _Job(recipe, folder, Path(projects or "hls_projects").absolute())
        for name in STEPS:
            getattr(job, name)()
            if name == until:
                break
    return job.run


class _Job:
    """One method per step, in the order of :data:`STEPS`; each leaves its artifact folders in ``run.artifacts``."""

    def __init__(self, recipe: Recipe, folder: RunFolder, projects: Path) -> None:
        from .hardware import Builder
        from .training import Trainer

        self.recipe, self.folder, self.run = recipe, folder, Run(folder.folder, recipe)
        self.trainer, self.builder = Trainer(recipe, folder), Builder(recipe, folder, projects)
        self.repeats: dict[int, dict[str, Path]] = {}
        write_text(folder.folder / "recipe.yaml", recipe.to_yaml())
        folder.message(f"{recipe.name}: run folder {folder.folder}")

    def data(self) -> None:
        """Read the data and build every model once, untrained, so that wrong names and layers are found before any training."""
        data = self.trainer.dataset
        self.folder.message(f"  data: {len(data.train)} training, {len(data.validation)} validation samples of {data.name}")
        inputs = {"recipe": self.recipe.to_dict(), **self.trainer.data_key}
        self.folder.step("check", inputs, lambda where: _rehearse(self.recipe, self.trainer), title="building every model once, untrained")

    def teacher(self) -> None:
        self.run.artifacts["teacher"] = self.trainer.teacher()

    def train(self) -> None:
        """The float student and its quantized variants, for the recipe's seed and the further ones."""
        from .variants import variants

        for seed in dict.fromkeys((self.recipe.seed, *self.recipe.seeds)):
            trainer = self.trainer if seed == self.recipe.seed else self.trainer.with_seed(seed)
            base = trainer.float_student()
            quantized = {v.name: trainer.quantized(v, base, self.run.artifacts["teacher"]) for v in variants(self.recipe)}
            self.repeats[seed] = {"float": base, **quantized}
        self.run.artifacts |= self.repeats[self.recipe.seed]

    def lower(self) -> None:
        quantized = {name: path for name, path in self.repeats[self.recipe.seed].items() if name != "float"}
        self.run.artifacts["lower"] = self.builder.lowered(quantized, self.trainer.dataset)

    def hardware(self) -> None:
        self.run.artifacts["hardware"] = self.builder.hardware(self.run.artifacts["lower"])

    def estimate(self) -> None:
        self.run.artifacts["estimate"] = self.builder.estimated(self.run.artifacts["hardware"])

    def firmware(self) -> None:
        """Write and compile the project; a missing or failing compiler is noted, and the other steps go on."""
        try:
            artifacts = self.run.artifacts
            artifacts["firmware"] = self.builder.firmware(artifacts["hardware"], artifacts["estimate"], self.trainer.dataset)
        except ToolError as error:
            self.run.problems.append(f"no C simulation: {error}")
            self.folder.message(f"    {error}")

    def evaluate(self) -> None:
        from .results import evaluated

        self.run.artifacts["evaluate"] = evaluated(self.trainer, self.folder, self.run.artifacts, self.repeats)

    def verify(self) -> None:
        artifacts = self.run.artifacts
        artifacts["verify"] = self.builder.verified(
            artifacts["student"], artifacts["hardware"], artifacts.get("firmware"), self.trainer.dataset
        )

    def report(self) -> None:
        """Collect the results tree; draw the report unless it shows these very figures already."""
        from .results import collect

        run = self.run
        run.figures = collect(self.recipe, self.folder, self.trainer.dataset, run.artifacts, run.problems)
        if _drawn_already(run):
            self.folder.message("  report: reused")
        else:
            self.folder.message("  report: tables, plots and page")
            run.report()


def _drawn_already(run: Run) -> bool:
    """True when the run folder's report shows these very figures; then they keep the date they were made on."""
    path = run.folder / "figures.json"
    if not path.is_file() or not (run.folder / "report.html").is_file():
        return False
    old = read_json(path)
    if old.get("key") != run.figures["key"]:
        return False
    run.figures["created"] = old["created"]
    return True


def open_run(run_dir: str | Path) -> Run:
    """A finished run from its folder.

    Raises:
        RunError: the folder holds no finished run.
    """
    folder = Path(run_dir)
    figures = load_figures(folder)
    recipe = load_recipe(folder / "recipe.yaml")
    return Run(folder, recipe, figures, list(figures.get("problems", [])), {n: Path(p) for n, p in figures["artifacts"].items()})
