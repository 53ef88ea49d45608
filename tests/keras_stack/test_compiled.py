"""Our quantizers give the same levels eagerly and in a compiled graph, whose optimizer rewrites divisions by constants."""

import numpy as np
import pytest
from lower.models import qkeras, stack

tf = stack.tf
make = qkeras.quantizers


@pytest.mark.parametrize(
    "quantizer",
    [
        make.channel_bits(4, [-1, 0, 1, 2, 3, -2, -3, 0, -1, 5, 1]),
        make.channel_bits(1, [-1, 0, 1, 2, 3, -2, -3, 0, -1, 5, 1]),
        make.truncated_bits(4, -1),
        make.truncated_relu(4, -1),
    ],
    ids=str,
)
def test_values_on_and_beside_every_border_are_the_same_in_a_graph(quantizer):
    borders = np.arange(-20, 21)[:, None] / 2
    step = 2.0 ** (np.asarray(quantizer.integer, np.float64) - quantizer.bits + 1)
    values = (borders * step * np.ones(11)).astype(np.float32)
    values = np.concatenate([values, np.nextafter(values, np.float32(99)), np.nextafter(values, np.float32(-99))])
    weights = tf.Variable(values)
    assert np.array_equal(tf.function(lambda: quantizer(weights))(), quantizer(tf.constant(values)))
