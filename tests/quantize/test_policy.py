"""Presets, defaults and patterns: who wins, field by field."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fpgacompress import zoo
from fpgacompress.errors import ModelError
from fpgacompress.quantize.policy import bits_of, check_patterns, default_bits, kernel_width, resolve, value_of
from fpgacompress.quantize.presets import PRESETS
from fpgacompress.recipe import LayerBits, QuantizeSection


@pytest.fixture(scope="module")
def layers():
    """Of a float MLP: hidden1, relu1, hidden2, relu2, logits."""
    return zoo.build("mlp", (8,), 4, {"hidden": [6, 5]}).layers


def test_later_patterns_win_field_by_field():
    section = QuantizeSection(layers={"hidden*": LayerBits(kernel=5, activation=4), "hidden2": LayerBits(kernel=3)})
    bits = bits_of("hidden2", default_bits(section), section.layers)
    assert (bits.kernel, bits.activation, bits.bias) == (3, 4, 10)
    assert bits_of("logits", default_bits(section), section.layers) == default_bits(section)


def test_values_follow_the_last_pattern():
    assert value_of("hidden1", 0.5, {"h*": 0.7, "logits": 0.1}) == 0.7
    assert value_of("other", 0.5, {"h*": 0.7}) == 0.5


def test_a_pattern_without_layer_is_refused(layers):
    with pytest.raises(ModelError, match="no layer matches 'hiden1'.*did you mean 'hidden1'"):
        check_patterns(["hiden1"], ["hidden1", "logits"], "quantize.layers")
    with pytest.raises(ModelError, match="quantize.layers: no layer matches 'conv1'"):
        resolve(layers, QuantizeSection(layers={"conv1": LayerBits(kernel=3)}))


def test_recipes_know_exactly_the_presets_there_are():
    (literal, _none) = get_args(QuantizeSection.model_fields["preset"].annotation)
    assert {None, *get_args(literal)} == set(PRESETS)


@pytest.mark.parametrize(
    ("preset", "kernel", "activation"),
    [(None, 6, 6), ("int8", 8, 8), ("int4", 4, 4), ("w4a6", 4, 6), ("ternary", "ternary", 6), ("binary", "binary", 6)],
)
def test_a_preset_gives_every_layer_its_bits(layers, preset, kernel, activation):
    bits = resolve(layers, QuantizeSection(preset=preset))
    assert list(bits) == ["hidden1", "hidden2", "logits", "relu1", "relu2"]
    assert {b.kernel for b in bits.values()} == {kernel} and {b.activation for b in bits.values()} == {activation}


def test_first_and_last_keep_8_bits_whatever_the_default_and_patterns_win(layers):
    section = QuantizeSection(preset="first-and-last-8", default=LayerBits(kernel="ternary", activation=3))
    bits = resolve(layers, section)
    assert [bits[n].kernel for n in ("hidden1", "hidden2", "logits")] == [8, "ternary", 8]
    assert [bits[n].activation for n in ("relu1", "relu2")] == [8, 3]
    own = resolve(layers, section.model_copy(update={"layers": {"hidden1": LayerBits(kernel=5)}}))
    assert (own["hidden1"].kernel, own["hidden1"].activation, own["hidden1"].bias) == (5, 8, 16)


def test_a_relu_has_the_bits_of_the_layer_above_unless_it_is_named(layers):
    section = QuantizeSection(layers={"hidden*": LayerBits(activation=4), "relu2": LayerBits(activation=7)})
    bits = resolve(layers, section)
    assert (bits["relu1"].activation, bits["relu2"].activation) == (4, 7)


own_bits = st.builds(
    LayerBits,
    kernel=st.one_of(st.none(), st.integers(2, 16), st.sampled_from(["ternary", "binary"])),
    bias=st.one_of(st.none(), st.integers(2, 24)),
    activation=st.one_of(st.none(), st.integers(1, 16)),
    kernel_integer=st.one_of(st.none(), st.integers(-16, 16), st.just("auto")),
)


@given(st.sampled_from(list(PRESETS)), own_bits, own_bits)
def test_own_entries_win_over_every_preset_and_nothing_is_left_open(preset, default, named):
    layers = _LAYERS
    bits = resolve(layers, QuantizeSection(preset=preset, default=default, layers={"hidden2": named}))
    for own in bits.values():
        assert None not in own.model_dump().values()
        assert 1 <= kernel_width(own.kernel) <= 16 and own.bias >= 2
    for field, value in named.model_dump().items():
        if value is not None:
            assert getattr(bits["hidden2"], field) == value
    for field, value in default.model_dump().items():
        if value is not None and getattr(named, field) is None:
            assert getattr(bits["hidden2"], field) == value  # neither first nor last, so no preset wins here


_LAYERS = zoo.build("mlp", (8,), 4, {"hidden": [6, 5]}).layers
