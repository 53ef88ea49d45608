"""A network's design for the bench: the UART top for a board, and the files that the host reads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...data.preprocessing import Preprocessing
from ...errors import DataError
from ...integer import FixedType, emulate, store
from ...integer.vectors import corners, random_inputs
from ..rtl.devices import choose
from ..rtl.protocol import BAUD
from ..rtl.uart import UartTop, write_uart
from .design import Design
from .files import FOLDER, NETWORK, Bench, Vectors, write_bench

SELECTED = 64
"""Random inputs, and corners, among the test vectors."""


def prepare(
    design: Design,
    board: str | None = None,
    *,
    target: str | None = None,
    baud: int = BAUD,
    preprocessing: Preprocessing | None = None,
    classes: Sequence[str] = (),
    samples: np.ndarray | None = None,
    labels: np.ndarray | None = None,
    seed: int = 0,
) -> UartTop:
    """Write a design's UART top for a board and what the host must know of it; :func:`~fpgacompress.firmware.rtl.place` takes the top.

    Args:
        design: Verilog of the network, by :func:`~fpgacompress.firmware.bench.design.graph_design` or another.
        board: name in :data:`fpgacompress.firmware.rtl.DEVICES`.
        target: of the synthesis; stands for its first board where none is named.
        baud: bits per second on the line.
        preprocessing: that belongs to the model; None: samples are given as the network reads them.
        classes: their names.
        samples: some real ones, raw ``(n, ...)``, or stored integers where there is no preprocessing; they join the test vectors.
        labels: class numbers of ``samples``.
        seed: of the random test vectors.

    Raises:
        HardwareError: a board or a baud rate that cannot be had, or files that cannot be written.
        DataError: samples of another shape than the input, or beyond its type.
    """
    kind, device = choose(board, target)
    network, layout, folder = design.network, design.layout, design.folder / FOLDER
    shape = network.input.shape
    if preprocessing is not None and _form(preprocessing.input_type) != _form(network.input.out):
        raise DataError(f"a preprocessing that gives {preprocessing.input_type}", expected=f"{network.input.out}, which the network reads")
    real = np.empty((0, *shape), np.int64)
    if samples is not None:
        real = samples if preprocessing is None else preprocessing.apply_integer(samples)
        if real[:1].size != int(np.prod(shape)):
            raise DataError(f"samples of shape {real.shape}", expected=f"(n, {', '.join(map(str, shape))})")
        real = real.reshape(-1, *shape)
    stored = np.concatenate([random_inputs(network, SELECTED, seed), corners(network, limit=SELECTED, budget=1e8, seed=seed), real])
    top = write_uart(design.core, design.identity, folder, clock_ns=kind.clock_ns, baud=baud)
    bench = Bench(
        design.folder,
        network.name,
        design.core,
        top.identity,
        layout,
        preprocessing,
        tuple(classes),
        kind.key,
        f"{FOLDER}/{kind.key}{device.family.bitstream}",
        device.uart.where,
        baud,
        top.core_cycles,
        tuple(str(path.relative_to(design.folder)) for path in (top.path, *design.sources)),
    )
    store.save(network, folder / NETWORK)
    known = np.empty(0, np.int64) if labels is None else np.asarray(labels, np.int64)
    write_bench(bench, Vectors(layout.inputs.pack(stored), layout.outputs.pack(emulate.run(network, stored)), len(real), known))
    return top


def _form(kind: FixedType) -> tuple[int, int, bool]:
    return kind.width, kind.integer, kind.signed
