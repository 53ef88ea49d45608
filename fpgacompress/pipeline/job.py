"""A job: the recipe's steps in order, and the finished run."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ..errors import FpgaCompressError, ToolError
from ..keras_stack import load_model
from ..recipe import Recipe, load_recipe
from ..run import Message, RunFolder, read_json, to_stderr

STEPS = ("data", "teacher", "train", "lower", "estimate", "firmware", "evaluate", "verify", "report")


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
        """The trained teacher, ending in logits."""
        return self._model("teacher")

    @cached_property
    def network(self) -> Any:
        """The student's :class:`~fpgacompress.integer.IntegerNetwork`."""
        from ..integer import store

        return store.load(self.artifacts["lower"] / "student.npz")

    @cached_property
    def firmware(self) -> Any:
        """The hls4ml project (:class:`~fpgacompress.firmware.hls.Firmware`)."""
        from .hardware import Builder

        project = Path(read_json(self.artifacts["firmware"] / "project.json")["project_dir"])
        builder = Builder(self.recipe, RunFolder(self.folder), project.parent)
        return builder.open_firmware(self.artifacts["lower"], self.artifacts["firmware"])

    def report(self) -> Path:
        """Draw the report anew from the figures; returns the HTML page."""
        from ..report.write import write_report

        write_report(self.figures, self.folder)
        return self.folder / "report.html"

    def summary(self) -> dict[str, Any]:
        """What ``run --json`` prints."""
        keys = ("models", "comparisons", "verify", "estimate", "firmware", "seconds")
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
    from ..hardware.board import load_board
    from ..lower import lower
    from .training import Trainer

    recipe = load_recipe(recipe)
    try:
        load_board(recipe.firmware.board)
    except FpgaCompressError as error:
        raise recipe.error("firmware.board", error.received, expected=error.expected, do=error.do) from error
    trainer = Trainer(recipe, _Nowhere())
    facts = trainer.rehearse()
    twin = facts.pop("network")
    network = lower(twin, trainer.dataset.preprocessing.input_type, recipe.name)
    from .hardware import Builder

    try:
        layers = Builder(recipe, trainer.folder, Path("hls_projects")).plan(network)
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
    from .hardware import Builder
    from .results import collect, evaluated
    from .training import Trainer, variants

    recipe = load_recipe(recipe)
    if until is not None and until not in STEPS:
        raise recipe.error("until", f"found '{until}'", expected=f"one of {', '.join(STEPS)}")
    folder = RunFolder(run_dir or Path("runs") / recipe.name, message=message)
    run = Run(folder.folder, recipe)
    with folder.lock():
        (folder.folder / "recipe.yaml").write_text(recipe.to_yaml(), encoding="utf-8")
        message(f"{recipe.name}: run folder {folder.folder}")
        trainer, builder = Trainer(recipe, folder), Builder(recipe, folder, Path(projects or "hls_projects").absolute())
        message(
            f"  data: {len(trainer.dataset.train)} training, {len(trainer.dataset.validation)} validation samples of {trainer.dataset.name}"
        )
        _rehearse_once(recipe, folder, trainer)
        if until == "data":
            return run
        run.artifacts["teacher"] = trainer.teacher()
        if until == "teacher":
            return run
        run.artifacts["float"] = trainer.float_student()
        trained = {v.name: trainer.quantized(v, run.artifacts["float"], run.artifacts["teacher"]) for v in variants(recipe)}
        run.artifacts |= trained
        repeats: dict[int, dict[str, Path]] = {recipe.seed: {"float": run.artifacts["float"], **trained}}
        for seed in dict.fromkeys(recipe.seeds):
            if seed != recipe.seed:
                other = trainer.with_seed(seed)
                base = other.float_student()
                repeats[seed] = {"float": base, **{v.name: other.quantized(v, base, run.artifacts["teacher"]) for v in variants(recipe)}}
        if until == "train":
            return run
        run.artifacts["lower"] = builder.lowered(trained, trainer.dataset)
        if until == "lower":
            return run
        run.artifacts["estimate"] = builder.estimated(run.artifacts["lower"])
        if until == "estimate":
            return run
        try:
            run.artifacts["firmware"] = builder.firmware(run.artifacts["lower"], run.artifacts["estimate"], trainer.dataset)
        except ToolError as error:
            run.problems.append(f"no C simulation: {error}")
            message(f"    {error}")
        if until == "firmware":
            return run
        run.artifacts["evaluate"] = evaluated(trainer, folder, run.artifacts, repeats)
        if until == "evaluate":
            return run
        if "firmware" in run.artifacts:
            run.artifacts["verify"] = builder.verified(
                run.artifacts["student"], run.artifacts["lower"], run.artifacts["firmware"], trainer.dataset
            )
        if until == "verify":
            return run
        run.figures = collect(recipe, folder, trainer.dataset, run.artifacts, run.problems)
        if not _drawn_already(run):
            message("  report: tables, plots and page")
            run.report()
        else:
            message("  report: reused")
    return run


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


def _rehearse_once(recipe: Recipe, folder: RunFolder, trainer: Any) -> None:
    """Find wrong names, patterns and unsupported layers before any training; skipped when this very recipe passed before."""

    def make(where: Path) -> None:
        check(recipe)

    folder.step("check", {"recipe": recipe.to_dict(), **trainer.data_key}, make, title="building every model once, untrained")


def open_run(run_dir: str | Path) -> Run:
    """A finished run from its folder.

    Raises:
        RunError: the folder holds no finished run.
    """
    folder = RunFolder(run_dir)
    figures = folder.load_figures()
    recipe = load_recipe(folder.folder / "recipe.yaml")
    return Run(folder.folder, recipe, figures, list(figures.get("problems", [])), {n: Path(p) for n, p in figures["artifacts"].items()})
