"""The vendor flow on one project: stages in order, each resumed, watched, checked, and its figures read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ...errors import FpgaCompressError, Interrupted, ToolError
from ...figures import Figure
from ...run import digest, to_stderr, write_json
from .banner import ask
from .choice import choose_hls, choose_vivado
from .commands import command, script_of
from .environment import environment
from .failure import StageFailed, problem
from .installs import Install
from .logs import Log, first_error_in
from .measured import REPLAYED, measured_file, read_figures, verdict
from .progress import Progress, clock
from .project import Project, open_project
from .runner import LocalRunner, Runner, still_runs
from .stages import STAGES, Stage, bitstream, check, complete, found, missing
from .state import Entry, State, locked
from .versions import NAMES, parse_release
from .watch import Outcome, ends_as_interrupt, watch

LOGS = "build_logs"
"""Folder of the logs, one per stage."""

RUNS = "*_vivado_accelerator/project_1.runs/*/runme.log"
"""Logs of the runs that Vivado starts for a board design."""


@dataclass(frozen=True)
class Request:
    """What to do.

    Attributes:
        stages: names of :data:`~fpgacompress.firmware.vendor.stages.STAGES`; those they stand on are added.
        tool_version: release such as "2023.2"; the newest that fits when None.
        limit_s: seconds each stage may take, or None.
        again: run the stages asked for even where nothing has changed.
        instead: what the reader can do without the tools, added to that error.
    """

    stages: tuple[str, ...] = ("csynth",)
    tool_version: str | None = None
    limit_s: float | None = None
    again: bool = False
    instead: str = ""


@dataclass
class Built:
    """What has come of it.

    Attributes:
        project: the project.
        stages: stage to its entry, for the stages asked for.
        reused: stages that were done already.
        figures: stage to what its report says, also of stages done earlier whose inputs have not changed.
        estimate: the estimate's figures by name.
        notes: what a reader should know.
    """

    project: Project
    stages: dict[str, Entry]
    reused: tuple[str, ...]
    figures: dict[str, dict[str, Any]]
    estimate: dict[str, Figure] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def stand_in(self) -> bool:
        """Any stage was run by a stand-in: then nothing here was measured."""
        return any(entry.stand_in for entry in self.stages.values())

    def to_json(self) -> dict[str, Any]:
        """The stable form that ``fpgacompress build --json`` prints."""
        return {
            "project": str(self.project.folder),
            "backend": self.project.backend,
            "part": self.project.part,
            "clock_ns": self.project.clock_ns,
            "stand_in": self.stand_in,
            "stages": {name: self._stage(name, entry) for name, entry in self.stages.items()},
            "estimate": self.estimate,
            "bitstream": {kind: str(path) for kind, path in bitstream(self.project).items()} if "bitfile" in self.stages else {},
            "measured": str(measured_file(self.project)),
            "notes": self.notes,
        }

    def _stage(self, name: str, entry: Entry) -> dict[str, Any]:
        return {
            "status": entry.status,
            "reused": name in self.reused,
            "tool": NAMES.get(entry.program, entry.program),
            "version": entry.release,
            "seconds": round(entry.seconds, 1),
            "log": str(self.project.folder / entry.log),
            "stand_in": entry.stand_in,
            **self.figures.get(name, {}),
        }


def build(
    folder: str | Path,
    request: Request | None = None,
    *,
    runner: Runner | None = None,
    progress: Progress | None = None,
    message: Callable[[str], None] = to_stderr,
    estimate: Mapping[str, Figure] | None = None,
) -> Built:
    """Run the stages that are asked for and have not been run on the same inputs, and read their reports.

    Figures are stored in ``measured.json`` of the project, the state in ``vendor_build.json``, logs in ``build_logs``.

    Args:
        folder: an hls4ml project.
        request: what to do; C-synthesis when left out.
        runner: who runs the commands; this machine when left out.
        progress: shows a running stage; standard error when left out.
        message: receives a line when a stage has ended.
        estimate: figures to put beside the measured ones.

    Raises:
        ToolError: no tool, not the right one, or a stage failed (:class:`StageFailed`); finished stages stay.
        Interrupted: Ctrl-C; the tool has been stopped, and the same call goes on at this stage.
    """
    request = request or Request()
    project = open_project(folder)
    names = complete(request.stages)
    check(project, names)
    with locked(project.folder):
        return _Flow(project, request, names, runner or LocalRunner(), progress or Progress(), message).run(dict(estimate or {}))


def inner_error(project: Project) -> str:
    """The first error of the runs that Vivado starts for a board design, which its own log does not repeat; "" when there is none."""
    logs = sorted(project.folder.glob(RUNS), key=lambda path: path.stat().st_mtime)
    told = ((path, first_error_in(path)) for path in logs)
    return next((f"{path.relative_to(project.folder)} says {line}" for path, line in told if line), "")


class _Flow:
    """One call of :func:`build`."""

    def __init__(
        self,
        project: Project,
        request: Request,
        names: tuple[str, ...],
        runner: Runner,
        progress: Progress,
        message: Callable[[str], None],
    ) -> None:
        self.project, self.request, self.names = project, request, names
        self.runner, self.progress, self.message = runner, progress, message
        self.state, note = State.read(project.folder)
        self.notes = [note] if note else []
        self.reused: list[str] = []
        wanted = parse_release(request.tool_version) if request.tool_version else None
        self.hls = choose_hls(project.backend, wanted, takes_arguments=project.takes_arguments, instead=request.instead)
        self._vivado: Install | None = None
        if any(STAGES[name].in_vivado for name in names):
            self._vivado = choose_vivado(self.hls, same="bitfile" in names)
            if self._vivado.release != self.hls.release:
                self.notes.append(f"vivado is of release {self._vivado.release}, {self.hls.program} of {self.hls.release}")

    def run(self, estimate: dict[str, Figure]) -> Built:
        self._refuse_running()
        for name in self.names:
            stage = STAGES[name]
            fresh = name in self.request.stages and self.request.again
            if not fresh and self._valid(name):
                self.reused.append(name)
                self.message(f"  {name}: reused, nothing it depends on has changed (--again runs it anew)")
                continue
            self._run_stage(stage)
        return self._collect(estimate)

    def _tool(self, stage: Stage) -> Install:
        if not stage.in_vivado:
            return self.hls
        if self._vivado is None:
            self._vivado = choose_vivado(self.hls, same=stage.name == "bitfile")
        return self._vivado

    def _key(self, stage: Stage) -> str:
        """Hash of everything a stage depends on: sources, tool, and which run of the stages before it."""
        before = [(name, self.state.stages[name].started if name in self.state.stages else "") for name in stage.after]
        tool = self._tool(stage)
        return digest(
            {
                "stage": stage.name,
                "sources": self.project.digest(stage.sources),
                "script": script_of(stage),
                "program": tool.program,
                "release": str(tool.release),
                "before": before,
            }
        )

    def _valid(self, name: str) -> bool:
        """Whether a stage is done on the inputs as they are, with everything it stands on."""
        entry, stage = self.state.stages.get(name), STAGES[name]
        if entry is None or entry.status != "done" or not all(self._valid(one) for one in stage.after):
            return False
        return entry.key == self._key(stage) and (name == "csim" or not missing(self.project, name))

    def _refuse_running(self) -> None:
        for name, entry in self.state.stages.items():
            if entry.status == "running" and still_runs(entry.pid, self.project.folder):
                raise ToolError(
                    f"{entry.program} of an earlier call still runs in '{self.project.folder}' ({name}, process group {entry.pid})",
                    do=f"wait for it, or end it: kill -- -{entry.pid}",
                )

    def _run_stage(self, stage: Stage) -> None:
        tool = self._tool(stage)
        reset = stage.name == "csynth" or (stage.name == "csim" and not self._valid("csynth"))
        key = self._key(stage)
        argv = command(self.project, stage, tool, reset=reset)
        log = Log(self.project.folder / LOGS / f"{stage.name}.log")
        self._clear(stage, log.path)
        started = datetime.now(UTC).isoformat(timespec="microseconds")
        where = str(log.path.relative_to(self.project.folder))
        entry = Entry("running", key, tool.program, str(tool.release) if tool.release else None, argv, started, where)
        self.state.stages[stage.name] = entry
        entry.stand_in = ask(tool).stand_in
        self.message(f"  {stage.name}: {stage.title} with {NAMES[tool.program]} {tool.release or ''}".rstrip() + f", log {log.path}")
        outcome = self._run_command(stage, tool, argv, log, entry)
        entry.seconds, entry.exit, entry.pid = outcome.seconds, outcome.status, None
        entry.stand_in = entry.stand_in or log.banner.stand_in
        lost = missing(self.project, stage.name)
        entry.error = problem(outcome, log, lost, self.request.limit_s, self.project.folder) or verdict(self.project, stage.name)
        entry.status = "failed" if entry.error else "done"
        self.state.write()
        if entry.error:
            raise StageFailed(
                stage.name, tool.program, entry.error, outcome, log, inner_error(self.project) if stage.name == "bitfile" else ""
            )
        self.message(f"  {stage.name}: done in {clock(outcome.seconds)}" + (f" ({REPLAYED})" if entry.stand_in else ""))

    def _run_command(self, stage: Stage, tool: Install, argv: list[str], log: Log, entry: Entry) -> Outcome:
        try:
            with ends_as_interrupt():
                self.state.write()
                process = self.runner.start(argv, self.project.folder, log.path, environment(tool))
                entry.pid = process.pid
                try:
                    self.state.write()
                except BaseException:
                    process.stop()
                    raise
                return watch(process, log, stage.name, self.progress, self.request.limit_s)
        except KeyboardInterrupt:
            entry.status, entry.pid, entry.error = "stopped", None, "stopped by Ctrl-C"
            self.state.write()
            done = [name for name in self.names if name in self.state.stages and self.state.stages[name].status == "done"]
            raise Interrupted(
                f"stopped in {stage.name}; {tool.program} and everything it started has ended, finished: {', '.join(done) or 'nothing'}",
                do="the same command goes on there",
            ) from None
        except FpgaCompressError as error:
            entry.status, entry.error = "failed", str(error)
            self.state.write()
            raise

    def _clear(self, stage: Stage, log: Path) -> None:
        """Take away what an earlier run left, so that nothing old is taken for new."""
        try:
            log.parent.mkdir(exist_ok=True)
            log.write_bytes(b"")
            old = list(self.project.folder.glob(RUNS)) if stage.name == "bitfile" else []
            for path in found(self.project, stage.name) + old:
                path.unlink()
        except OSError as error:
            raise ToolError(f"'{self.project.folder}' cannot be written ({error})", do="free disk space or copy the project") from error

    def _collect(self, estimate: dict[str, Figure]) -> Built:
        """Figures of every stage that is done on the inputs as they are; written to ``measured.json``."""
        done = {name: self.state.stages[name] for name in STAGES if name in self.names or self._counts(name)}
        figures = read_figures(self.project, {name: entry.stand_in for name, entry in done.items()})
        for name, told in figures.items():
            if told.get("problem"):
                self.notes.append(f"{name}: {told['problem']}")
            elif not done[name].stand_in and done[name].release and told.get("version") not in (None, "", done[name].release):
                self.notes.append(f"{name}: the report names release {told['version']}, the tool {done[name].release}")
            slack = told["figures"].get("worst_slack_ns")
            if slack is not None and slack.available and slack.value < 0:
                self.notes.append(f"{name}: the clock is NOT met, by {-slack.value:g} ns on the longest path")
        if estimate and self.project.top != self.project.name:
            self.notes.append(f"measured is {self.project.top}, the network in its AXI wrapper; the estimate is of the network alone")
        built = Built(self.project, done, tuple(self.reused), figures, estimate, self.notes)
        write_json(measured_file(self.project), built.to_json())
        return built

    def _counts(self, name: str) -> bool:
        """Whether a stage that was not asked for now was done earlier, on the same inputs."""
        if name not in self.state.stages:
            return False
        if STAGES[name].in_vivado and self._vivado is None:
            try:
                self._vivado = choose_vivado(self.hls)
            except ToolError:
                return False
        return self._valid(name)
