"""Who agrees with whom, bit for bit: every executor's output against the integer emulation, no tolerance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from ..errors import ModelError, UnsupportedError
from ..integer.emulate import Emulator
from ..integer.intervals import inexact_in_float32
from ..integer.network import IntegerNetwork
from ..integer.types import FixedType
from .hls import Firmware


class Executor(Protocol):
    """Maps stored integers of the input, (n, *input shape), to stored integers of the output, (n, *output shape).

    It may have ``trace(stored) -> {node: stored integers}``, which then serves to name the first layer that differs.
    """

    def __call__(self, stored: np.ndarray) -> np.ndarray: ...


@dataclass(frozen=True)
class VerifyReport:
    """Result of :func:`verify`.

    Attributes:
        samples: inputs compared.
        outputs: output values per sample.
        differing_bits: bits that differ, over all executors, samples and outputs.
        differing_samples: samples with a difference in any executor.
        executors: who was compared with the emulation.
        first_difference: None, or ``{"executor", "layer", "sample", "expected", "got"}``.
        notes: what the reader should know, for example sums that float32 cannot hold.
        by_executor: differing bits per executor.
    """

    samples: int
    outputs: int
    differing_bits: int
    differing_samples: int
    executors: list[str]
    first_difference: dict[str, Any] | None = None
    notes: list[str] = field(default_factory=list)
    by_executor: dict[str, int] = field(default_factory=dict)

    @property
    def exact(self) -> bool:
        """True when all bits agree."""
        return self.differing_bits == 0

    def to_json(self) -> dict[str, Any]:
        """Plain dictionary with the stable keys of ``--json``."""
        names = ("samples", "outputs", "differing_bits", "differing_samples", "executors", "first_difference", "notes", "by_executor")
        return {n: getattr(self, n) for n in names}


def differing_bits(expected: np.ndarray, got: np.ndarray, type: FixedType) -> np.ndarray:
    """Bits that differ in each value, as two's complement words of the type's width; a value outside the type counts at least one."""
    expected, got = np.asarray(expected, np.int64), np.asarray(got, np.int64)
    mask = np.int64((1 << type.width) - 1)
    bits = np.bitwise_count((expected ^ got) & mask).astype(np.int64)
    return np.where((expected != got) & (bits == 0), 1, bits)


class KerasExecutor:
    """The QKeras model itself. Its floats are read back as integers exactly; a value off the grid is an error.

    Args:
        model: the tf_keras model that was lowered.
        network: what it was lowered to.
        batch: samples per call.
    """

    def __init__(self, model: Any, network: IntegerNetwork, batch: int = 512) -> None:
        self.model, self.network, self.batch = model, network, batch

    def _floats(self, stored: np.ndarray) -> np.ndarray:
        if self.network.input.out.width > 24:
            raise UnsupportedError(f"the input type {self.network.input.out} does not fit float32", expected="at most 24 bits")
        return self.network.input.out.to_float(np.asarray(stored).reshape(-1, *self.network.input.shape)).astype(np.float32)

    def _stored(self, values: np.ndarray, node_name: str) -> np.ndarray:
        node = self.network.node(node_name)
        try:
            return FixedType(62, 62 - node.out.fraction).exactly(values).reshape(-1, *node.shape)
        except ValueError as error:
            raise ModelError(
                f"Keras' result of layer '{node_name}' is not on the grid of {node.out} ({error})", do="check the quantizers of this layer"
            ) from error

    def __call__(self, stored: np.ndarray) -> np.ndarray:
        values = self.model.predict(self._floats(stored), batch_size=self.batch, verbose=0)
        return self._stored(values, self.network.output.name)

    def trace(self, stored: np.ndarray) -> dict[str, np.ndarray]:
        """Results of those layers whose node has the layer's name and value (weighted layers with ``activation=`` show as ``<layer>_act``)."""
        names = {n.name for n in self.network.nodes}
        wanted: dict[str, Any] = {}
        for layer in self.model.layers:
            inner = getattr(layer, "layer", layer)
            node = f"{inner.name}_act" if f"{inner.name}_act" in names else inner.name
            if node in names:
                wanted[node] = layer.output
        from .. import keras_stack

        inner = keras_stack.load().keras.Model(self.model.inputs, list(wanted.values()))
        results = inner.predict(self._floats(stored), batch_size=self.batch, verbose=0)
        results = results if isinstance(results, list) else [results]
        return {name: self._stored(value, name) for name, value in zip(wanted, results, strict=True)}


class IntegerExecutor:
    """The emulation, as an executor (for completeness, and for networks read back from a file)."""

    def __init__(self, network: IntegerNetwork) -> None:
        self._emulator = Emulator(network)

    def __call__(self, stored: np.ndarray) -> np.ndarray:
        return self._emulator.run(stored)

    def trace(self, stored: np.ndarray) -> dict[str, np.ndarray]:
        """All nodes."""
        return self._emulator.trace(stored)


class HlsExecutor:
    """hls4ml's compiled C simulation."""

    def __init__(self, firmware: Firmware, processes: int = 2) -> None:
        self.firmware, self.processes = firmware, processes

    def __call__(self, stored: np.ndarray) -> np.ndarray:
        return self.firmware.predict(stored, self.processes)

    def trace(self, stored: np.ndarray) -> dict[str, np.ndarray]:
        """Every layer hls4ml computes."""
        return self.firmware.trace(stored)


def _first_layer(
    network: IntegerNetwork, emulator: Emulator, trace: Callable[..., dict[str, np.ndarray]], sample: np.ndarray
) -> dict[str, Any] | None:
    """Name, position and values of the first node, in order, where a trace of one sample leaves the emulation."""
    expected, got = emulator.trace(sample), trace(sample)
    for node in network.nodes:
        if node.name not in got or np.array_equal(expected[node.name], got[node.name]):
            continue
        wrong = np.argwhere(expected[node.name] != got[node.name])[0]
        return {
            "layer": node.name,
            "element": [int(i) for i in wrong[1:]],
            "expected": int(expected[node.name][tuple(wrong)]),
            "got": int(got[node.name][tuple(wrong)]),
        }
    return None


def _describe(
    network: IntegerNetwork, emulator: Emulator, name: str, executor: Any, stored: np.ndarray, expected: np.ndarray, got: np.ndarray
) -> dict[str, Any]:
    sample = int(np.argwhere((expected != got).reshape(len(got), -1).any(axis=1))[0, 0])
    place = np.argwhere(expected[sample] != got[sample])[0]
    told: dict[str, Any] = {
        "layer": network.output.name,
        "element": [int(i) for i in place],
        "expected": int(expected[sample][tuple(place)]),
        "got": int(got[sample][tuple(place)]),
    }
    if hasattr(executor, "trace"):
        try:
            told = _first_layer(network, emulator, executor.trace, stored[sample : sample + 1]) or told
        except Exception as error:  # a failing trace must not hide the difference itself
            told["trace"] = f"not available ({error})"
    return {"executor": name, "sample": sample} | told


def _notes(network: IntegerNetwork) -> list[str]:
    return [
        f"layer '{name}': exact sums may need {bits} bits; TensorFlow's float32 holds 24, so QKeras itself may round there"
        for name, bits in inexact_in_float32(network).items()
    ]


def verify(network: IntegerNetwork, inputs: np.ndarray, executors: Mapping[str, Executor]) -> VerifyReport:
    """Compare every output bit of every executor with the emulation.

    Args:
        network: the reference.
        inputs: stored integers of the input type, (n, *input shape).
        executors: name to executor, for example ``{"keras": KerasExecutor(model, network), "hls": HlsExecutor(firmware)}``.

    Returns:
        The report. ``first_difference`` names the first differing layer where the executor can trace.

    Raises:
        DataError: inputs outside the input type.
        ModelError: an executor's outputs are not on the grid of the output type, or have another shape.
    """
    emulator = Emulator(network)
    stored = np.asarray(inputs).reshape(-1, *network.input.shape)
    expected = emulator.run(stored)
    wrong = np.zeros(len(stored), bool)
    by_executor: dict[str, int] = {}
    first: dict[str, Any] | None = None
    for name, executor in executors.items():
        got = np.asarray(executor(stored))
        if got.shape != expected.shape:
            raise ModelError(f"executor '{name}' returned shape {got.shape}", expected=str(expected.shape))
        bits = differing_bits(expected, got, network.output.out)
        by_executor[name] = int(bits.sum())
        wrong |= bits.reshape(len(stored), -1).any(axis=1)
        if by_executor[name] and first is None:
            first = _describe(network, emulator, name, executor, stored, expected, got)
    return VerifyReport(
        samples=len(stored),
        outputs=int(np.prod(network.output.shape)),
        differing_bits=sum(by_executor.values()),
        differing_samples=int(wrong.sum()),
        executors=["integer", *(n for n in by_executor if n != "integer")],
        first_difference=first,
        notes=_notes(network),
        by_executor=by_executor,
    )
