"""What the host must know of a design on a board: ``bench.json`` and two ``.npz`` beside the bitstream."""

from __future__ import annotations

import json
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...data.preprocessing import Preprocessing
from ...errors import DataError, HardwareError
from ...integer.types import FixedType
from ..rtl.project import Port
from ..rtl.protocol import Identity
from ..rtl.uart import Core
from .layout import Layout, Values

FOLDER, NAME, VECTORS, NETWORK = "place", "bench.json", "bench-vectors.npz", "bench-network.npz"
KIND, VERSION = "fpgacompress bench", 1
REMAKE = "make it with: fpgacompress rtl NETWORK --synthesize --place --uart --board NAME --bitstream"


@dataclass(frozen=True)
class Vectors:
    """Samples with what they must give, as bytes on the line.

    Attributes:
        inputs: payloads, uint8 ``(n, payload bytes)``.
        outputs: bodies of the answers, uint8 ``(n, answer bytes)``.
        samples: the last so many are real samples, the others random inputs and corners.
        labels: class numbers of the real samples, int64 ``(samples,)``; empty where none are known.
    """

    inputs: np.ndarray
    outputs: np.ndarray
    samples: int
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.inputs)


@dataclass(frozen=True)
class Bench:
    """A design for a board.

    Attributes:
        project: folder of the Verilog project; the files of this module are in its folder ``place``.
        network: name of the network.
        core: its module.
        identity: what the board answers.
        layout: of inputs and outputs in bytes.
        preprocessing: that belongs to the model; None where none is known: samples are then as the network reads them.
        classes: their names, in the order of their numbers; empty where none are known.
        board: that it was made for.
        bitstream: its file, relative to the project.
        serial: which serial port of the board it is.
        baud: bits per second on the line.
        core_cycles: of the board's clock that the network may take for a sample before the board gives it up.
        verilog: files of the top and the network, relative to the project, the top first.
    """

    project: Path
    network: str
    core: Core
    identity: Identity
    layout: Layout
    preprocessing: Preprocessing | None
    classes: tuple[str, ...]
    board: str
    bitstream: str
    serial: str
    baud: int
    core_cycles: int
    verilog: tuple[str, ...]

    def vectors(self) -> Vectors:
        """The stored test vectors.

        Raises:
            DataError: they are missing, damaged, or of another design.
        """
        path = self.project / FOLDER / VECTORS
        try:
            with np.load(path, allow_pickle=False) as file:
                found = Vectors(file["inputs"], file["outputs"], int(file["samples"]), file["labels"])
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise DataError(f"the test vectors '{path}' cannot be read ({error})", do=REMAKE) from None
        sizes = ((len(found), self.core.payload_bytes), (len(found), self.core.answer_bytes))
        if (found.inputs.shape, found.outputs.shape) != sizes or {found.inputs.dtype, found.outputs.dtype} != {np.dtype(np.uint8)}:
            raise DataError(f"the test vectors '{path}' are those of another design", do=REMAKE)
        return found


def write_bench(bench: Bench, vectors: Vectors) -> None:
    """Write ``bench.json`` and its test vectors, each whole or not at all.

    Raises:
        HardwareError: they cannot be written.
    """
    folder = bench.project / FOLDER
    told = asdict(bench) | {
        "kind": KIND,
        "version": VERSION,
        "layout": {"inputs": _values_json(bench.layout.inputs), "outputs": _values_json(bench.layout.outputs)},
        "preprocessing": bench.preprocessing and bench.preprocessing.to_json(),
        "vectors": VECTORS,
        "network_file": NETWORK,
    }
    del told["project"]
    try:
        partial = folder / f"{VECTORS}.part"
        with open(partial, "wb") as file:
            np.savez_compressed(file, inputs=vectors.inputs, outputs=vectors.outputs, samples=vectors.samples, labels=vectors.labels)
        partial.replace(folder / VECTORS)
        partial = folder / f"{NAME}.part"
        partial.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
        partial.replace(folder / NAME)
    except OSError as error:
        raise HardwareError(f"'{folder}' cannot be written ({error})", do="free space, or give another folder with --out") from None


def read_bench(folder: str | Path) -> Bench:
    """What :func:`write_bench` wrote.

    Args:
        folder: of the Verilog project, or its folder ``place``.

    Raises:
        HardwareError: there is none, or it is damaged or of a newer version.
    """
    path = next((p for p in (Path(folder) / FOLDER / NAME, Path(folder) / NAME) if p.is_file()), None)
    if path is None:
        raise HardwareError(f"'{folder}' holds no design for the bench", expected=f"a Verilog project with {FOLDER}/{NAME}", do=REMAKE)
    try:
        told = json.loads(path.read_text("utf-8"))
        if told["kind"] != KIND:
            raise ValueError("it is of another kind")
        if told["version"] > VERSION:
            raise HardwareError(f"'{path}' has version {told['version']}", expected=f"up to {VERSION}", do="update fpgacompress")
        return Bench(
            path.resolve().parent.parent,
            told["network"],
            Core(**told["core"]),
            Identity(**told["identity"]),
            Layout(*(_values(told["layout"][name]) for name in ("inputs", "outputs"))),
            None if told["preprocessing"] is None else Preprocessing.from_json(told["preprocessing"]),
            tuple(told["classes"]),
            told["board"],
            told["bitstream"],
            told["serial"],
            told["baud"],
            told["core_cycles"],
            tuple(told["verilog"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise HardwareError(f"'{path}' is damaged ({type(error).__name__}: {error})", do=REMAKE) from None


def _values_json(values: Values) -> dict[str, Any]:
    return {"type": str(values.type), "shape": values.shape, "beats": values.beats, "ports": [list(port) for port in values.ports]}


def _values(told: dict[str, Any]) -> Values:
    return Values(tuple(Port(*port) for port in told["ports"]), FixedType.parse(told["type"]), tuple(told["shape"]), told["beats"])
