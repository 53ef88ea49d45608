"""The faults of the published demo models are all found, at the right layer, with the right numbers; our own student has none of them."""

import pytest

from fpgacompress.auditing import audit

from . import published
from .published import DEMO_DATA

ROOT = DEMO_DATA.parents[1]


def one(report, rule, layer=None):
    (finding,) = report.of(rule, layer)
    return finding


# defect 1: distillation of softmax outputs


def test_distillation_of_a_softmax_student_is_inert(fashion_qat):
    found = one(fashion_qat, "inert-distillation", "softmax")
    assert found.numbers["classes"] == 10 and found.numbers["temperature"] == 10
    assert 4.6e-4 < found.numbers["on_outputs"] < 4.9e-4 and 0.162 < found.numbers["on_logits"] < 0.164
    assert "0.163" in found.evidence


def test_the_measured_distillation_of_the_gamma_student_is_under_one_percent_of_its_task_loss(gamma):
    numbers = one(gamma, "inert-distillation", "outputActivation").numbers
    assert numbers["at_start_on_outputs"] < 0.01 * numbers["task_loss_at_start"]
    assert numbers["at_start_on_logits"] > 100 * numbers["at_start_on_outputs"]
    assert numbers["temperature"] == 9 and numbers["samples"] == 970


def test_the_loss_was_told_of_logits_that_are_a_sigmoid(gamma):
    found = one(gamma, "softmax-twice", "outputActivation")
    assert found.numbers["from_logits"] is True and found.numbers["proper"] == 0 and 0.31 < found.numbers["plain"] < 0.32


def test_keras_own_loss_notices_that_and_the_audit_says_so(gamma):
    found = one(gamma, "softmax-twice", "outputActivation")
    assert found.severity == "warning" and found.numbers["in_training"] == 0 and "Keras notices" in found.evidence


# defect 2: relu layers that are linear


@pytest.mark.parametrize("layer", ["relu1", "relu2", "relu3"])
@pytest.mark.parametrize("model", ["fashion_qat", "binary_qap", "gamma"])
def test_layers_called_relu_are_linear(request, model, layer):
    found = one(request.getfixturevalue(model), "linear-relu", layer)
    assert found.severity == "error" and "quantized_relu(" in found.fix
    assert found.numbers["low"] < 0 and found.numbers["above"] and found.numbers["below"]


def test_deep_models_are_one_matrix(fashion_qat, binary_qap, gamma):
    assert one(fashion_qat, "linear-model").numbers["one_matrix"] == [784, 10]
    assert one(fashion_qat, "linear-model").numbers["weights"] == 223_200
    assert one(binary_qap, "linear-model").numbers["one_matrix"] == [784, 2]
    assert one(gamma, "linear-model").numbers["weighted_layers"] == 6


def test_the_one_matrix_gives_the_binary_models_classes(binary_qap):
    assert one(binary_qap, "linear-model").numbers["agreement"] > 0.99


# defect 3: dead start


def test_every_first_weight_of_the_fashion_model_is_dead_as_its_initializer_draws_it(fashion_qat):
    found = one(fashion_qat, "dead-start", "fc1")
    assert found.numbers["dead"] == 1 and found.numbers["half_step"] == 0.0625 and found.numbers["largest"] < 0.0625
    assert found.severity == "warning" and fashion_qat.row("fc1").dead_at_start == 1


def test_and_qkeras_silently_draws_them_much_wider(fashion_qat):
    assert 20 < fashion_qat.row("fc1").start_scale < 22
    assert "21.1 times wider" in one(fashion_qat, "dead-start", "fc1").evidence


def test_half_of_the_binary_models_first_weights_start_dead(binary_qap):
    found = one(binary_qap, "dead-start", "fc1")
    assert 0.49 < found.numbers["dead"] < 0.52 and found.severity == "note"
    assert binary_qap.row("fc1").start_scale == 1


# defect 4: nominal and effective


def test_20_percent_pruned_is_50_percent_zero(binary_qap):
    row = binary_qap.row("fc1")
    assert row.nominal_sparsity == 784 / 3920 and 0.48 < row.effective_sparsity < 0.55
    assert one(binary_qap, "nominal-sparsity", "fc1").numbers["levels"] == 256


def test_a_ternary_layer_is_paid_as_8_bit(binary_qap):
    found = one(binary_qap, "few-levels", "fc1")
    assert found.numbers == {"levels_used": 3, "levels": 256, "bits_needed": 2, "bits": 8}
    assert "ternary" in found.evidence and "quantized_bits(2,-3,alpha=1)" in found.fix


# defect 5: the configuration, and alpha


@pytest.mark.parametrize("layer", ["fc1", "fc2", "fc3", "fc4", "fc5", "output"])
def test_the_forced_configuration_overrides_every_weighted_layer(gamma, layer):
    found = one(gamma, "hls-config", layer)
    own = "fixed<16,7>" if layer == "output" else "fixed<8,5>"
    assert found.severity == "error" and found.numbers["weight"] == "fixed<8,4>" and found.numbers["own_weight"] == own
    assert found.numbers["accum"] == "fixed<8,4>"


def test_it_overrides_the_activations_too(gamma):
    assert one(gamma, "hls-config", "relu1").numbers == {"result": "fixed<8,4>", "own_result": "fixed<8,1,RND_CONV,SAT>"}


def test_the_first_layers_sums_do_not_fit_it(gamma):
    numbers = one(gamma, "hls-config", "fc1").numbers
    assert numbers["low"] < -8 or numbers["high"] > 8


def test_unset_alpha_is_auto_po2(gamma):
    assert [f.layer for f in gamma.of("auto-alpha")] == ["fc1", "fc2", "fc3", "fc4", "fc5", "output"]
    assert one(gamma, "auto-alpha", "fc1").numbers["alpha"] == "auto_po2"
    assert all(row.levels_used <= row.levels for row in gamma.layers)


# defect 6: range


def test_raw_pulses_do_not_fit_the_input_type(gamma):
    found = one(gamma, "input-range")
    assert found.severity == "error" and (found.numbers["low"], found.numbers["high"]) == (16, 505)
    assert 0.99 < found.numbers["outside"] < 1 and found.numbers["better"] == "ufixed<9,9>"
    assert gamma.input_type == "fixed<16,6>" and gamma.input_origin == "from the hls4ml configuration"


def test_the_activations_of_the_gamma_student_saturate(gamma):
    assert one(gamma, "saturation", "relu1").numbers["saturated"] > 0.9


# defect 7: skew


def test_a_board_that_scales_by_256_is_seen(gamma):
    found = one(gamma, "deployed-range")
    assert found.severity == "error" and (found.numbers["scale"], found.numbers["offset"]) == (256, 0)


def test_a_board_on_minus_one_to_one_is_seen():
    x, _ = published.clothes(classes=(1, 9))
    model = published.keras.Sequential([published.keras.Input((784,)), published.L.Dense(2)])
    found = one(audit(model, x, deployed=2 * x - 1), "deployed-range")
    assert (found.numbers["scale"], found.numbers["offset"]) == (2, -1)


def test_the_ends_of_all_three_are_squashed(fashion_qat, binary_qap, gamma):
    assert [one(r, "softmax-end").numbers["function"] for r in (fashion_qat, binary_qap, gamma)] == ["softmax", "sigmoid", "sigmoid"]


def test_none_of_them_is_sound(fashion_qat, binary_qap, gamma):
    assert not (fashion_qat.sound or binary_qap.sound or gamma.sound)


# our own


def test_our_published_student_has_no_error_and_these_warnings():
    report = audit(ROOT / "models" / "fashion_mnist", "fashion_mnist", data_dir=DEMO_DATA)
    assert report.sound and report.lowers is None
    assert {(f.rule, f.layer) for f in report.findings if f.severity == "warning"} == {
        ("constant-neurons", "hidden1"),
        ("constant-neurons", "hidden2"),
        ("dead-neurons", "relu1"),
        ("quantizer-overflow", "hidden1"),
    }
    assert report.of("constant-neurons", "hidden1")[0].numbers["constant"] == 17
    assert report.of("constant-neurons", "hidden2")[0].numbers["constant"] == 2
    assert report.input_type == "ufixed<8,0,RND_CONV,SAT>"
    assert [(r.levels_used, r.levels) for r in report.layers] == [(16, 16), (16, 16), (27, 32)]
    assert not report.of("nominal-sparsity") and not report.of("few-levels")
