"""Every bit of every layer: C simulation against emulation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from integer.networks import samples

from fpgacompress.firmware.hls import Firmware, generate
from fpgacompress.integer import IntegerNetwork, trace


def assert_exact(network: IntegerNetwork, folder: Path, io: str, count: int = 300, **settings: Any) -> Firmware:
    """Compile, run random samples and the corners of the input type, compare the results of all layers and the outputs."""
    x = samples(np.random.default_rng(1), network, count)
    firmware = generate(network, folder / "net", io=io, **settings)
    want, got = trace(network, x), firmware.trace(x)
    for node in network.nodes[1:]:
        assert node.name in got, f"{node.name} is not traced"
        wrong = np.argwhere(want[node.name] != got[node.name])
        assert wrong.size == 0, (
            node.name,
            node.op,
            len(wrong),
            wrong[:3],
            want[node.name][tuple(wrong[0])],
            got[node.name][tuple(wrong[0])],
        )
    return firmware
