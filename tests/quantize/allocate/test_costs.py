import numpy as np
import pytest

from fpgacompress.errors import ModelError, UnsupportedError
from fpgacompress.hardware.board import load_board
from fpgacompress.hardware.estimate import estimate
from fpgacompress.hardware.factors import LayerPlan
from fpgacompress.integer.types import FixedType
from fpgacompress.keras_stack import load, seed_everything
from fpgacompress.lower import lower
from fpgacompress.metrics import cost
from fpgacompress.quantize.allocate import cost_model
from fpgacompress.quantize.build import quantized_student
from fpgacompress.quantize.sensitivity import Candidates
from fpgacompress.quantize.sensitivity.tensors import ACTIVATION, KERNEL, Tensor

COUNTS = {
    "ebops": lambda n: cost.ebops(n).value,
    "bops": lambda n: sum(c.bops for c in cost.layer_costs(n)),
    "bits": lambda n: sum(c.weights * c.weight_bits for c in cost.layer_costs(n)),
}


def drawn(candidates, seed):
    rng = np.random.default_rng(seed)
    return {tensor: int(rng.choice(widths)) for tensor, widths in candidates.options.items()}


def network_of(case, choice):
    candidates, model, x, kind = case
    return lower(quantized_student(model, candidates.recipe(choice), x), kind)


@pytest.mark.parametrize("name", ["dense", "convolutional"])
@pytest.mark.parametrize("seed", range(3))
def test_costs_equal_what_is_counted_on_the_integer_network(name, seed, request):
    case = request.getfixturevalue(name)
    choice = drawn(case[0], seed)
    network = network_of(case, choice)
    for kind, count in COUNTS.items():
        assert cost_model(case[0], kind).of(choice) == pytest.approx(count(network), rel=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_lut_are_at_least_those_of_the_estimate_and_near_them(dense, seed):
    choice = drawn(dense[0], seed)
    network = network_of(dense, choice)
    unrolled = {node.name: LayerPlan("Latency", 1) for node in network.weighted}
    told = estimate(network, board=load_board("pynq-z2"), plan=unrolled).total["lut"].value
    bound = cost_model(dense[0], "lut").of(choice)
    assert told - 1 <= bound <= 1.1 * told  # the estimate is rounded to whole LUT


def test_lut_of_convolutions_are_refused(convolutional):
    with pytest.raises(UnsupportedError, match="conv1"):
        cost_model(convolutional[0], "lut")


def test_an_unknown_kind_is_refused_with_the_nearest(dense):
    with pytest.raises(ModelError, match="did you mean 'ebops'"):
        cost_model(dense[0], "ebop")


def test_an_input_that_keeps_its_width_is_priced_at_this_width(dense):
    candidates, *_ = dense
    choice = candidates.uniform(3)
    kept = candidates.without_input()
    fixed = {t: b for t, b in choice.items() if t.kind != "input"}
    wide = choice | {t: 10 for t in choice if t.kind == "input"}
    assert cost_model(kept, "ebops").of(fixed) == cost_model(candidates, "ebops").of(wide)
    assert kept.recipe(fixed).input is None and candidates.recipe(choice).input == 3


def test_both_activations_behind_one_layer_are_counted():
    tfk = load().keras
    seed_everything(3)
    kind = FixedType(8, 2, True, "RND_CONV", "SAT")
    x = kind.to_float(kind.quantize(np.random.default_rng(3).normal(0, 0.8, (200, 6)))).astype(np.float32)
    source = tfk.Input((6,))
    shared = tfk.layers.Dense(8, name="shared")(source)
    arms = [tfk.layers.Dense(3, name=f"arm{i}")(tfk.layers.ReLU(name=f"relu{i}")(shared)) for i in (1, 2)]
    candidates = Candidates(tfk.Model(source, tfk.layers.Add()(arms)), x, kind, bits=(6, 3))
    costs, wide = cost_model(candidates, "lut"), candidates.uniform(6)
    for name in ("relu1", "relu2"):
        assert costs.of(wide | {Tensor(name, ACTIVATION): 3}) < costs.of(wide)
    shared = [t for t in costs.terms if Tensor("shared", KERNEL) in t.tensors]
    assert len(shared) == 1 and {t.layer for t in shared[0].tensors if t.kind == ACTIVATION} == {"relu1", "relu2"}
