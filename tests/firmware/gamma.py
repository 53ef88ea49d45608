"""A small network that tells gammas from neutrons, made without training: random features of the pulse, and a least-squares readout, rounded."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fpgacompress.data import Dataset, load
from fpgacompress.integer import FixedType, IntegerNetwork, Node, Tensor, emulate

DATA = Path(__file__).resolve().parents[2] / "demos" / "data"
HIDDEN = 5


def gamma_data() -> Dataset:
    return load("gamma_neutron", data_dir=DATA)


def gamma_network(dataset: Dataset, seed: int = 2) -> IntegerNetwork:
    """161-5-2; most of the inputs are read by nobody."""
    rng = np.random.default_rng(seed)
    kind = dataset.preprocessing.input_type
    first = rng.integers(-7, 8, (161, HIDDEN)) * (rng.random((161, HIDDEN)) < 0.08)
    nodes = [
        Node("input", "input", (), kind, (161,)),
        Node("hidden", "dense", ("input",), FixedType(22, 22 - kind.fraction - 3), (HIDDEN,), Tensor(first, FixedType(4, 1))),
        Node("relu", "quantize", ("hidden",), FixedType(6, 2, False, "RND_CONV", "SAT"), (HIDDEN,)),
    ]
    x = emulate.run(IntegerNetwork("features", tuple(nodes)), dataset.preprocessing.apply_integer(dataset.train.x)) / 16
    wanted = np.where(dataset.train.y[:, None] == [0, 1], 1.0, -1.0)
    found = np.linalg.lstsq(np.column_stack([x, np.ones(len(x))]), wanted, rcond=None)[0]
    found = np.rint(found / np.abs(found).max() * 31).astype(np.int64)
    readout, bias = Tensor(found[:-1], FixedType(6, 1)), Tensor(found[-1], FixedType(6, 1))
    nodes.append(Node("logits", "dense", ("relu",), FixedType(18, 18 - 4 - 5), (2,), readout, bias))
    return IntegerNetwork("gamma neutron", tuple(nodes))
