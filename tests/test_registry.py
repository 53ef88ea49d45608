"""Names find their objects; a wrong name is told the nearest right one."""

import pytest

from fpgacompress import zoo
from fpgacompress.distill import METHODS
from fpgacompress.errors import FpgaCompressError
from fpgacompress.registry import Registry


def test_built_in_names():
    assert {"mlp", "cnn", "cnn1d", "resnet8", "resnet", "mobilenet"} <= set(zoo.MODELS.names())
    assert "logits" in METHODS.names()


def test_wrong_name_gets_the_nearest():
    with pytest.raises(FpgaCompressError, match="did you mean 'resnet8'"):
        zoo.MODELS.get("resnet_8")


def test_a_name_is_taken_once():
    registry: Registry = Registry("thing", "fpgacompress.zoo.models", "fpgacompress.none")
    registry.register("a")(1)
    with pytest.raises(FpgaCompressError, match="two things"):
        registry.register("a")(2)
