"""Relations between samples: distances and angles (RKD, Park et al., arXiv:1904.05068), similarities (Tung, Mori, arXiv:1907.09682)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...errors import ModelError
from ...keras_stack import load
from ...recipe import DistillSection
from .. import METHODS, Lesson, Objective, Term, options_of
from ..losses import angles, huber, pair_distances, similarities
from ..teacher import Reduction

_WHOLE = Reduction("whole", lambda feature: feature)


def _between_samples(
    section: DistillSection, lesson: Lesson, name: str, compare: Callable[[Any, Any], Any], options: dict[str, Any]
) -> Objective:
    tf, pairs = load().tf, []
    for mine, theirs in lesson.pairs(options["layers"], options["count"]):
        pairs.append((mine, lesson.feature(theirs, _WHOLE)))

    def loss(student: Any, batch: Mapping[str, Any]) -> Any:
        return tf.add_n([compare(batch[f"student/{m}"], tf.cast(batch[t], tf.float32)) for m, t in pairs]) / len(pairs)

    needs, reads = tuple(dict.fromkeys(t for _, t in pairs)), tuple(dict.fromkeys(m for m, _ in pairs))
    return Objective(1.0, (Term(name, options["weight"], needs, loss, reads),))


@METHODS.register("relational")
def relational(section: DistillSection, lesson: Lesson) -> Objective:
    """``cross entropy + weight * (distance * huber(distances) + angle * huber(cosines))`` between the samples of a batch; any two shapes.

    Angles are taken between the first samples of the batch, because there are as many as their number cubed.

    Options:
        weight (default 1.0): of both.
        distance (default 25.0), angle (default 50.0): the paper's; 0 leaves one out.
        corners (default 32): samples of a batch between which angles are taken, at least 3.
        layers (default {}): student's layer to teacher's layer; empty: by depth.
        count (default 1): pairs when ``layers`` is empty.
    """
    options = options_of(section, weight=1.0, distance=25.0, angle=50.0, corners=32, layers={}, count=1)
    if options["corners"] < 3:
        raise ModelError(f"distill.options.corners is {options['corners']}", expected="at least 3 samples, which make an angle")

    def compare(mine: Any, theirs: Any) -> Any:
        total = 0.0
        if options["distance"]:
            total += options["distance"] * huber(pair_distances(mine), pair_distances(theirs))
        if options["angle"]:
            some = options["corners"]
            total += options["angle"] * huber(angles(mine[:some]), angles(theirs[:some]))
        return total

    return _between_samples(section, lesson, "relational", compare, options)


@METHODS.register("similarity")
def similarity(section: DistillSection, lesson: Lesson) -> Objective:
    """``cross entropy + weight * |G(student) - G(teacher)|^2 / batch^2``, G the normalised inner products between samples; any two shapes.

    Options:
        weight (default 3000.0): the paper's gamma.
        layers (default {}): student's layer to teacher's layer; empty: by depth.
        count (default 1): pairs when ``layers`` is empty.
    """
    options, tf = options_of(section, weight=3000.0, layers={}, count=1), load().tf
    return _between_samples(
        section, lesson, "similarity", lambda mine, theirs: tf.reduce_mean(tf.square(similarities(mine) - similarities(theirs))), options
    )
