"""Stages of bits: how epochs are shared out, and which bits a model has in each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fpgacompress.errors import ModelError
from fpgacompress.keras_stack import load
from fpgacompress.keras_stack.roles import quantizers
from fpgacompress.quantize.progressive import StagedBits, shared_out


@given(st.integers(1, 60), st.lists(st.integers(2, 16), max_size=5))
def test_epochs_are_shared_out_without_gaps(epochs, bits):
    if epochs < len(bits) + 1:
        with pytest.raises(ModelError, match=f"{epochs} epochs for {len(bits) + 1} stages.*train.epochs"):
            shared_out(epochs, bits)
        return
    stages = shared_out(epochs, bits)
    assert [s.bits for s in stages] == [*bits, 0]
    assert stages[0].begin == 0 and stages[-1].end == epochs and all(a.end == b.begin for a, b in zip(stages, stages[1:]))
    lengths = [s.end - s.begin for s in stages]
    assert len(set(lengths[:-1])) <= 1 and lengths[0] <= lengths[-1] < lengths[0] + len(lengths)


def model():
    k, q = load().keras, load().qkeras
    weights = {"bias_quantizer": "quantized_bits(10,1,alpha=1)"}
    return k.Sequential(
        [
            k.Input((8,)),
            q.QDense(8, name="ternary", kernel_quantizer="quantized_bits(2,0,1,alpha=1)", activation="truncated_relu(3,1)", **weights),
            q.QDense(8, name="wide", kernel_quantizer="quantized_bits(7,0,alpha=1)", **weights),
            q.QActivation("quantized_relu(4,1)", name="relu"),
            q.QDense(8, name="binary", kernel_quantizer="binary(alpha=1)", **weights),
        ]
    )


def test_kernels_and_activations_have_at_least_the_bits_of_the_stage():
    net = model()
    staged = StagedBits(net)

    def bits():
        return {(r.layer.name, r.kind): r.quantizer.bits for r in quantizers(net)}

    own = bits()
    assert own == {
        ("ternary", "kernel"): 2,
        ("ternary", "bias"): 10,
        ("ternary", "activation"): 3,
        ("wide", "kernel"): 7,
        ("wide", "bias"): 10,
        ("relu", "activation"): 4,
        ("binary", "kernel"): 1,
        ("binary", "bias"): 10,
    }
    staged.set(6)
    assert bits() == own | {("ternary", "kernel"): 6, ("ternary", "activation"): 6, ("relu", "activation"): 6}
    staged.set(0)
    assert bits() == own
