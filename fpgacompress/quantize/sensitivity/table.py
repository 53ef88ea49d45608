"""The sensitivity table: what each tensor costs in loss and accuracy at each width or sparsity (numpy only)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import ModelError
from .tensors import Tensor

BITS, SPARSITY = "bits", "sparsity"
QUANTITIES = (
    ("loss", "rise of the loss (nats)", 1.0),
    ("divergence", "divergence of the answers (nats)", 1.0),
    ("accuracy", "rise of the accuracy (points)", 100.0),
)
"""Field of a row, its title, and the factor it is shown with."""


@dataclass(frozen=True)
class Row:
    """One tensor in one setting.

    Attributes:
        tensor: what is changed.
        what: "bits" or "sparsity".
        value: number of bits, or share of zeros.
        loss: rise of the mean cross entropy, nats (negative: it fell).
        accuracy: rise of the accuracy, fraction; None where only the loss is estimated.
        divergence: of the class probabilities from the base's, nats (see :class:`.forward.Score`); None where it is not measured.
    """

    tensor: Tensor
    what: str
    value: float
    loss: float
    accuracy: float | None = None
    divergence: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "layer": self.tensor.layer,
            "kind": self.tensor.kind,
            self.what: int(self.value) if self.what == BITS else self.value,
            "loss_change": self.loss,
            "accuracy_change": self.accuracy,
            "divergence": self.divergence,
        }


@dataclass(frozen=True)
class Sensitivity:
    """What a model loses when one tensor at a time is quantized or pruned.

    Attributes:
        method: "measured" or "fisher".
        base: what all other tensors are: "float", or "8 bits".
        samples: number of samples.
        loss, accuracy: of the base, nats and fraction.
        rows: in the order of the tensors.
        seconds: that it took.
    """

    method: str
    base: str
    samples: int
    loss: float
    accuracy: float
    rows: tuple[Row, ...]
    seconds: float = 0.0

    def tensors(self, what: str = BITS) -> tuple[Tensor, ...]:
        """Tensors with rows of one kind, in order."""
        return tuple(dict.fromkeys(r.tensor for r in self.rows if r.what == what))

    def values(self, what: str = BITS) -> tuple[float, ...]:
        """Settings of one kind, mildest first."""
        return tuple(sorted({r.value for r in self.rows if r.what == what}, reverse=what == BITS))

    def matrix(self, what: str = BITS, quantity: str = "loss") -> np.ndarray:
        """``(tensors, values)`` float64 of "loss", "accuracy" or "divergence"; NaN where nothing was measured."""
        tensors, values = self.tensors(what), self.values(what)
        found = np.full((len(tensors), len(values)), np.nan)
        for row in self.rows:
            number = getattr(row, quantity)
            if row.what == what and number is not None:
                found[tensors.index(row.tensor), values.index(row.value)] = number
        return found

    def losses(self, tensor: Tensor, options: Iterable[int], by: str = "loss") -> dict[int, float]:
        """What each width of a tensor costs, never less than a larger width costs and never below 0 (noise removed in this way).

        Args:
            tensor: of the table.
            options: widths.
            by: "loss" or "divergence".

        Raises:
            ModelError: a width or a quantity that the table does not have.
        """
        known = {int(r.value): getattr(r, by) for r in self.rows if r.tensor == tensor and r.what == BITS}
        costs, worst = {}, 0.0
        for bits in sorted(options, reverse=True):
            if known.get(bits) is None:
                raise ModelError(f"the table has no {by} for {tensor} at {bits} bits", expected=f"one of {sorted(known)}, by loss")
            worst = costs[bits] = max(worst, known[bits])
        return costs

    def to_json(self) -> dict[str, Any]:
        """The stable form of ``fpgacompress sensitivity --json``."""
        return {
            "method": self.method,
            "base": self.base,
            "samples": self.samples,
            "loss": self.loss,
            "accuracy": self.accuracy,
            "seconds": self.seconds,
            "rows": [row.to_json() for row in self.rows],
        }

    @classmethod
    def from_json(cls, tree: dict[str, Any]) -> Sensitivity:
        """Read what :meth:`to_json` gave."""
        rows = tuple(
            Row(
                Tensor(r["layer"], r["kind"]),
                BITS if BITS in r else SPARSITY,
                r[BITS] if BITS in r else r[SPARSITY],
                r["loss_change"],
                r["accuracy_change"],
                r["divergence"],
            )
            for r in tree["rows"]
        )
        return cls(**{k: tree[k] for k in ("method", "base", "samples", "loss", "accuracy")}, rows=rows, seconds=tree["seconds"])

    def text(self) -> str:
        """Plain tables, one for each quantity and kind of setting, one line per tensor."""
        lines = [f"{self.method}, all else {self.base}: loss {self.loss:.4f}, accuracy {self.accuracy:.4f} on {self.samples:,} samples"]
        for what in (BITS, SPARSITY):
            for quantity, title, scale in QUANTITIES:
                matrix = scale * self.matrix(what, quantity)
                if np.isfinite(matrix).any():
                    lines += ["", title, *self._block(what, matrix, "+.2f" if quantity == "accuracy" else "+.4f")]
        return "\n".join(lines) + "\n"

    def _block(self, what: str, matrix: np.ndarray, form: str) -> list[str]:
        heads = [f"{int(v)} bits" if what == BITS else f"{100 * v:g} % zeros" for v in self.values(what)]
        names = [str(t) for t in self.tensors(what)]
        wide = max([len(n) for n in names] + [6])
        lines = [f"{'tensor':{wide}}" + "".join(f" {h:>11}" for h in heads)]
        for name, values in zip(names, matrix):
            lines.append(f"{name:{wide}}" + "".join(f" {format(v, form) if np.isfinite(v) else '-':>11}" for v in values))
        return lines
