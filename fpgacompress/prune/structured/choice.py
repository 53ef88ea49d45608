"""Which channels go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...errors import ModelError
from ...quantize.policy import check_patterns, value_of
from ...registry import nearest
from .channels import Channels
from .scores import SCORES, Gradients


def _none() -> Mapping[str, np.ndarray]:
    raise ModelError("score taylor needs gradients", expected="training samples", do="use l1")


def chosen(
    model: Any,
    channels: Channels,
    share: float,
    *,
    score: str = "l1",
    layers: Mapping[str, float] | None = None,
    everywhere: bool = False,
    align: int = 1,
    gradients: Gradients = _none,
) -> set[int]:
    """Numbers of the channels with the smallest scores.

    Channels that are tied (by a residual sum, say) have the sum of their scores and go together.

    Args:
        model: whose channels these are.
        channels: see :func:`.channels.channels_of`.
        share: of each group's channels that go, rounded; at least one stays.
        score: name in :data:`.scores.SCORES`.
        layers: layer name or pattern to its own share; of tied layers the last one counts.
        everywhere: take the smallest scores of the whole network, ``share`` of all channels.
        align: what stays of a group of at least so many channels that has a share is rounded to the nearest multiple of it that the group has.
        gradients: for the score "taylor".

    Raises:
        ModelError: no such score, a share that is none, a pattern that matches no layer whose channels may go, nothing that may go.
    """
    groups = channels.groups()
    names = [name for group in groups for name in group]
    if score not in SCORES:
        raise ModelError(f"score '{score}'", expected=f"{nearest(score, SCORES)}one of {', '.join(SCORES)}")
    if not 0 <= share < 1 or any(not 0 <= s < 1 for s in (layers or {}).values()):
        raise ModelError(f"a share of {share:g} of the channels, {dict(layers or {})}", expected="at least 0 and below 1")
    if not groups:
        why = "; ".join(f"{n}: {reason}" for n, reason in channels.obstacles.items()) or "it has no layer between input and logits"
        raise ModelError(f"no channel of '{model.name}' may be taken out: {why}")
    check_patterns(layers or {}, names, "shrink.layers")
    scored = []
    for group in groups:
        numbers = channels.numbers(group)
        total = np.zeros(len(numbers))
        for name in group:
            values = SCORES[score](model, channels, name, gradients)
            for number, value in zip(channels.gives[name], values):
                total[numbers == number] += value
        scored.append((group, numbers, total))
    if everywhere:
        free = _everywhere(scored, share)
        shares = [share] * len(scored)
        counts = [sum(int(n) in free for n in numbers) for _, numbers, _ in scored]
    else:
        shares = [value_of(group[-1], share, layers or {}) for group, _, _ in scored]
        counts = [round(own * len(numbers)) for own, (_, numbers, _) in zip(shares, scored)]
    gone: set[int] = set()
    for own, count, (_, numbers, total) in zip(shares, counts, scored):
        stay = _aligned(max(len(numbers) - count, 1), len(numbers), align) if own else len(numbers)
        gone |= {int(n) for n in numbers[np.argsort(total, kind="stable")[: len(numbers) - stay]]}
    return gone


def _aligned(stay: int, width: int, align: int) -> int:
    return stay if width < align else min(max(round(stay / align), 1) * align, width // align * align)


def _everywhere(scored: list[tuple[list[str], np.ndarray, np.ndarray]], share: float) -> set[int]:
    best = {int(numbers[np.argmax(total)]) for _, numbers, total in scored}  # no layer without channels
    numbers = np.concatenate([n for _, n, _ in scored])
    order = np.argsort(np.concatenate([t for _, _, t in scored]), kind="stable")
    free = [int(n) for n in numbers[order] if int(n) not in best]
    return set(free[: round(share * len(numbers))])
