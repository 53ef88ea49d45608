"""Verify one model from end to end: a run, anybody's Keras file, or a saved integer network, on data, random inputs and corners."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..data import Preprocessing
from ..data.samples import Samples, read_samples
from ..errors import DataError, FpgaCompressError, ModelError
from ..firmware.hls import Firmware, generate
from ..firmware.verify import HlsExecutor, IntegerExecutor, KerasExecutor, VerifyReport, verify
from ..hardware import toolchains
from ..hardware.board import load_board
from ..hardware.reuse import plan
from ..integer import FixedType, IntegerNetwork, store
from ..integer.vectors import corners, random_inputs
from ..keras_stack import load_model
from ..lower.inputs import checked_data, parse_type, store_data
from ..lower.read import read
from .hardware import kept_channels

EXECUTORS = ("keras", "integer", "hls", "rtl")
BOARD = "pynq-z2"
HLS_SAMPLES = 200
CORNERS = 1000


@dataclass
class _Subject:
    """What is verified: the network, and whatever else there is of it."""

    network: IntegerNetwork
    model: Any = None
    firmware: Firmware | None = None
    kept: dict[str, np.ndarray] = field(default_factory=dict)
    stored: np.ndarray | None = None
    notes: list[str] = field(default_factory=list)


def _read(data: Any, shape: tuple[int | None, ...], preprocessing: Preprocessing | None, data_dir: Any) -> Samples:
    return read_samples(data, shape, split="test", preprocessing=preprocessing, data_dir=data_dir, bytes_as_pixels=True)


def _fixed_network(network: IntegerNetwork, data: Any, preprocessing: Preprocessing | None, data_dir: Any, **parts: Any) -> _Subject:
    """A network whose input type is given; the data have to fit it."""
    subject = _Subject(network, **parts)
    if data is not None:
        samples = _read(data, network.input.shape, preprocessing, data_dir)
        subject.stored, note = store_data(checked_data(samples.x, network.input.shape), network.input.out)
        subject.notes += [f"data: {samples.origin}", *([note] if note else [])]
    return subject


def _refuse_type(input_type: Any, what: str) -> None:
    if input_type is not None:
        raise ModelError(f"an input type was given, but {what} has one already", do="leave --input-type out")


def _open_run(path: Path, data: Any, input_type: Any, data_dir: Any) -> _Subject:
    from .job import open_run

    done = open_run(path)
    _refuse_type(input_type, "the run")
    preprocessing = Preprocessing.load(done.artifacts["lower"])
    firmware = done.firmware if "firmware" in done.artifacts else None
    kept = kept_channels(done.artifacts["hardware"])
    return _fixed_network(done.reference, data, preprocessing, data_dir, model=done.student, firmware=firmware, kept=kept)


def _open_published(path: Path, data: Any, input_type: Any, data_dir: Any) -> _Subject:
    """A models folder: the student, the integer network and the preprocessing that were published together."""
    _refuse_type(input_type, "the published model")
    model = load_model(path / "student.h5")
    return _fixed_network(store.load(path / "student.npz"), data, Preprocessing.load(path), data_dir, model=model)


def _open_model(model: Any, data: Any, input_type: FixedType | str | None, data_dir: Any) -> _Subject:
    """A Keras model: its input type is the one asked for, else the preprocessing's, else found by :func:`~fpgacompress.lower.read.read`."""
    samples: Samples | None = None
    if data is not None:
        samples = _read(data, tuple(model.input_shape[1:]) if len(model.inputs or ()) == 1 else (), None, data_dir)
        input_type = input_type or samples.type
    reading = read(model, input_type=input_type, data=samples.x if samples else None)
    origin = [f"data: {samples.origin}"] if samples else []
    return _Subject(reading.network, reading.model, stored=reading.stored, notes=[*origin, *reading.notes])


def _open(model: Any, data: Any, input_type: FixedType | str | None, data_dir: Any) -> _Subject:
    if isinstance(input_type, str):
        input_type = parse_type(input_type)
    if isinstance(model, IntegerNetwork):
        _refuse_type(input_type, "the network")
        return _fixed_network(model, data, None, data_dir)
    if not isinstance(model, (str, Path)):
        return _open_model(model, data, input_type, data_dir)
    path = Path(model)
    if path.suffix.lower() == ".npz":
        _refuse_type(input_type, "the network")
        return _fixed_network(store.load(path), data, None, data_dir)
    if (path / "student.npz").is_file() and (path / "student.h5").is_file():
        return _open_published(path, data, input_type, data_dir)
    if path.is_dir() and not (path / "saved_model.pb").is_file():
        if not (path / "figures.json").is_file():
            raise ModelError(
                f"the folder '{path}' holds no model",
                expected="a SavedModel, the folder of a finished run, or a folder with student.h5 and student.npz",
                do="give the model file itself",
            )
        return _open_run(path, data, input_type, data_dir)
    return _open_model(load_model(path), data, input_type, data_dir)


def _generate(network: IntegerNetwork, folder: Path, io: str, backend: str) -> Firmware:
    """An hls4ml project; layers beyond the unroll limit in Resource strategy, as the planner decides."""
    board = load_board(BOARD)
    layers = plan(network, board=board, io=io, backend=backend) if network.weighted else None
    return generate(network, folder / "project", backend=backend, io=io, part=board.part, board=board.name, plan=layers)


def _chosen(against: Sequence[str] | None, subject: _Subject) -> tuple[list[str], list[str]]:
    """Names of the executors to run, and notes on those that are left out."""
    if against is None:
        notes = []
        names = [name for name in EXECUTORS if name != "rtl" and (name != "keras" or subject.model is not None)]
        if toolchains.find("g++") is None:
            names.remove("hls")
            notes.append("hls4ml's C simulation was left out: there is no g++ (apt-get install g++)")
        return names, notes
    unknown = [name for name in against if name not in EXECUTORS]
    if unknown or not against:
        raise DataError(f"against {', '.join(map(repr, unknown)) or 'nobody'}", expected=f"one or more of {', '.join(EXECUTORS)}")
    if "keras" in against and subject.model is None:
        raise DataError("an integer network alone has no Keras model", expected="against integer, hls, rtl", do="give the model's own file")
    if "hls" in against:
        toolchains.require("g++", instead="Without it, compare with --against keras,integer")
    return list(dict.fromkeys(against)), []


@contextlib.contextmanager
def _executors(
    subject: _Subject, names: list[str], required: bool, notes: list[str], io: str | None, backend: str | None, hls_samples: int
) -> Iterator[dict[str, Any]]:
    """The executors by name; a temporary project lives inside the ``with`` block."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="fpgacompress_") as scratch:
        for name in names:
            if name == "keras":
                found[name] = KerasExecutor(subject.model, subject.network)
            elif name == "integer":
                found[name] = IntegerExecutor(subject.network)
            elif name == "rtl":
                from ..firmware.rtl import executor_of, generate_suited

                found[name] = executor_of(generate_suited(subject.network, Path(scratch) / "rtl"))
                notes.append("rtl: Verilog of the network, simulated cycle by cycle by Verilator")
            elif subject.firmware is not None and io is None and backend is None:
                found[name] = HlsExecutor(subject.firmware, traced=hls_samples, kept=subject.kept)
            else:
                try:
                    firmware = _generate(subject.network, Path(scratch), f"io_{io or 'parallel'}", backend or "Vitis")
                except FpgaCompressError as error:
                    if required:
                        raise
                    notes.append(f"hls4ml's C simulation was left out: {error}")
                    continue
                found[name] = HlsExecutor(firmware, traced=hls_samples, limit=hls_samples)
                notes.append(f"hls: {firmware.backend}, {firmware.io_type}, the first {hls_samples} samples of each source (it is slow)")
        yield found


def verify_model(
    model: Any,
    data: Any = None,
    *,
    against: Sequence[str] | None = None,
    samples: int = 1000,
    seed: int = 0,
    input_type: FixedType | str | None = None,
    io: str | None = None,
    backend: str | None = None,
    hls_samples: int = HLS_SAMPLES,
    data_dir: str | Path | None = None,
) -> VerifyReport:
    """Compare everything that computes a model, bit for bit, on data, random inputs and corners.

    Args:
        model: path of a Keras file, SavedModel, integer network (.npz), run folder or models folder; or a tf_keras model, or an integer network.
        data: real samples as the model reads them (array, .npz, .npy or .csv), or the name of a data set, whose test split is read.
        against: of "keras", "integer", "hls" and "rtl" (Verilog in Verilator); by default all but the last that are there.
        samples: random inputs over the whole input type.
        seed: of the random inputs and corners.
        input_type: of the network's input, for Keras models; see :func:`~fpgacompress.lower.read.read` for what is taken without it.
        io: "parallel" (default) or "stream", of the generated project; a run's own project is taken when ``io`` and ``backend`` are None.
        backend: hls4ml back end of the generated project ("Vitis", "Vivado", "VivadoAccelerator").
        hls_samples: samples of each source that the C simulation computes (and, for a run's own project, traces).
        data_dir: folder searched first for named data sets.

    Raises:
        ModelError, UnsupportedError, DataError, HardwareError, ToolError: what cannot be had; one sentence each.
    """
    for name, value, least in (("samples", samples, 1), ("seed", seed, 0), ("hls_samples", hls_samples, 1)):
        if value < least:
            raise DataError(f"{name} is {value}", expected=f"at least {least}")
    subject = _open(model, data, input_type, data_dir)
    names, notes = _chosen(against, subject)
    sources = {} if subject.stored is None else {"data": subject.stored}
    sources["random"] = random_inputs(subject.network, samples, seed)
    sources["corners"] = corners(subject.network, limit=CORNERS, seed=seed)
    with _executors(subject, names, against is not None, notes, io, backend, hls_samples) as executors:
        report = verify(subject.network, sources, executors)
    return replace(report, notes=[*subject.notes, *notes, *report.notes])
