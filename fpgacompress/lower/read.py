"""A model of ours or a stranger's, from a file or from memory, made ready and lowered; what was removed or assumed is told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..integer.network import IntegerNetwork
from ..integer.types import FixedType
from ..keras_stack import does_nothing, load_model, prepared
from .inputs import check_type, checked_data, find_type, parse_type, store_data
from .model import lower


@dataclass(frozen=True)
class Reading:
    """A model that was read.

    Attributes:
        model: what was lowered: flat tf_keras model without pruning wrappers, ending in logits.
        original: as it was read or given.
        network: the integer network.
        notes: sentences: what was removed or assumed.
        stored: the data as stored integers of the input type, (n, *input shape) int64; None without data.
    """

    model: Any
    original: Any
    network: IntegerNetwork
    notes: tuple[str, ...]
    stored: np.ndarray | None = None


def read(source: Any, *, input_type: FixedType | str | None = None, data: Any = None, name: str | None = None) -> Reading:
    """Read, prepare and lower a (Q)Keras model.

    Args:
        source: path of a ``.h5`` or ``.keras`` file or of a SavedModel folder, or a tf_keras model.
        input_type: type of the network's input; by default the one of the model's own input quantizer, else the smallest that holds the
            data exactly in 16 bits, else 16 bits over the data's range, else (without data) ``fixed<16,6>``.
        data: real samples as the model reads them (preprocessed), (n, *input shape).
        name: of the network; the model's by default.

    Raises:
        ModelError: the file cannot be read, or the type cannot be understood.
        UnsupportedError: what the integer network cannot compute; names the layer.
        DataError: data of another shape, or not finite.
    """
    original = load_model(source) if isinstance(source, (str, Path)) else source
    ready = prepared(original)
    model, notes = ready.model, list(ready.notes)
    shape = tuple(model.input_shape[1:])
    samples = checked_data(data, shape) if data is not None and None not in shape else None
    if input_type is None:
        kind, note = find_type(model, samples)
        notes.append(note)
    else:
        kind = check_type(parse_type(input_type) if isinstance(input_type, str) else input_type)
    idle = [layer.name for layer in model.layers if type(layer).__name__ != "Activation" and does_nothing(layer)]
    if idle:
        notes.append(f"{', '.join(idle)} act in training only and compute nothing here")
    network = lower(model, kind, name)
    stored = None
    if samples is not None:
        stored, note = store_data(samples, kind)
        notes += [note] if note else []
    return Reading(model, original, network, tuple(notes), stored)
