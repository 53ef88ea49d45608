"""What a float model computes on calibration samples: the activations that ranges are fitted to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..keras_stack import load


def outputs(model: Any, names: Sequence[str], samples: np.ndarray) -> dict[str, np.ndarray]:
    """Outputs of some layers, all from one run over the samples.

    Args:
        model: tf_keras model.
        names: of its layers.
        samples: inputs ``(n, *input_shape)``, training data only.

    Returns:
        Layer name to its outputs ``(n, *shape)`` float32, with the activation inside the layer applied.
    """
    if not names:
        return {}
    probe = load().keras.Model(model.inputs, [model.get_layer(name).output for name in names])
    values = probe.predict(samples, batch_size=512, verbose=0)
    return dict(zip(names, values if len(names) > 1 else [values], strict=True))
