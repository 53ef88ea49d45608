"""Post-training quantization on real images: accuracy, exactness, corrected biases, honest sizes, and what is refused."""

import json
import math

import numpy as np
import pytest
from lower.test_lower import PIXELS

from fpgacompress import zoo
from fpgacompress.errors import DataError, UnsupportedError
from fpgacompress.figures import figures_to_json
from fpgacompress.quantize.ptq import bias_shifts, folded_model, mean_sums, post_training
from fpgacompress.quantize.ptq.measure import sqnr_db, table
from fpgacompress.recipe import LayerBits, QuantizeSection
from fpgacompress.train import logits_of
from fpgacompress.train.loop import shaped
from quantize.models import assert_student_exact, mobile, signal


def section(preset="int8", **settings):
    return QuantizeSection(preset=preset, method=settings.pop("method", "ptq"), calibration_samples=500, **settings)


def accuracy(model, data):
    return float((logits_of(model, data.x_val).argmax(1) == data.y_val).mean())


def test_eight_bits_keep_the_float_accuracy(trained_mlp):
    model, data = trained_mlp
    result = post_training(model, section(), data.x)
    assert abs(accuracy(result.student, data) - accuracy(model, data)) <= 0.005
    assert result.report.bytes < result.report.float_bytes / 3.9


@pytest.mark.parametrize("settings", [{}, {"bias_correction": True}, {"equalize": True, "bias_correction": True, "input": 5}])
def test_students_are_bit_exact(trained_mlp, tmp_path, settings):
    model, data = trained_mlp
    result = post_training(model, section("int4", **settings), data.x, input_type=PIXELS)
    network = assert_student_exact(result.student, data.x_val, tmp_path / "student.h5")
    assert network == result.network


@pytest.mark.parametrize("build", [mobile, signal])
def test_every_kind_of_layer(build, images, tmp_path):
    model = build()
    x = images[0][:300]
    result = post_training(model, section(equalize=True, bias_correction=True), x)
    assert_student_exact(result.student, images[2], tmp_path / "student.h5")
    assert result.report.layers[-1].sqnr > 15


def test_more_bits_give_less_noise_everywhere(trained_mlp):
    model, data = trained_mlp
    noise = {b: post_training(model, section(None, default=LayerBits(kernel=b, activation=b, bias=16)), data.x).report for b in (4, 6, 8)}
    for four, six, eight in zip(*(noise[b].layers for b in (4, 6, 8)), strict=True):
        assert four.sqnr < six.sqnr < eight.sqnr
    assert noise[4].weight_bytes < noise[6].weight_bytes < noise[8].weight_bytes


def test_bias_correction_takes_the_mean_error_back(trained_mlp):
    model, data = trained_mlp
    result = post_training(model, section("int4", bias_correction=True), data.x)
    plain = post_training(model, section("int4"), data.x)
    x = shaped(model, data.x[:500])
    wanted = mean_sums(folded_model(model), ["hidden1", "hidden2", "logits"], x)
    left, before = (bias_shifts(wanted, r.student, x) for r in (result, plain))
    for row in result.report.layers:
        if row.bias_shift is not None:
            step = 2.0 ** -(result.network.node(row.layer).bias.type.fraction)
            assert np.abs(left[row.layer]).max() == row.bias_shift <= step + 1e-3 * before[row.layer].max() + 1e-4
            assert row.bias_shift < row.bias_shift_before
    assert np.abs(left["logits"]).max() < 0.3 * np.abs(before["logits"]).max()


def test_a_bias_that_correction_moves_out_of_its_range_gets_a_wider_one(trained_mlp):
    model, data = trained_mlp
    for bits, widened in ((LayerBits(bias_integer=-3), False), (LayerBits(), True)):
        result = post_training(model, section("int4", bias_correction=True, layers={"hidden1": bits}), data.x)
        layer = result.student.get_layer("hidden1")
        largest = float(np.abs(layer.bias.numpy()).max())
        assert largest > 2**-3 and (layer.bias_quantizer_internal.integer >= math.log2(largest)) == widened


def test_biases_lie_on_the_grid_of_their_products(trained_mlp):
    model, data = trained_mlp
    network = post_training(model, section("int4"), data.x).network
    for node in network.weighted:
        source = network.node(node.inputs[0])
        assert node.bias.type.fraction <= source.out.fraction + node.kernel.type.fraction


def test_equalisation_changes_weights_but_no_float_output(trained_mlp):
    model, data = trained_mlp
    result = post_training(model, section(equalize=True), data.x)
    assert [(pair.first, pair.second) for pair in result.report.equalized] == [("hidden1", "hidden2"), ("hidden2", "logits")]
    assert abs(accuracy(result.student, data) - accuracy(model, data)) <= 0.005


def test_dynamic_quantizes_kernels_alone(trained_mlp):
    model, data = trained_mlp
    result = post_training(model, section("int4", method="dynamic"), data.x)
    for layer in result.student.layers:
        if layer.get_weights():
            kernel, bias = layer.get_weights()
            assert len(np.unique(kernel)) <= 16 and np.array_equal(bias, model.get_layer(layer.name).get_weights()[1])
    assert type(result.student.get_layer("relu1")).__name__ == "Activation"
    assert {r.tensor for r in result.report.ranges} == {"kernel"}
    kernels = sum(layer.get_weights()[0].size for layer in result.student.layers if layer.get_weights())
    assert result.report.weight_bytes == kernels // 2 and result.report.bias_bytes == 4 * (32 + 16 + 10)
    with pytest.raises(UnsupportedError, match="no integer network and no firmware"):
        result.require_network()


def test_the_float_model_is_left_as_it_was(trained_mlp):
    model, data = trained_mlp
    before = [w.copy() for w in model.get_weights()]
    post_training(model, section(equalize=True, bias_correction=True), data.x)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_batchnorm_is_folded_into_the_float_model(images):
    model = zoo.build("cnn", (28, 28), 10, {"filters": [3, 4], "hidden": [8], "batchnorm": True})
    for layer in model.layers:
        if type(layer).__name__ == "BatchNormalization":
            layer.set_weights([np.random.default_rng(1).uniform(0.5, 1.5, w.shape) for w in layer.get_weights()])
    x = shaped(model, images[2][:100])
    folded = folded_model(model)
    assert not any(type(layer).__name__ == "BatchNormalization" for layer in folded.layers)
    np.testing.assert_allclose(logits_of(folded, x), logits_of(model, x), rtol=2e-4, atol=2e-4)


def test_the_report_is_plain_and_readable(trained_mlp):
    model, data = trained_mlp
    report = post_training(model, section(bias_correction=True, ranges="percentile", percentile=99.0), data.x).report
    told = json.loads(json.dumps(figures_to_json(report.to_json())))
    assert told["bytes"] == report.weight_bytes + report.bias_bytes and told["calibration_samples"] == 500
    saturated = {(r["layer"], r["tensor"]): r["saturation"] for r in told["ranges"]}
    assert 0 < saturated["hidden1", "kernel"] <= 0.01
    lines = table(report.layers, report.ranges).splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["hidden1", "relu1", "hidden2", "relu2", "logits"]


def test_no_samples_are_refused(trained_mlp):
    model, data = trained_mlp
    with pytest.raises(DataError, match="no calibration samples"):
        post_training(model, section(), data.x[:0])


def test_signal_to_noise():
    assert sqnr_db(100.0, 1.0) == 20 and sqnr_db(1.0, 0.0) == math.inf and sqnr_db(0.0, 1.0) == -math.inf
