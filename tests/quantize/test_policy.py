"""Patterns choose bits; a pattern that matches nothing is refused with the names there are."""

import pytest

from fpgacompress.errors import ModelError
from fpgacompress.quantize.policy import bits_of, check_patterns, value_of
from fpgacompress.recipe import LayerBits, QuantizeSection


def test_later_patterns_win_field_by_field():
    section = QuantizeSection(layers={"hidden*": LayerBits(kernel=5, activation=4), "hidden2": LayerBits(kernel=3)})
    bits = bits_of("hidden2", section.default, section.layers)
    assert (bits.kernel, bits.activation, bits.bias) == (3, 4, 10)
    assert bits_of("logits", section.default, section.layers) == section.default


def test_values():
    assert value_of("hidden1", 0.5, {"h*": 0.7, "logits": 0.1}) == 0.7
    assert value_of("other", 0.5, {"h*": 0.7}) == 0.5


def test_unknown_pattern():
    with pytest.raises(ModelError, match=r"no layer matches 'hiden1'.*did you mean 'hidden1'"):
        check_patterns(["hiden1"], ["hidden1", "logits"], "quantize.layers")
