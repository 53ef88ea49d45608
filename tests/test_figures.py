"""Figures say what they are, and what cannot be had is never a number."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fpgacompress.figures import Figure, figures_from_json, figures_to_json, unavailable


def test_unavailable_is_never_a_number():
    figure = unavailable("no vendor tool here", "LUT")
    assert figure.to_json() == {"value": None, "unit": "LUT", "reason": "no vendor tool here"}
    assert figure.text() == "n/a" and not figure.available


def test_refuses_half_figures():
    with pytest.raises(ValueError, match="stage"):
        Figure(1, "LUT", stage="synth")
    with pytest.raises(ValueError, match="finite"):
        Figure(math.nan, "LUT")
    with pytest.raises(ValueError, match="either"):
        Figure(None, "LUT")
    with pytest.raises(ValueError, match="either"):
        Figure(3, "LUT", reason="because")


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(["csynth", "routed", None]), st.text(max_size=8))
def test_json_round_trip(value, stage, unit):
    tree = {"a": [Figure(value, unit, low=value, high=value, interval="95 %", stage=stage, provenance="law")], "b": 3}
    assert figures_from_json(figures_to_json(tree)) == tree


def test_text():
    assert Figure(1234567, "LUT").text() == "1,234,567"
    assert Figure(0.8931, "fraction", 0.8869, 0.899).text() == "0.8931 (0.8869\u20130.8990)"
