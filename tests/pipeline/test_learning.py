"""Which students of a front count, and where learned bits start."""

from pathlib import Path

from fpgacompress.integer.types import FixedType
from fpgacompress.pipeline.learning import dominated, pick, start_section
from fpgacompress.recipe import LayerBits, QuantizeSection
from fpgacompress.train.front import Point


def point(name, cost, accuracy):
    return Point(Path(name), 0, cost, {"val_accuracy": accuracy}, accuracy, 0.0)


POINTS = [point("a", 900.0, 0.95), point("b", 500.0, 0.96), point("c", 200.0, 0.955), point("d", 100.0, 0.9), point("e", 150.0, 0.9)]


def test_the_student_is_the_cheapest_within_the_allowed_loss():
    assert pick(POINTS, 0.0).folder.name == "b"
    assert pick(POINTS, 0.0051).folder.name == "c"
    assert pick(POINTS, 0.5).folder.name == "d"


def test_a_student_is_beaten_by_a_cheaper_one_of_the_same_accuracy_and_not_by_itself():
    assert dominated(POINTS) == {"a", "e"}
    assert dominated(POINTS[1:2]) == set()


def test_learned_bits_start_at_8_or_where_the_recipe_says_and_the_input_is_as_wide_as_the_data():
    kind = FixedType(10, 3, True)
    start = start_section(QuantizeSection(method="learned", rounding="truncate"), kind)
    assert (start.preset, start.input, start.input_integer, start.rounding) == ("int8", 10, 2, "nearest")
    own = start_section(QuantizeSection(default=LayerBits(kernel=5), input=4, input_integer=1), kind)
    assert (own.preset, own.default.kernel, own.input, own.input_integer) == (None, 5, 4, 1)
