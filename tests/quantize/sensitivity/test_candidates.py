import numpy as np
import pytest

from fpgacompress import zoo
from fpgacompress.errors import ModelError, UnsupportedError
from fpgacompress.integer.types import FixedType
from fpgacompress.keras_stack import load, seed_everything
from fpgacompress.lower import lower
from fpgacompress.quantize.build import quantized_kernel, quantized_student
from fpgacompress.quantize.sensitivity import Candidates, Tensor
from fpgacompress.train.loop import shaped

PIXELS = FixedType(8, 0, False)


def choice_of(candidates, seed):
    rng = np.random.default_rng(seed)
    return {tensor: int(rng.choice(widths)) for tensor, widths in candidates.options.items()}


def test_tensors_are_the_kernels_the_relus_and_the_input(candidates):
    kernels = [Tensor(name, "kernel") for name in ("hidden1", "hidden2", "logits")]
    assert list(candidates.options) == [*kernels, Tensor("relu1", "activation"), Tensor("relu2", "activation"), Tensor("input", "input")]
    assert set(candidates.options.values()) == {(8, 4, 2)}
    assert candidates.readers == {
        "hidden1": Tensor("input", "input"),
        "hidden2": Tensor("relu1", "activation"),
        "logits": Tensor("relu2", "activation"),
    }


@pytest.mark.parametrize("seed", range(3))
def test_a_mixed_choice_is_built_with_exactly_these_kernels_and_types(candidates, trained_mlp, fashion, seed):
    model, data = trained_mlp
    choice = choice_of(candidates, seed)
    student = quantized_student(model, candidates.recipe(choice), shaped(model, data.x[:256]))
    network = lower(student, fashion.preprocessing.input_type)
    change = candidates.change(choice)
    for tensor, bits in choice.items():
        if tensor.kind == "kernel":
            np.testing.assert_array_equal(change.kernels[tensor.layer], quantized_kernel(student.get_layer(tensor.layer)))
        elif tensor.kind == "activation":
            assert network.node(tensor.layer).out == change.types[tensor.layer]
        else:
            assert (tensor.layer in change.types) == (bits < 8)
            assert bits == 8 or network.nodes[1].out == change.types[tensor.layer]


def test_a_layer_with_its_relu_inside_and_a_residual_net_have_one_activation_per_relu():
    seed_everything(1)
    x = np.random.default_rng(1).integers(0, 256, (32, 12, 12)) / 256
    net = zoo.build("resnet8", (12, 12), 4, {"filters": [2, 3, 3]})
    found = Candidates(net, shaped(net, x), PIXELS, bits=(4, 3))
    relus = [layer.name for layer in net.layers if layer.name.startswith("relu")]
    assert sorted(found.owners) == sorted(relus) and found.owners["relu1"] == "conv1b"
    section = found.recipe(choice_of(found, 1))
    twin = quantized_student(net, section, shaped(net, x))
    assert len(lower(twin, PIXELS).weighted) == len([t for t in found.options if t.kind == "kernel"])

    keras = load().keras
    inside = keras.Sequential(
        [keras.layers.Input((9,)), keras.layers.Dense(5, activation="relu", name="one"), keras.layers.Dense(3, name="two")]
    )
    found = Candidates(inside, x.reshape(-1, 9).astype(np.float32), PIXELS, bits=(4, 3))
    assert found.owners == {"one": "one"} and found.readers["two"] == Tensor("one", "activation")


def test_averages_and_depthwise_layers_have_widths_of_their_own():
    keras = load().keras
    seed_everything(1)
    layers = keras.layers
    net = keras.Sequential(
        [
            layers.Input((8, 8, 2)),
            layers.DepthwiseConv2D(3, name="spatial"),
            layers.ReLU(name="relu"),
            layers.Conv2D(4, 1, name="point"),
            layers.ReLU(name="relu2"),
            layers.GlobalAveragePooling2D(name="average"),
            layers.Dense(3, name="logits"),
        ]
    )
    x = np.random.default_rng(1).integers(0, 256, (32, 8, 8, 2)).astype(np.float32) / 256
    found = Candidates(net, x, PIXELS, bits=(5, 3))
    assert Tensor("average", "activation") in found.options and found.readers["logits"] == Tensor("average", "activation")
    choice = choice_of(found, 2)
    network = lower(quantized_student(net, found.recipe(choice), x), PIXELS)
    assert network.node("spatial").kernel.type.width == choice[Tensor("spatial", "kernel")]
    assert network.node(network.node("logits").inputs[0]).out.width == choice[Tensor("average", "activation")]


def test_sums_between_two_layers_have_a_width_of_their_own():
    seed_everything(1)
    x = np.random.default_rng(1).integers(0, 256, (32, 12, 12)) / 256
    net = zoo.build("mobilenet", (12, 12), 4, {"first": 3, "filters": [3, 4], "expansion": 2, "last": 5})
    found = Candidates(net, shaped(net, x), PIXELS, bits=(6, 4, 3))
    assert found.readers["expand2"] == Tensor("add1", "activation") and found.readers["last"] == Tensor("bn_project2", "activation")
    assert found.owners["add1"] == "project1" and found.owners["bn_project2"] == "project2"
    choice = choice_of(found, 3)
    network = lower(quantized_student(net, found.recipe(choice), shaped(net, x)), PIXELS)
    for name in ("add1", "bn_project2"):
        assert network.node(f"{name}_quantizer").out == found.change(choice).types[name]
        assert network.node(f"{name}_quantizer").out.width == choice[Tensor(name, "activation")]


def test_an_exact_sum_of_activations_is_refused():
    keras = load().keras
    entry = keras.layers.Input((4,))
    arms = [keras.layers.Dense(3, activation="relu", name=name)(entry) for name in ("one", "two")]
    net = keras.Model(entry, keras.layers.Dense(2, name="three")(keras.layers.Add(name="sum")(arms)))
    with pytest.raises(UnsupportedError, match="'three' reads the exact sum of 'sum'"):
        Candidates(net, np.zeros((4, 4), np.float32), PIXELS, bits=(4,))


def test_widths_outside_2_to_16_are_refused(trained_mlp):
    with pytest.raises(ModelError, match="from 2 to 16"):
        Candidates(trained_mlp[0], np.zeros((4, 784), np.float32), PIXELS, bits=(8, 1))
