"""Each rule on the smallest model that breaks it, with exact numbers, and silent on one that does not."""

import numpy as np
import pytest

from fpgacompress import keras_stack
from fpgacompress.auditing import RULES, audit
from fpgacompress.errors import DataError

stack = keras_stack.load()
keras, qkeras, L = stack.keras, stack.qkeras, stack.keras.layers
Q = {"kernel_quantizer": "quantized_bits(8,0,alpha=1)", "bias_quantizer": "quantized_bits(8,0,alpha=1)"}
EXACT = np.arange(-32, 32).reshape(16, 4) / 32  # on the grid of fixed<16,6>


def model(*layers, inputs=4):
    return keras.Sequential([keras.Input((inputs,), name="x"), *layers])


def dense(units=3, name="fc", **settings):
    return qkeras.QDense(units, name=name, **(Q | settings))


def relu(name="r", bits="8,2"):
    return qkeras.QActivation(f"quantized_relu({bits})", name=name)


def set_kernel(net, values, name="fc", bias=0.0):
    layer = net.get_layer(name)
    kernel = np.broadcast_to(np.asarray(values, np.float32), layer.kernel.shape)
    layer.set_weights([kernel, np.broadcast_to(np.float32(bias), layer.bias.shape)][: len(layer.weights)])
    return net


def rules_of(report, *severities):
    return {f.rule for f in report.findings if not severities or f.severity in severities}


def test_a_sound_model_has_no_error_or_warning():
    net = model(dense(8, "fc1"), relu(), dense(3, "logits"))
    for name, seed in (("fc1", 0), ("logits", 1)):
        set_kernel(net, np.random.default_rng(seed).integers(-100, 100, net.get_layer(name).kernel.shape) / 128, name)
    assert rules_of(audit(net, EXACT), "error", "warning") == set()


def test_every_rule_has_its_findings_named_like_itself_and_a_docstring():
    assert all(RULES.get(name).name == name and RULES.get(name).look.__doc__ for name in RULES.names())


def test_an_activation_inside_a_layer_can_be_linear_too():
    report = audit(model(dense(5, "fc1", activation="quantized_bits(6,2,alpha=1)"), dense(3, "out")))
    (found,) = report.of("linear-relu")
    assert (found.layer, found.severity) == ("fc1", "warning") and "activation='quantized_relu(6,2)'" in found.fix
    assert report.of("linear-model")


@pytest.mark.parametrize(
    "between",
    [
        lambda: [relu()],
        lambda: [qkeras.QActivation("quantized_bits(8,2,keep_negative=False,alpha=1)", name="r")],
        lambda: [qkeras.QActivation("quantized_bits(8,2,alpha=1)", name="q"), relu()],
        lambda: [qkeras.QActivation("ternary(alpha=1)", name="t")],
    ],
)
def test_real_non_linearities_are_not_called_linear(between):
    report = audit(model(dense(5, "fc1"), *between(), dense(3, "out")))
    assert not report.of("linear-relu") and not report.of("linear-model")


def test_a_linear_quantizer_before_a_residual_sum_is_fine():
    x = image = keras.Input((4,))
    x = relu("r1")(dense(4, "fc1")(x))
    y = qkeras.QActivation("quantized_bits(8,2,alpha=1)", name="q")(dense(4, "fc2")(x))
    x = relu("r2")(L.Add()([x, y]))
    assert not audit(keras.Model(image, dense(3, "out")(x))).of("linear-relu")


def test_a_linear_layer_inside_a_model_inside_the_model_is_found():
    inner = keras.Sequential([keras.Input((4,)), dense(5, "fc1"), qkeras.QActivation("quantized_bits(6,2,alpha=1)", name="relu_in")])
    report = audit(model(inner, dense(2, "out")))
    assert [f.layer for f in report.of("linear-relu")] == ["relu_in"]


def test_levels_and_zeros_are_counted_after_the_quantizer():
    net = model(dense(10, "fc"), inputs=10)
    kernel = np.zeros((10, 10))
    kernel[:, :2] = 0.5  # 20 weights
    kernel[:, 2:5] = -0.003  # 30 weights that round to zero: half a step is 1/256
    row = audit(set_kernel(net, kernel)).row("fc")
    assert (row.nominal_sparsity, row.effective_sparsity, row.levels_used, row.levels) == (0.5, 0.8, 2, 256)
    assert (row.multiplications, row.nonzero_multiplications) == (100, 20)


def test_nominal_sparsity_is_found_from_a_tenth_on():
    net = model(dense(10, "fc"), inputs=10)
    kernel = np.full((10, 10), 0.5)
    kernel[0] = 0.001
    assert audit(set_kernel(net, kernel)).of("nominal-sparsity")[0].numbers["effective"] == 0.1
    kernel[0, 0] = 0.5
    assert not audit(set_kernel(net, kernel)).of("nominal-sparsity")


@pytest.mark.parametrize(
    ("values", "bits", "better"),
    [
        ([0.5, -0.5, 0.0], 2, "quantized_bits(2,0,"),
        ([3 / 128, -1 / 128, 0], 3, "quantized_bits(3,-5,"),
        ([0.75, 0.25, -1], 3, "quantized_bits(3,0,"),
    ],
)
def test_few_levels_names_the_narrowest_quantizer_that_holds_the_same_weights(values, bits, better):
    net = set_kernel(model(dense(3)), values)
    (found,) = audit(net).of("few-levels")
    assert found.numbers["bits_needed"] == bits and better in found.fix
    narrow = stack.qkeras.get_quantizer(found.fix.split(" holds")[0])
    kernel = net.get_layer("fc").kernel
    assert np.array_equal(narrow(kernel), net.get_layer("fc").kernel_quantizer_internal(kernel))


def test_weights_beyond_the_range_are_counted():
    net = model(dense(4, kernel_quantizer="quantized_bits(4,-1,alpha=1)"))
    kernel = np.full((4, 4), 0.25)
    kernel[0] = 0.75
    report = audit(set_kernel(net, kernel))
    (found,) = report.of("quantizer-overflow")
    assert report.row("fc").clipped == found.numbers["clipped"] == 0.25
    assert "quantized_bits(4,0,alpha=1)" in found.fix


@pytest.mark.parametrize("alpha", ["'auto'", "'auto_po2'", None])
def test_automatic_scales_are_found_and_none_is_auto_po2(alpha):
    text = "quantized_bits(4,0)" if alpha is None else f"quantized_bits(4,0,1,alpha={alpha})"
    (found,) = audit(model(dense(kernel_quantizer=text))).of("auto-alpha")
    assert found.numbers["alpha"] == ("auto_po2" if alpha is None else alpha.strip("'"))


def test_automatic_scales_are_divided_out_before_levels_are_counted():
    net = set_kernel(model(dense(3, kernel_quantizer="quantized_bits(4,0,1,alpha='auto_po2')")), [0.5, 0.25, 0.125])
    assert audit(net).row("fc").levels_used == 1


def test_missing_quantizers():
    report = audit(model(dense(name="a", bias_quantizer=None), relu(), L.Dense(2, name="b")))
    assert [f.layer for f in report.of("bias-without-quantizer")] == ["a"] and [f.layer for f in report.of("kernel-without-quantizer")] == [
        "b"
    ]
    assert rules_of(report, "error") >= {"bias-without-quantizer", "kernel-without-quantizer", "not-lowerable"}


def test_weights_that_are_not_finite_are_an_error():
    report = audit(set_kernel(model(dense()), [np.nan, 0.5, np.inf]), EXACT)
    assert report.of("not-finite", "fc")[0].numbers["count"] == 8


def test_a_float_model_is_told_once():
    report = audit(model(L.Dense(5, activation="relu"), L.Dense(3)))
    (found,) = report.of("kernel-without-quantizer")
    assert found.layer is None and found.numbers == {"layers": 2, "weights": 35} and "float weights" in report.lowers


def test_what_cannot_be_lowered_is_audited_all_the_same():
    report = audit(keras.Sequential([keras.Input((4, 2)), L.LSTM(3), dense(2)]))
    assert "LSTM" in report.of("not-lowerable")[0].evidence and report.row("fc").weights == 6
    assert set(report.not_checked) >= {"accumulator", "constant-neurons", "input-range"}


def test_a_subclassed_model_has_a_table_and_the_reason():
    class Mine(keras.Model):
        def __init__(self):
            super().__init__()
            self.fc = dense()

        def call(self, x):
            return self.fc(x)

    mine = Mine()
    mine(np.zeros((1, 4), np.float32))
    report = audit(mine)
    assert report.row("fc").weights == 12 and "subclassed" in report.lowers


def test_softmax_inside_and_at_the_end_are_different_findings():
    report = audit(model(dense(4, "fc1"), L.Softmax(name="mid"), dense(3, "out"), L.Activation("softmax", name="end")))
    assert [f.layer for f in report.of("softmax-inside")] == ["mid"] and [f.layer for f in report.of("softmax-end")] == ["end"]


def test_a_final_softmax_alone_does_not_prevent_the_exact_form():
    assert audit(model(dense(), L.Activation("softmax"))).lowers is None


@pytest.mark.parametrize(("loss", "told"), [("sparse_categorical_crossentropy", True), ("mse", False)])
def test_logits_into_a_loss_of_probabilities(loss, told):
    net = model(dense())
    net.compile("sgd", loss)
    assert bool(audit(net).of("softmax-twice")) is told


def test_a_right_loss_is_not_told():
    net = model(dense())
    net.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    assert not audit(net).of("softmax-twice")
    net = model(dense(), L.Softmax())
    net.compile("sgd", "sparse_categorical_crossentropy")
    assert not audit(net).of("softmax-twice")


def test_distillation_between_logits_is_not_called_inert():
    teacher = model(L.Dense(3, kernel_initializer="ones"))
    assert not audit(model(dense()), EXACT, teacher=teacher).of("inert-distillation")


def test_values_outside_the_input_type_are_counted():
    x = np.full((10, 4), 0.5)
    x[0] = 40
    (found,) = audit(model(dense()), x).of("input-range")
    assert found.numbers["outside"] == 0.1 and found.numbers["better"] == "ufixed<7,6>" and "wrap" in found.evidence
    assert not audit(model(dense()), x, input_type="fixed<16,7>").of("input-range")


def test_the_default_input_type_is_said_to_be_one():
    report = audit(model(dense()))
    assert report.input_type == "fixed<16,6>" and "no type was given" in report.input_origin
    assert audit(model(dense()), input_type="ufixed<8,0>").input_origin == "as given"


def test_values_between_the_steps_are_counted():
    x = np.tile([0.5, 0.25, 1 / 3, 2.0**-12], (8, 1))
    (found,) = audit(model(dense()), x).of("input-precision")
    assert (found.numbers["changed"], found.numbers["to_zero"]) == (0.5, 0.25)
    assert not audit(model(dense()), EXACT).of("input-precision")


@pytest.mark.parametrize(("scale", "offset"), [(2, -1), (256, 0), (1 / 256, 0)])
def test_another_scale_on_the_board_is_named(scale, offset):
    x = np.random.default_rng(0).uniform(size=(200, 4))
    x[0, :2] = 0, 1
    (found,) = audit(model(dense()), x, deployed=scale * x + offset).of("deployed-range")
    assert (found.numbers["scale"], found.numbers["offset"]) == (scale, offset)


def test_the_same_scale_on_the_board_is_fine():
    x = np.random.default_rng(0).uniform(size=(400, 4))
    assert not audit(model(dense()), x[:200], deployed=x[200:]).of("deployed-range")


def hls(precision, layer="fc"):
    return {"Model": {"Precision": "fixed<16,6>"}, "LayerName": {layer: {"Precision": precision}}}


def test_the_configuration_hls4ml_makes_itself_is_not_told():
    net = set_kernel(model(dense(), relu()), 0.5)
    own = {"weight": "fixed<8,1,TRN,WRAP,0>", "bias": "fixed<8,1,TRN,WRAP,0>", "result": "auto", "accum": "auto"}
    config = {
        "Model": {"Precision": {"default": "fixed<16,6>"}},
        "LayerName": {"fc": {"Precision": own}, "r": {"Precision": {"result": "ufixed<8,2,RND_CONV,SAT,0>"}}},
    }
    assert not audit(net, hls_config=config).of("hls-config", "fc")
    assert not audit(net, hls_config=config).of("hls-config", "r")


def test_a_model_wide_type_narrows_the_sums():
    net = set_kernel(model(dense(), relu()), 0.5)
    (found,) = audit(net, hls_config={"Model": {"Precision": "ap_fixed<8,4>"}}).of("hls-config", "fc")
    assert found.numbers["accum"] == "fixed<8,4>" and found.numbers["own_accum"] == str(audit(net).row("fc").accumulator)


def test_layers_the_model_does_not_have_are_named():
    (found,) = audit(model(dense()), hls_config=hls({"result": "auto"}, "other")).of("hls-config", None)[:1]
    assert any(f.numbers.get("unknown") == ["other"] for f in audit(model(dense()), hls_config=hls({"result": "auto"}, "other")).findings)


def test_constant_neurons_are_certain_and_dead_ones_seen():
    net = model(dense(3), relu(bits="8,0"), dense(2, "out"))
    kernel = np.zeros((4, 3))
    kernel[0] = [0.5, 0, -0.25]  # neuron 1 reads nothing, neuron 2 is negative on this data
    report = audit(set_kernel(net, kernel), np.abs(EXACT) + 1 / 32)
    assert report.of("constant-neurons")[0].numbers["indices"] == [1]
    assert report.of("dead-neurons")[0].numbers["indices"] == [2]


def test_a_layer_that_is_all_zero_is_an_error():
    report = audit(set_kernel(model(dense(3), relu(), dense(2, "out")), 0.001))
    assert report.of("constant-neurons", "fc")[0].severity == "error"


def test_wrappers_and_weights_their_masks_have_not_reached():
    pruned = keras_stack.load_tfmot().prune_low_magnitude(model(dense()))
    assert audit(pruned).of("pruning-wrapper")[0].severity == "warning"
    wrapper = pruned.layers[0]
    weight, mask, _ = wrapper.pruning_vars[0]
    mask.assign(np.r_[np.zeros(3), np.ones(9)].reshape(4, 3))
    weight.assign(np.full((4, 3), 0.5))
    report = audit(pruned, EXACT)
    (found,) = report.of("pruning-wrapper")
    assert found.severity == "error" and found.numbers["unmasked"] == {"fc": 3}
    assert (
        report.row("fc").effective_sparsity == 0.25 and np.count_nonzero(weight) == 12
    )  # as the forward sees them; the model is not touched


def test_dropout_is_a_note_and_float_batchnorm_an_error():
    report = audit(model(dense(), L.Dropout(0.5, name="d"), L.BatchNormalization(name="bn"), relu()))
    assert report.of("dropout-left")[0].numbers["layers"] == ["d"]
    assert report.of("batchnorm-left", "bn")[0].severity == "error"


def test_sums_beyond_the_default_type_and_beyond_float32():
    net = set_kernel(model(dense(1, kernel_quantizer="quantized_bits(16,0,alpha=1)"), inputs=64), 0.75)
    report = audit(net, np.full((4, 64), 2.0))
    (found,) = report.of("accumulator")
    assert found.severity == "warning" and found.numbers["outside"] == 1 and found.numbers["exact"] == report.row("fc").accumulator
    assert report.of("float32-inexact")[0].numbers["bits"] > 24


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"data": np.zeros((3, 5))}, r"data of shape \(3, 5\)"),
        ({"data": np.full((2, 4), np.nan)}, "NaN"),
        ({"input_type": "float"}, "fixed-point type"),
        ({"hls_config": {"a": 1}}, "no hls4ml configuration"),
        ({"temperature": 0}, "temperature"),
        ({"data": "no_such_set"}, "no data source"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(DataError, match=message):
        audit(model(dense()), **arguments)


def test_the_public_face_has_the_function():
    import fpgacompress

    net = set_kernel(model(dense()), 0.5)
    assert fpgacompress.audit(net).to_json() == audit(net).to_json()
