"""LUT of each layer by the widths around it, from the laws of :mod:`fpgacompress.hardware` (numpy only)."""

from __future__ import annotations

import numpy as np

from ...errors import UnsupportedError
from ...hardware.board import load_board
from ...hardware.factors import LayerPlan
from ...hardware.facts import UNROLL_LIMIT, layer_facts
from ...hardware.layer import Setting, activation_area, layer_area
from ...integer.intervals import Range, exact_type, propagate, sum_fraction
from ...integer.network import IntegerNetwork, Node
from ...integer.types import FixedType
from ..sensitivity.candidates import Candidates
from ..sensitivity.tensors import ACTIVATION, INPUT, KERNEL, Tensor
from .costs import Term, read_type

_UNROLLED = LayerPlan("Latency", 1)


def lut_terms(candidates: Candidates, board: str) -> tuple[Term, ...]:
    """One term per layer with weights (its kernel, what it reads, the activations behind it) and one for the cast of the input.

    Raises:
        UnsupportedError: a layer that is not dense, or too large to be unrolled.
    """
    setting = Setting.of(load_board(board))
    behind: dict[str, list[Tensor]] = {}
    for layer, owner in candidates.owners.items():
        behind.setdefault(owner, []).append(Tensor(layer, ACTIVATION))
    terms = []
    for tensor, widths in candidates.options.items():
        if tensor.kind == INPUT:
            terms.append(Term((tensor,), np.array([_cast(candidates, tensor, b) for b in widths])))
        if tensor.kind != KERNEL:
            continue
        reads, acts = candidates.readers[tensor.layer], behind.get(tensor.layer, [])
        axes = (tensor, *([] if reads is None else [reads]), *acts)
        table = np.zeros([len(candidates.options[t]) for t in axes])
        for place in np.ndindex(table.shape):
            chosen = {t: candidates.options[t][i] for t, i in zip(axes, place)}
            table[place] = _layer(candidates, tensor, reads, acts, chosen, setting)
        terms.append(Term(axes, table))
    return tuple(terms)


def _layer(
    candidates: Candidates, kernel: Tensor, reads: Tensor | None, acts: list[Tensor], chosen: dict[Tensor, int], setting: Setting
) -> float:
    """LUT of a dense layer and of the activations behind it, alone in a network."""
    node = candidates.node(kernel, chosen[kernel])
    if node.op != "dense" or len(node.shape) != 1:
        raise UnsupportedError(
            f"LUT of layer '{node.name}' ({node.op})", expected="dense layers only, which the LUT laws are calibrated on"
        )
    if node.kernel.values.size > UNROLL_LIMIT:
        raise UnsupportedError(
            f"layer '{node.name}' has {node.kernel.values.size} weights, which HLS does not unroll",
            expected=f"at most {UNROLL_LIMIT} for a budget in LUT",
            do="give the budget in ebops or bops",
        )
    source = candidates.input_type if reads is None else read_type(candidates, reads, chosen[reads])
    network = _alone(node, source, [candidates.node(tensor, chosen[tensor]) for tensor in acts])
    total = layer_area(layer_facts(network, network.nodes[1]), _UNROLLED, "lut", "csynth", setting).value
    return total + sum(activation_area(n, network, "lut", "csynth").value for n in network.nodes)


def _alone(node: Node, source: FixedType, casts: list[Node]) -> IntegerNetwork:
    """A network of this layer, its accumulator sized for everything ``source`` can hold, and the casts behind it."""
    shape = (node.kernel.values.shape[0],)
    entry = Node("input", "input", (), source, shape)
    whole = Range.of_type(source, shape)
    fraction = sum_fraction(source, node.kernel, node.bias)
    draft = Node(node.name, node.op, ("input",), FixedType(62, 62 - fraction), node.shape, node.kernel, node.bias, node.params)
    out = exact_type(propagate(draft, [whole], [source]), fraction)
    nodes = [entry, Node(node.name, node.op, ("input",), out, node.shape, node.kernel, node.bias, node.params)]
    nodes += [Node(cast.name, cast.op, (node.name,), cast.out, cast.shape) for cast in casts]
    return IntegerNetwork(node.name, tuple(nodes))


def _cast(candidates: Candidates, tensor: Tensor, bits: int) -> float:
    """LUT of rounding the input to fewer bits."""
    kind = read_type(candidates, tensor, bits)
    if kind == candidates.input_type:
        return 0.0
    node = candidates.node(tensor, bits)
    return activation_area(node, candidates.networks[bits], "lut", "csynth").value
