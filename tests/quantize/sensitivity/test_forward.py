import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fpgacompress.integer.types import FixedType
from fpgacompress.quantize.sensitivity import Forward, Tensor
from fpgacompress.quantize.sensitivity.forward import fake_quantized
from fpgacompress.train import logits_of


@given(st.integers(1, 10), st.integers(-4, 6), st.booleans(), st.sampled_from(["TRN", "RND_CONV"]), st.integers(0, 99))
def test_fake_quantization_is_the_cast_of_the_integer_network(width, integer, signed, rounding, seed):
    kind = FixedType(width + signed, integer, signed, rounding, "SAT")
    x = (np.random.default_rng(seed).integers(-4000, 4000, 64) / 128).astype(np.float32)
    np.testing.assert_array_equal(fake_quantized(x, kind).numpy(), kind.to_float(kind.quantize(x)).astype(np.float32))


def test_without_a_change_it_is_the_model(candidates, samples, trained_mlp):
    x, _ = samples
    forward = Forward(candidates.model)
    np.testing.assert_allclose(forward.run(x)["logits"].numpy(), logits_of(trained_mlp[0], x), atol=1e-4)


@pytest.mark.parametrize(
    "tensor", [Tensor("hidden1", "kernel"), Tensor("hidden2", "kernel"), Tensor("relu1", "activation"), Tensor("input", "input")]
)
@pytest.mark.parametrize("base_bits", [None, 4])
def test_running_only_what_a_change_reaches_gives_what_the_whole_network_gives(candidates, samples, tensor, base_bits):
    x, y = samples
    forward = Forward(candidates.model)
    base = candidates.change({t: 4 for t in candidates.options} if base_bits else {})
    change = candidates.change({tensor: 2})
    known = forward.run(x, base)
    part = forward.run(x, change.over(base), known, change.layers)
    assert set(part) < set(known) or tensor.kind == "input"
    np.testing.assert_array_equal(part["logits"].numpy(), forward.run(x, change.over(base))["logits"].numpy())
    assert np.array_equal(forward.run(x, base)["logits"], known["logits"])  # kernels are put back
    _, (score,) = forward.scores(x, y, [change], base)
    assert score.accuracy == np.mean(part["logits"].numpy().argmax(1) == y)
