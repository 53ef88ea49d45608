"""Who computes: the QKeras model itself, the emulation, and hls4ml's C simulation, all on stored integers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np

from ..errors import UnsupportedError
from ..integer.emulate import Emulator
from ..integer.network import IntegerNetwork
from .hls import Firmware

_BATCH = 512


class Executor(Protocol):
    """Maps stored integers of the input, (n, *input shape), to stored integers of the output, (n, *output shape).

    Results may be floats in units of the least bit, where an executor computes something between two levels.

    It may have

    - ``trace(stored) -> {node: stored integers}``, the output among them: then every layer it names is compared too;
    - ``traced``: for how many samples of each source of inputs that is done (None or absent: all);
    - ``limit``: most samples of each source that it is given (None or absent: all), for slow executors;
    - ``kept``: by node, the indices (last axis) that it still computes, where it runs a simplified network (absent: all);
    - ``wide() -> context manager``: the same executor in float64, which proves whether a difference is only float32's rounding.
    """

    def __call__(self, stored: np.ndarray) -> np.ndarray: ...


def _in_units(values: np.ndarray, fraction: int, shape: tuple[int, ...]) -> np.ndarray:
    """Floats as stored integers (int64), or as float64 in units of the least bit when one of them lies between two levels."""
    scaled = np.asarray(values, np.float64).reshape(-1, *shape) * 2.0**fraction
    whole = np.isfinite(scaled).all() and np.array_equal(scaled, np.rint(scaled)) and np.abs(scaled).max(initial=0) < 2.0**62
    return scaled.astype(np.int64) if whole else scaled


class KerasExecutor:
    """The QKeras model itself, in TensorFlow's float32; its floats are read back as integers exactly.

    Args:
        model: the tf_keras model that was lowered.
        network: what it was lowered to.
        batch: samples per call.
    """

    def __init__(self, model: Any, network: IntegerNetwork, batch: int = _BATCH) -> None:
        self.model, self.network, self.batch = model, network, batch
        self._layers: tuple[list[str], Any] | None = None
        self._number: type = np.float32

    def _floats(self, stored: np.ndarray) -> np.ndarray:
        kind = self.network.input.out
        if kind.width > 24:
            raise UnsupportedError(f"the input type {kind} does not fit float32", expected="at most 24 bits")
        shape = (-1, *self.model.input_shape[1:])
        return kind.to_float(np.asarray(stored).reshape(shape)).astype(self._number)

    def _predict(self, model: Any, stored: np.ndarray) -> list[np.ndarray]:
        values = model.predict(self._floats(stored), batch_size=self.batch, verbose=0)
        return values if isinstance(values, list) else [values]

    def __call__(self, stored: np.ndarray) -> np.ndarray:
        output = self.network.output
        return _in_units(self._predict(self.model, stored)[0], output.out.fraction, output.shape)

    def _traced(self) -> tuple[list[str], Any]:
        """Names of the nodes that some Keras tensor equals (the output among them), and the model with these tensors as outputs."""
        if self._layers is None:
            from .. import keras_stack
            from ..lower import results

            found = results(self.model, self.network) | {self.network.output.name: self.model.outputs[0]}
            self._layers = list(found), keras_stack.load().keras.Model(self.model.inputs, list(found.values()))
        return self._layers

    def trace(self, stored: np.ndarray) -> dict[str, np.ndarray]:
        """Results of every node that holds the result of a Keras layer."""
        names, model = self._traced()
        nodes = [self.network.node(name) for name in names]
        return {n.name: _in_units(v, n.out.fraction, n.shape) for n, v in zip(nodes, self._predict(model, stored), strict=True)}

    @contextlib.contextmanager
    def wide(self) -> Iterator[KerasExecutor]:
        """The same model with float64 sums, quantizers and activations; use it inside the ``with`` block only."""
        from .. import keras_stack

        names, model = self._traced()
        with keras_stack.float64(model) as copy:
            result = KerasExecutor(copy, self.network, self.batch)
            result._layers, result._number = (names, copy), np.float64
            yield result


class IntegerExecutor:
    """The emulation, as an executor: for networks read back from a file, and because it runs single outputs by another path than traces."""

    def __init__(self, network: IntegerNetwork) -> None:
        self._emulator = Emulator(network)

    def __call__(self, stored: np.ndarray) -> np.ndarray:
        return self._emulator.run(stored)

    def trace(self, stored: np.ndarray) -> dict[str, np.ndarray]:
        """All nodes; the output as :meth:`__call__` computes it."""
        return self._emulator.trace(stored) | {self._emulator.network.output.name: self._emulator.run(stored)}


class HlsExecutor:
    """hls4ml's compiled C simulation.

    Args:
        firmware: the project.
        processes: how many to use for many samples.
        traced: samples of each source whose every layer is compared, not only the output; takes a library compiled with tracing.
        limit: most samples of each source; where it is not above ``traced``, the library without tracing is not needed.
        kept: which channels of each node are left, where the project was made of a simplified network (``Simplified.kept``).
    """

    def __init__(
        self,
        firmware: Firmware,
        processes: int = 2,
        *,
        traced: int = 0,
        limit: int | None = None,
        kept: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        self.firmware, self.processes, self.traced, self.limit, self.kept = firmware, processes, traced, limit, kept or {}

    def __call__(self, stored: np.ndarray) -> np.ndarray:
        return self.firmware.predict(stored, self.processes)

    def trace(self, stored: np.ndarray) -> Mapping[str, np.ndarray]:
        """Every layer hls4ml computes."""
        return self.firmware.trace(stored)
