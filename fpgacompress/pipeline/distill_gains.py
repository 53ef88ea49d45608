"""What a search for a setting of distillation found: gains over no teacher with intervals, rows, and the setting that is recommended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from ..distill import Objective
from ..figures import Figure
from ..metrics.statistics import mean_over_seeds, paired_over_seeds
from ..recipe import DistillSection
from ..run import read_json
from ..train import History

SURE = 2.0
"""Standard errors by which a gain of one seed must be above 0."""


@dataclass(frozen=True)
class Setting:
    """One line of the search.

    Attributes:
        section: what the student is trained with.
        soft: whether the method reads temperature and alpha.
        objective: the section's terms, whose weights say how much of the loss is the teacher's.
    """

    section: DistillSection
    soft: bool
    objective: Objective

    @property
    def name(self) -> str:
        """For people: ``logits, T=2, alpha=0.5``, or the method alone."""
        return setting_name(self.section.method, self.section.temperature if self.soft else None, self.section.alpha)


@dataclass(frozen=True, eq=False)
class Trial:
    """One trained student on the validation samples.

    Attributes:
        artifact: folder of the training.
        right: booleans ``(n,)``, where it is right.
        loss: cross entropy, nats.
        history: its epochs.
        notes: what distillation had to say.
    """

    artifact: Path
    right: np.ndarray
    loss: float
    history: History
    notes: Sequence[str] = field(default_factory=tuple)


def setting_name(method: str, temperature: float | None, alpha: float | None) -> str:
    """``logits, T=2, alpha=0.5``; without a temperature the method alone."""
    return method if temperature is None else f"{method}, T={temperature:g}, alpha={alpha:g}"


def gain(a: Sequence[np.ndarray], b: Sequence[np.ndarray], looks: int = 1) -> Figure:
    """Accuracy of ``a`` minus that of ``b``, in points.

    Args:
        a, b: for each seed where a student was right, booleans ``(n,)`` over the same samples.
        looks: how many such gains are looked at; the interval then holds for all of them together (Bonferroni).

    Returns:
        With two seeds or more the mean with the paired t interval. With one seed, and where few samples make all seeds gain alike, the mean
        difference with :data:`SURE` standard errors of a paired difference (McNemar's variance), which covers the samples and not the luck of a
        training.
    """
    means = [[100 * float(np.mean(r)) for r in side] for side in (a, b)]
    if len(a) > 1 and np.ptp(np.subtract(*means)) > 1e-9:
        return paired_over_seeds(*means, "points", confidence=1 - 0.05 / looks)
    apart = np.mean(np.asarray(a, float) - np.asarray(b, float), axis=0)
    errors = float(stats.norm.isf(stats.norm.sf(SURE) / looks))
    value, half = 100 * float(apart.mean()), 100 * errors * float(apart.std()) / float(np.sqrt(len(apart)))
    seeds = f"{len(a)} seeds alike" if len(a) > 1 else "one seed"
    interval = f"{errors:.2g} standard errors of the paired difference, {len(apart):,} validation samples, {seeds}"
    return Figure(value, "points", value - half, value + half, interval, "trained", "measured on the validation split")


def recommended(
    told: Mapping[str, Any], settings: Sequence[Setting], tried: Sequence[Sequence[Trial]], without: Sequence[Trial]
) -> tuple[dict[str, Any], list[str]]:
    """The row of the best mean validation accuracy (the lower loss decides between equals) with what is to be said of it, and notes."""
    rows = told["rows"]
    number = max(range(len(rows)), key=lambda i: (rows[i]["accuracy"].value, -rows[i]["loss"]))
    row, setting = rows[number], settings[number]
    found, text = row["gain"], gain_text(row["gain"])
    notes = [
        "validation samples picked weights and setting, so the best accuracy here is a little too good; 'run' measures it on the test split"
    ]
    if found.low > 0:
        verdict = f"{setting.name} is better than no teacher by {text} points"
        together = gain([t.right for t in tried[number]], [t.right for t in without], len(rows))
        if together.low is not None and together.low <= 0:
            notes.append(
                f"it is the best of {len(rows)} settings: with an interval for all of them together ({gain_text(together)} points) it could be luck;"
                " confirm it with more seeds"
            )
    elif found.high < 0:
        verdict = f"nothing helped: even the best setting, {setting.name}, is worse than no teacher ({text} points)"
    else:
        verdict = f"nothing helped beyond noise: the best setting, {setting.name}, gains {text} points over no teacher"
    if len(without) == 1:
        notes.append("one seed: intervals cover the validation samples and not the luck of a training; give several --seeds")
    shown = {"method", "temperature", "alpha"} if setting.soft else {"method"}
    section = setting.section.model_dump(mode="json", include=shown) | setting.section.model_dump(mode="json", exclude_defaults=True)
    return {**row, "beyond_noise": found.low > 0, "verdict": verdict, "distill": section}, notes


def gain_text(figure: Figure) -> str:
    """``+0.61 (+0.38 to +0.83)``."""
    return f"{figure.value:+.2f} ({figure.low:+.2f} to {figure.high:+.2f})"


def facts(trials: Sequence[Trial]) -> dict[str, Any]:
    """The figures that rows and no teacher have alike, of one student for each seed."""
    accuracies = [float(np.mean(t.right)) for t in trials]
    return {
        "accuracy": mean_over_seeds(accuracies),
        "accuracies": accuracies,
        "loss": float(np.mean([t.loss for t in trials])),
        "seconds_per_epoch": float(np.mean([_seconds(t) for t in trials])),
        "artifacts": [t.artifact.name for t in trials],
    }


def _seconds(trial: Trial) -> float:
    """Seconds of an epoch, the first left out, which compiles; of learned bits, with everything that comes behind the epochs."""
    found = [row["seconds"] for row in trial.history if "seconds" in row]
    if found:
        return float(np.median(found[1:] or found))
    return float(read_json(trial.artifact / "done.json")["seconds"]) / max(1, len(trial.history))


def _share(history: History, objective: Objective) -> float:
    """Share of the loss that the terms had, mean over the epochs."""
    told = [t for t in objective.terms if not t.beside]
    shares = [sum(float(t.weight) * row.get(t.name, 0.0) for t in told) / row["loss"] for row in history if row["loss"]]
    return float(np.mean(shares)) if shares else 0.0


def common_notes(trials: Sequence[Trial]) -> list[str]:
    """Notes of all students of a seed: they are about the teacher, not about a setting."""
    return [note for note in trials[0].notes if all(note in t.notes for t in trials)] if len(trials) > 1 else []


def of_seed(note: str, seed: int, seeds: Sequence[int]) -> str:
    """The note, with its seed where there are several."""
    return note if len(seeds) == 1 else f"seed {seed}: {note}"


def row_of(
    setting: Setting, trials: Sequence[Trial], without: Sequence[Trial], common: Sequence[Sequence[str]], seeds: Sequence[int]
) -> dict[str, Any]:
    """A row of the search.

    Args:
        setting: what the students were trained with.
        trials, without: for each seed the student, and the one without a teacher.
        common: for each seed the notes that are told once.
        seeds: in the same order.
    """
    section = setting.section
    own = [of_seed(n, s, seeds) for t, known, s in zip(trials, common, seeds) for n in t.notes if n not in known]
    return {
        "method": section.method,
        "temperature": section.temperature if setting.soft else None,
        "alpha": section.alpha if setting.soft else None,
        "options": section.options,
        **facts(trials),
        "gain": gain([t.right for t in trials], [t.right for t in without]),
        "share": float(np.mean([_share(t.history, setting.objective) for t in trials])),
        "notes": own,
    }
