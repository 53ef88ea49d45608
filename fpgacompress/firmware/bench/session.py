"""Samples through a board: their classes, and the test of stored vectors."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import DataError
from .driver import Driver
from .files import Bench, Vectors


@dataclass(frozen=True)
class Answers:
    """What a board said to samples.

    Attributes:
        stored: stored integers of the output, int64 ``(n, *output shape)``.
        logits: their values, float64 ``(n, outputs)``.
        seconds: for all samples, the line included.
    """

    stored: np.ndarray
    logits: np.ndarray
    seconds: float


def stored_inputs(bench: Bench, samples: np.ndarray) -> np.ndarray:
    """Stored integers ``(n, *input shape)`` of samples.

    Args:
        bench: the design; its preprocessing is applied.
        samples: raw ``(n, ...)``, or a single one; where the design has no preprocessing, values as the network reads them.

    Raises:
        DataError: samples of another shape or that are no numbers, or, without preprocessing, values that the input type does not hold.
    """
    samples, values = np.asarray(samples), bench.layout.inputs
    size = int(np.prod(values.shape))
    if samples.size == size and samples.shape[:1] != (1,):
        samples = samples[None]
    if samples.ndim < 1 or not len(samples) or samples.size != len(samples) * size or samples.dtype.kind not in "biuf":
        wanted = ", ".join(map(str, values.shape))
        raise DataError(f"samples of shape {samples.shape} and dtype {samples.dtype}", expected=f"numbers, (n, {wanted}) or one sample")
    if bench.preprocessing is not None:
        return bench.preprocessing.apply_integer(samples).reshape(-1, *values.shape)
    try:
        return values.type.exactly(samples).reshape(-1, *values.shape)
    except ValueError as error:
        raise DataError(f"the design has no preprocessing, and {error}", expected="values as the network reads them") from None


def infer(driver: Driver, payloads: np.ndarray) -> Answers:
    """Send samples one by one.

    Args:
        driver: connected.
        payloads: uint8 ``(n, payload bytes)``, as ``bench.layout.inputs.pack`` makes them of stored integers.

    Raises:
        ToolError: a sample got no right answer.
    """
    outputs, begun = driver.bench.layout.outputs, time.monotonic()
    found = outputs.unpack(_answers(driver, payloads))
    return Answers(found, outputs.type.to_float(found).reshape(len(found), -1), time.monotonic() - begun)


def _answers(driver: Driver, payloads: np.ndarray) -> np.ndarray:
    """Bodies of the answers, uint8 ``(n, answer bytes)``."""
    bodies = [np.frombuffer(driver.infer(payload.tobytes()), np.uint8) for payload in payloads]
    return np.array(bodies, np.uint8).reshape(len(payloads), -1)


def selftest(driver: Driver, vectors: Vectors) -> dict[str, Any]:
    """Send the stored vectors and compare every bit.

    Args:
        driver: connected.
        vectors: of its design.

    Returns:
        Plain dictionary: ``vectors``, ``bits`` (compared), ``differing_bits``, ``differing_vectors``, ``first_difference`` (None, or ``vector``,
        ``output``, ``expected`` and ``got``, stored integers), ``seconds``.

    Raises:
        ToolError: a vector got no right answer.
    """
    begun = time.monotonic()
    got = _answers(driver, vectors.inputs)
    wrong = np.bitwise_count(got ^ vectors.outputs).sum(1)
    first = None
    if wrong.any():
        vector = int(np.argmax(wrong > 0))
        outputs = driver.bench.layout.outputs
        wanted, found = (outputs.unpack(data[vector : vector + 1]).ravel() for data in (vectors.outputs, got))
        output = int(np.argmax(wanted != found))
        first = {"vector": vector, "output": output, "expected": int(wanted[output]), "got": int(found[output])}
    return {
        "vectors": len(vectors),
        "bits": len(vectors) * driver.bench.core.output_bits,
        "differing_bits": int(wrong.sum()),
        "differing_vectors": int(np.count_nonzero(wrong)),
        "first_difference": first,
        "seconds": round(time.monotonic() - begun, 3),
    }
