"""Half a step in the biases: a truncating student starts as if it rounded."""

import numpy as np

from fpgacompress import zoo
from fpgacompress.integer import FixedType, trace
from fpgacompress.keras_stack import load, seed_everything
from fpgacompress.lower import lower
from fpgacompress.quantize.build import quantized_student
from fpgacompress.quantize.truncation import add_half_steps
from fpgacompress.recipe import LayerBits, QuantizeSection

PIXELS = FixedType(8, 0, False)


def students(model, shape, **bits):
    """The same model with rounding and with truncating activations."""
    x = np.random.default_rng(0).uniform(0, 1, (64, *shape)).astype(np.float32)
    default = LayerBits(kernel=6, bias=20, activation=4, **bits)
    return [quantized_student(model, QuantizeSection(default=default, rounding=kind), x) for kind in ("nearest", "truncate")]


def test_a_truncating_student_starts_with_the_activations_of_a_rounding_one():
    """Equal but for exact ties, which go up instead of to the even level; through pooling, too."""
    seed_everything(1)
    for model, shape in (
        (zoo.build("mlp", (49,), 5, {"hidden": [16]}), (49,)),
        (zoo.build("cnn", (8, 8), 5, {"filters": [4], "hidden": []}), (8, 8, 1)),
    ):
        relu = "relu1" if shape == (49,) else "relu_conv1"
        stored = np.random.default_rng(1).integers(0, 256, (200, *shape))
        levels, kinds = [], []
        for student in students(model, shape):
            network = lower(student, PIXELS)
            levels.append(trace(network, stored, [relu])[relu])
            kinds.append(network.node(relu).out)
        assert [k.rounding for k in kinds] == ["RND_CONV", "TRN"] and kinds[0].lsb == kinds[1].lsb
        assert (np.abs(levels[0] - levels[1]) <= 1).all() and (levels[0] != levels[1]).mean() < 0.01 and levels[0].any()


def biases(student):
    return {layer.name: layer.bias.numpy() for layer in student.layers if hasattr(layer, "bias")}


def test_half_a_step_goes_into_one_bias_and_none_that_others_read():
    """Of a sum only one branch gets it; a layer that is read twice is left alone, and its activation is reported."""
    k, q = load().keras, load().qkeras
    weights = {"kernel_quantizer": "quantized_bits(6,0,alpha=1)", "bias_quantizer": "quantized_bits(12,1,alpha=1)"}
    x = k.Input((4,))
    twice = q.QDense(4, name="twice", **weights)(x)
    a = q.QActivation("truncated_relu(4,1)", name="lonely")(twice)
    b = q.QDense(4, name="b", **weights)(a)
    s = q.QActivation("truncated_bits(5,1)", name="sum")(k.layers.Add()([twice, b]))
    inside = q.QDense(3, name="inside", activation="truncated_relu(3,2)", **weights)(s)
    student = k.Model(x, q.QActivation("quantized_relu(4,1)", name="rounds")(inside))
    assert add_half_steps(student) == ["lonely"]
    found = biases(student)
    assert not found["twice"].any()
    assert (found["b"] == 2.0**-4).all()  # step 2**-3
    assert (found["inside"] == 2.0**-2).all()  # step 2**-1


def test_rounding_students_keep_their_biases():
    model = zoo.build("mlp", (9,), 3, {"hidden": [4]})
    nearest, truncated = students(model, (9,))
    assert not biases(nearest)["hidden1"].any() and biases(truncated)["hidden1"].all() and not biases(truncated)["logits"].any()
