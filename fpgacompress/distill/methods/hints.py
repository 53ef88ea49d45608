"""Hints: a learned map of the student's features gives the teacher's (Romero et al., FitNets, arXiv:1412.6550)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...errors import ModelError
from ...keras_stack import load
from ...recipe import DistillSection
from .. import METHODS, Lesson, Objective, Term, options_of
from ..features import shape_of
from ..heads import Linear, pooled
from ..teacher import Reduction


def _resized(size: tuple[int, ...]) -> Callable[[Any], Any]:
    """Mean over areas, so that height and width become ``size``."""
    tf = load().tf

    def resized(feature: Any) -> Any:
        image = feature if len(feature.shape) == 4 else feature[:, :, None]
        found = tf.image.resize(image, (*size, 1)[:2], method="area")
        return found if len(feature.shape) == 4 else found[:, :, 0]

    return resized


def reduction(student: tuple[int, ...], teacher: tuple[int, ...]) -> Reduction:
    """How a teacher's feature map is brought to the student's size: means over areas, or over the whole map for a dense student."""
    if len(teacher) > 1 and len(student) == 1:
        return Reduction("pooled", pooled)
    if len(teacher) > 1 and len(student) == len(teacher) and teacher[:-1] != student[:-1]:
        return Reduction("x".join(map(str, student[:-1])), _resized(student[:-1]))
    return Reduction("whole", lambda feature: feature)


@METHODS.register("hints")
def hints(section: DistillSection, lesson: Lesson) -> Objective:
    """``cross entropy + weight * mean over pairs of mean((regressor(student) - teacher)^2) / variance(teacher)``.

    Feature maps of the teacher are brought to the student's height and width; for a dense student only their means count.

    Options:
        weight (default 1.0): beta.
        layers (default {}): student's layer to teacher's layer; empty: by depth.
        count (default 1): pairs when ``layers`` is empty; 1: the last activations.
        regressor (default "linear"): "none" compares value by value (features of one shape).
        adaptive (default False): each pair has a learned weight ``exp(-s)``, for which the loss pays ``s`` (arXiv:1705.07115).
    """
    options, tf = options_of(section, weight=1.0, layers={}, count=1, regressor="linear", adaptive=False), load().tf
    if options["regressor"] not in ("linear", "none"):
        raise ModelError(f"distill.options.regressor is '{options['regressor']}'", expected="linear or none")
    rng, rows = lesson.rng, []
    for number, (mine, theirs) in enumerate(lesson.pairs(options["layers"], options["count"])):
        here, there = shape_of(lesson.student, mine), shape_of(lesson.teacher.model, theirs)
        kept = reduction(here, there)
        averaged = len(here) > 1 and len(there) == 1
        if options["regressor"] == "none" and (here != there):
            raise ModelError(
                f"distill.options.regressor is none, and '{mine}' has {here}, the teacher's '{theirs}' {there}",
                expected="features of one shape",
                do="use regressor: linear",
            )
        regressor = Linear(here[-1], there[-1], f"hint{number}", rng) if options["regressor"] == "linear" else None
        uncertainty = tf.Variable(0.0, name=f"hint{number}_s") if options["adaptive"] else None
        rows.append((mine, lesson.feature(theirs, kept, unit_variance=True), averaged, regressor, uncertainty))

    def loss(student: Any, batch: Mapping[str, Any]) -> Any:
        total = 0.0
        for mine, wanted, averaged, regressor, uncertainty in rows:
            feature = batch[f"student/{mine}"]
            feature = pooled(feature) if averaged else feature
            found = feature if regressor is None else regressor(feature)
            error = tf.reduce_mean(tf.square(found - tf.cast(batch[wanted], tf.float32)))
            total += error if uncertainty is None else tf.exp(-uncertainty) * error + uncertainty
        return total / len(rows)

    trained = [v for row in rows if row[3] is not None for v in row[3].variables] + [row[4] for row in rows if row[4] is not None]
    needs, reads = (tuple(dict.fromkeys(row[i] for row in rows)) for i in (1, 0))
    return Objective(1.0, (Term("hints", options["weight"], needs, loss, reads, tuple(trained)),))
