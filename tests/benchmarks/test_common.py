"""What benchmarks share."""

import pytest

from benchmarks.common import against_float
from fpgacompress.metrics.statistics import mean_over_seeds


def test_what_is_lost_is_paired_seed_by_seed(capsys):
    floats, students = [0.9, 0.92, 0.94], [0.89, 0.9, 0.91]
    found = against_float("task", "way", floats, students, "remark")
    paired = mean_over_seeds([a - b for a, b in zip(floats, students)])
    assert found["lost"] == pytest.approx(paired.value) and found["lost_interval"] == pytest.approx([paired.low, paired.high])
    assert (found["float"], found["student"]) == (floats, students)
    line = capsys.readouterr().out
    assert "float 92.00 quantized 90.00 lost +2.00 [" in line and "3 seeds remark" in line


def test_one_seed_has_no_interval(capsys):
    assert against_float("task", "way", [0.9], [0.8])["lost_interval"] == [None, None]
    assert "lost +10.00 [+nan, +nan] points, 1 seeds" in capsys.readouterr().out
