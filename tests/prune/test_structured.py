"""Surgery: a channel that nobody listens to can go and no output changes, in every kind of network; what must stay stays."""

import numpy as np
import pytest

from fpgacompress import zoo
from fpgacompress.errors import ModelError, UnsupportedError
from fpgacompress.keras_stack import load, load_model, save_model, seed_everything
from fpgacompress.prune.structured import SCORES, blocks_of, channels_of, chosen, shrunk, without_block
from fpgacompress.quantize.build import quantized_student
from fpgacompress.recipe import QuantizeSection

RNG = np.random.default_rng(8)
MODELS = {
    "mlp": ("mlp", (28, 28), {"hidden": [12, 9], "batchnorm": True}),
    "cnn": ("cnn", (12, 12), {"filters": [5, 6], "hidden": [8], "batchnorm": True}),
    "cnn1d": ("cnn1d", (40,), {"filters": [4, 6], "hidden": [7]}),
    "resnet": ("resnet", (16, 16, 3), {"filters": [4, 6], "blocks": 2}),
    "mobilenet": ("mobilenet", (16, 16), {"first": 4, "filters": [4, 4, 6], "last": 8}),
    "separable": None,
}


def model_of(name, quantized=False):
    seed_everything(3)
    if MODELS[name] is None:
        k = load().keras
        x = inputs = k.Input((10, 10, 2), name="input")
        x = k.layers.SeparableConv2D(6, 3, activation="relu", name="separable")(x)
        y = k.layers.Conv2D(3, 1, activation="relu", name="point")(x)
        x = k.layers.Concatenate(name="both")([x, y])
        x = k.layers.GlobalAveragePooling2D(name="pool")(x)
        model = k.Model(inputs, k.layers.Dense(3, name="logits")(x), name="separable")
    else:
        kind, shape, options = MODELS[name]
        model = zoo.build(kind, shape, 4, options)
    for layer in model.layers:  # moving statistics and biases as after a training
        if layer.weights:
            layer.set_weights([w + RNG.uniform(0.02, 0.3, w.shape).astype(np.float32) if w.ndim == 1 else w for w in layer.get_weights()])
    x = RNG.uniform(0, 1, (64, *model.input_shape[1:])).astype(np.float32)
    return (quantized_student(model, QuantizeSection(preset="int8"), x) if quantized else model), x


def deafened(model, channels, gone):
    """Nobody reads the channels any more."""
    for layer in model.layers:
        kernel = getattr(layer, "pointwise_kernel", None)
        kernel = getattr(layer, "kernel", None) if kernel is None else kernel
        if layer.name in channels.producers:
            lost = np.isin(channels.reads[layer.name], list(gone))
            if getattr(layer, "pointwise_kernel", None) is not None or "Depthwise" not in type(layer).__name__:
                value = kernel.numpy()
                value[..., lost, :] = 0
                kernel.assign(value)


@pytest.mark.parametrize(
    ("name", "quantized"), [*((name, False) for name in MODELS), *((name, True) for name in MODELS if name != "separable")]
)
def test_channels_that_nobody_reads_go_without_a_trace(name, quantized):
    model, x = model_of(name, quantized)
    channels = channels_of(model)
    gone = chosen(model, channels, 0.4, everywhere=False)
    assert gone
    deafened(model, channels, gone)
    smaller = shrunk(model, channels, gone)
    assert np.allclose(smaller(x, training=False), model(x, training=False), atol=1e-5)
    assert smaller.count_params() < model.count_params() and [la.name for la in smaller.layers] == [la.name for la in model.layers]
    assert [type(la) for la in smaller.layers] == [type(la) for la in model.layers]
    for before, after in zip(model.layers, smaller.layers):
        for attribute in ("kernel_quantizer_internal", "quantizer"):
            if quantized and hasattr(before, attribute):
                assert str(getattr(before, attribute)) == str(getattr(after, attribute))
    assert len(channels_of(smaller).groups()) == len(channels.groups())


def test_the_result_is_an_ordinary_model_that_is_saved_and_shrunk_again(tmp_path):
    model, x = model_of("resnet")
    channels = channels_of(model)
    smaller = shrunk(model, channels, chosen(model, channels, 0.25))
    save_model(smaller, tmp_path / "smaller.h5")
    again = load_model(tmp_path / "smaller.h5")
    assert np.array_equal(again(x, training=False), smaller(x, training=False))
    widths = {la.name: la.filters for la in again.layers if hasattr(la, "filters")}
    assert all(
        widths[la.name] == round(0.75 * la.filters) or la.filters == 6 and widths[la.name] in (4, 5)
        for la in model.layers
        if hasattr(la, "filters")
    )
    assert shrunk(again, channels_of(again), chosen(again, channels_of(again), 0.34)).count_params() < again.count_params()


def test_the_mean_of_what_is_lost_goes_into_the_biases():
    model, x = model_of("mlp")
    channels = channels_of(model)
    for layer in model.layers:
        if layer.name == "hidden1":  # every neuron gives nearly always the same
            layer.kernel.assign(layer.kernel * 1e-4)
    gone = {int(n) for n in channels.gives["hidden1"][:6]}
    logits = np.asarray(model(x, training=False))
    plain, mended = (np.asarray(shrunk(model, channels, gone, samples)(x, training=False)) for samples in (None, x))
    assert np.abs(mended - logits).max() < 0.01 * np.abs(plain - logits).max()


def test_scores_find_what_does_not_matter():
    model, x = model_of("cnn")
    channels, layer = channels_of(model), model.get_layer("conv2")
    kernel = layer.kernel.numpy()
    kernel[..., 2] *= 1e-3
    kernel[..., 4] = kernel[..., 1] + 1e-4
    layer.kernel.assign(kernel)
    model.get_layer("bn2").gamma.assign(np.array([1, 1, 1, -1e-3, 1, 1], np.float32))
    gradients = {
        "conv2": np.ones_like(kernel),
        "conv1": np.ones(model.get_layer("conv1").kernel.shape),
        "hidden1": np.ones(model.get_layer("hidden1").kernel.shape),
    }
    own = list(channels.gives["conv2"])

    def lost(score):
        gone = chosen(model, channels, 0.17, score=score, layers={"conv1": 0, "hidden1": 0}, gradients=lambda: gradients)
        return [own.index(n) for n in gone]

    assert lost("l1") == [2] and lost("batchnorm") == [3] and lost("redundancy")[0] in (1, 4, 2)
    sums = np.abs(kernel.reshape(-1, 6).sum(0))
    assert lost("taylor") == [int(np.argmin(sums))]
    assert {*SCORES} == {"l1", "taylor", "batchnorm", "redundancy"}
    most = chosen(model, channels, 0.9, everywhere=True)
    assert len(most) <= round(0.9 * (5 + 6 + 8)) and shrunk(model, channels, most).get_layer("conv1").filters >= 1


def test_widths_that_remain_are_multiples_where_a_layer_is_wide_enough():
    k = load().keras
    inputs = k.Input((6,))
    wide = k.layers.Dense(30, name="wide")(inputs)
    model = k.Model(inputs, k.layers.Dense(3, name="logits")(k.layers.Dense(7, name="narrow")(wide)))
    channels = channels_of(model)

    def widths(**wishes):
        smaller = shrunk(model, channels, chosen(model, channels, wishes.pop("share"), **wishes))
        return [smaller.get_layer(n).units for n in ("wide", "narrow")]

    assert widths(share=0.4) == [18, 4] and widths(share=0.4, align=8) == [16, 4]
    assert widths(share=0.01, align=8) == [24, 7] and widths(share=0.05, align=8) == [24, 7]  # no more than the layer has
    assert widths(share=0.05, align=8, layers={"narrow": 0}) == [24, 7]  # also where the share itself is less than a channel
    assert widths(share=0.95, align=8) == [8, 1] and widths(share=0.4, align=8, layers={"wide": 0}) == [30, 4]
    assert widths(share=0.4, align=8, everywhere=True)[0] in (8, 16, 24)


def test_residual_blocks_go():
    model, x = model_of("resnet")
    names = blocks_of(model)
    assert names and all(type(model.get_layer(n)).__name__ == "Add" for n in names)
    smaller = without_block(model, names[0])
    assert len(smaller.layers) < len(model.layers) and names[0] not in [la.name for la in smaller.layers]
    silent = load().keras.models.clone_model(model)
    silent.set_weights(model.get_weights())
    branch = max(
        silent.get_layer(names[0]).input,
        key=lambda t: len(smaller.layers) if t._keras_history.layer.name not in [la.name for la in smaller.layers] else 0,
    )
    last = branch._keras_history.layer
    last.set_weights([np.zeros_like(w) if i != 3 else w for i, w in enumerate(last.get_weights())])  # BatchNormalization gives 0
    assert np.allclose(silent(x, training=False), smaller(x, training=False), atol=1e-5)
    with pytest.raises(ModelError, match="block 'add9'"):
        without_block(model, "add9")


def test_refusals():
    k = load().keras
    model, _ = model_of("cnn")
    channels = channels_of(model)
    for arguments, message in (
        ({"share": 1.0}, "a share of 1"),
        ({"share": 0.5, "score": "l2"}, "score 'l2'.*did you mean 'l1'"),
        ({"share": 0.5, "layers": {"logits": 0.5}}, "no layer matches 'logits'"),
        ({"share": 0.5, "score": "taylor"}, "taylor needs gradients"),
        ({"share": 0.5, "score": "taylor", "gradients": dict}, "no gradient of 'conv1'"),
    ):
        with pytest.raises(ModelError, match=message):
            chosen(model, channels, **arguments)
    with pytest.raises(ModelError, match="channels of the network's input or output"):
        shrunk(model, channels, channels.gives["logits"][:1])
    with pytest.raises(ModelError, match="all 5 channels of 'conv1' would go"):
        shrunk(model, channels, channels.gives["conv1"])
    single = k.Sequential([k.Input((4,)), k.layers.Dense(3, name="logits")])
    with pytest.raises(ModelError, match="no channel of .* may be taken out"):
        chosen(single, channels_of(single), 0.5)
    inputs = k.Input((8,))
    x = k.layers.Reshape((4, 2), name="reshape")(k.layers.Dense(8, name="a")(inputs))
    odd = k.Model(inputs, k.layers.Dense(3, name="logits")(k.layers.Flatten()(x)))
    assert channels_of(odd).groups() == [] and "Reshape mixes" in channels_of(odd).obstacles["reshape"]
    twice = k.layers.Dense(8, name="again")
    with pytest.raises(UnsupportedError, match="'again' is called more than once"):
        channels_of(k.Model(inputs, twice(twice(inputs))))
