"""What a choice of widths costs, as a sum of small tables: exact for BOPs, EBOPs and weight bits, a bound for LUT (numpy only).

Each term depends on few tensors (a layer's kernel, what it reads, the activation behind it), so a whole allocation is priced by a few
look-ups, and an integer programme can choose among the entries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from ...errors import ModelError, UnsupportedError
from ...integer.types import FixedType
from ...metrics.cost import LayerCost, layer_cost
from ...registry import nearest
from ..sensitivity.candidates import Candidates
from ..sensitivity.tensors import KERNEL, Choice, Tensor

UNITS = {"bops": "BOPs", "ebops": "EBOPs", "bits": "bits of kernels", "lut": "LUT (csynth)"}
"""Kinds of budget and their units."""


@dataclass(frozen=True, eq=False)
class Term:
    """One part of the cost.

    Attributes:
        tensors: that it depends on.
        table: cost, one axis for each of them, in the order of their options.
    """

    tensors: tuple[Tensor, ...]
    table: np.ndarray


@dataclass(frozen=True, eq=False)
class CostModel:
    """The cost of a choice of widths.

    Attributes:
        kind: a key of :data:`UNITS`.
        options: tensor to its widths, falling.
        terms: whose sum is the cost.
    """

    kind: str
    options: Mapping[Tensor, tuple[int, ...]]
    terms: tuple[Term, ...]

    @property
    def unit(self) -> str:
        """Unit of the cost."""
        return UNITS[self.kind]

    def of(self, choice: Choice) -> float:
        """Cost of a choice that names every tensor."""
        return float(sum(t.table[tuple(self.options[k].index(choice[k]) for k in t.tensors)] for t in self.terms))

    def extreme(self, end: int) -> dict[Tensor, int]:
        """The widest (``end`` 0) or the narrowest (``end`` -1) choice."""
        return {tensor: widths[end] for tensor, widths in self.options.items()}


def cost_model(candidates: Candidates, kind: str, *, board: str = "pynq-z2") -> CostModel:
    """The cost of every choice of widths for the quantized, not yet trained weights.

    "bops", "ebops" and "bits" (kernels, zeros included) equal what :mod:`fpgacompress.metrics.cost` counts on the integer network of the
    choice. "lut" is the C-synthesis estimate of :mod:`fpgacompress.hardware.estimate` with every layer in Latency strategy, where each layer
    is taken to see the whole range of the type it reads: never less than the estimate of the network itself.

    Args:
        candidates: the model and its tensors at every width.
        kind: a key of :data:`UNITS`.
        board: board whose family and clock the LUT are estimated for.

    Raises:
        ModelError: an unknown kind.
        UnsupportedError: LUT of a layer that no law covers.
    """
    if kind not in UNITS:
        raise ModelError(f"a budget of '{kind}'", expected=f"{nearest(kind, UNITS)}one of {', '.join(UNITS)}")
    if kind == "lut":
        from .lut import lut_terms

        return CostModel(kind, candidates.options, lut_terms(candidates, board))
    count: dict[str, Callable[[LayerCost], float]] = {
        "bops": lambda c: c.bops,
        "ebops": lambda c: c.ebops,
        "bits": lambda c: c.weights * c.weight_bits,
    }
    terms = []
    for tensor in candidates.options:
        if tensor.kind == KERNEL:
            terms.append(_layer_term(candidates, tensor, count[kind], alone=kind == "bits"))
    return CostModel(kind, candidates.options, tuple(terms))


def _reading(counted: LayerCost, x_bits: int) -> LayerCost:
    """The counts of a layer as if it read values of ``x_bits`` bits (all its inputs have one width)."""
    return replace(counted, x_bits=x_bits, bit_products=counted.bit_products // counted.x_bits * x_bits)


def _layer_term(candidates: Candidates, kernel: Tensor, count: Callable[[LayerCost], float], *, alone: bool) -> Term:
    """Cost of a layer by the width of its kernel and, unless ``alone``, of what it reads."""
    widths = candidates.options[kernel]
    counted = [layer_cost(candidates.networks[b], candidates.node(kernel, b)) for b in widths]
    reads = candidates.readers[kernel.layer]
    if alone or reads is None:  # the twins may have a narrower input than this choice
        x_bits = candidates.input_type.width
        return Term((kernel,), np.array([count(_reading(c, x_bits)) for c in counted], np.float64))
    x_widths = [read_type(candidates, reads, b).width for b in candidates.options[reads]]
    return Term((kernel, reads), np.array([[count(_reading(c, x)) for x in x_widths] for c in counted], np.float64))


def read_type(candidates: Candidates, tensor: Tensor, bits: int) -> FixedType:
    """The fixed-point type of an activation or of the input at a width."""
    network = candidates.networks.get(bits)
    if tensor.kind == "input" and bits == candidates.options[tensor][0]:
        return candidates.input_type
    if network is None:
        raise UnsupportedError(f"{tensor} at {bits} bits", expected=f"one of {candidates.options[tensor]}")
    return candidates.node(tensor, bits).out
