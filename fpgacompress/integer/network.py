"""IntegerNetwork: what the hardware computes. Integer weights, a fixed-point type on every edge, exact accumulators."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .types import FixedType


@dataclass(frozen=True, eq=False)
class Tensor:
    """Integer constants of a layer.

    Attributes:
        values: stored integers, int64; dense ``(n_in, n_out)``, conv1d ``(k, c_in, c_out)``, conv2d ``(kh, kw, c_in, c_out)``, depthwise
            ``(k, c, m)`` and ``(kh, kw, c, m)`` (output channel ``c * M + m``), scale ``(c,)``, bias ``(c_out,)``.
        type: fixed-point type of the values.
    """

    values: np.ndarray
    type: FixedType

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tensor) and self.type == other.type and np.array_equal(self.values, other.values)

    __hash__ = None  # type: ignore[assignment]

    @property
    def nonzeros(self) -> int:
        """Number of weights that are not zero."""
        return int(np.count_nonzero(self.values))


@dataclass(frozen=True)
class Node:
    """One operation of the network. Its result has type ``out`` and shape ``shape`` (without the batch axis, channels last).

    Values flow between nodes, not stored integers; "exact" means that nothing is rounded. ``op`` is one of

    - ``input``: no inputs; ``out`` is the type the preprocessing delivers.
    - ``dense``: weighted sum over the last axis plus bias. ``conv1d``, ``conv2d``, ``depthwise1d``, ``depthwise2d``: the same over windows;
      ``params`` ``strides``, ``padding`` ("valid", "same", "causal"), ``dilation`` (absent: 1). ``scale``: times kernel plus bias per channel.
      ``out`` is the accumulator. Lowering makes it the smallest type that no input can overflow, so sums are exact. Where it is narrower, each
      product and the bias are cast to it first and sums are made in it (see ``operations/narrow.py``).
    - ``quantize``: cast to ``out`` (rounding and overflow are those of ``out``); a ``relu`` is a ``quantize`` to an unsigned saturating type.
    - ``quantize_each``: a cast of each element to a type of its own, ``out`` being one that holds them all (its rounding is TRN, its overflow
      SAT, and theirs, too). ``params`` ``bits`` (sign included; 0: always 0) and ``integer`` (sign included), nested lists of the last axes.
    - ``clip``: the value, at least ``low`` and at most ``high`` (``params``, stored integers of ``out``, whose fraction is the input's).
    - ``leaky_relu``: x where x >= 0, else x * 2**-``shift``, exact; ``out`` has ``shift`` (``params``) more fractional bits than the input.
    - ``shift``: x * 2**``shift``, exact and free of hardware: the same stored integers, ``shift`` (``params``) fewer fractional bits.
    - ``threshold``: ``values[number of thresholds <= x]``; ``params`` ``thresholds`` (ascending stored integers of the input) and ``values``
      (stored integers of ``out``, one more than thresholds).
    - ``maxpool``, ``sumpool`` (exact), ``avgpool``: ``params`` ``pool_size``, ``strides``, ``padding``; padding never wins and adds nothing.
      ``avgpool`` divides the sum by the number of real elements in the window and rounds once, as ``out`` says.
    - ``flatten``, ``reshape``: same values in row-major order. ``permute``: ``params`` ``axes`` (of the sample, from 0). ``zeropad``: ``params``
      ``pads``, (before, after) per spatial axis. ``upsample``: each value repeated ``size`` (``params``) times per spatial axis.
    - ``add``: exact sum of inputs of equal shape. ``concatenate``: inputs joined along ``axis`` (``params``, of the sample, from 0); ``out`` holds all of them.

    Attributes:
        name: unique; the Keras layer's name.
        op: see above.
        inputs: names of the nodes whose results it reads.
        out: fixed-point type of the result.
        shape: shape of one sample's result.
        kernel, bias: integer weights where the operation has them.
        params: further settings of the operation (plain JSON values).
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    out: FixedType
    shape: tuple[int, ...]
    kernel: Tensor | None = None
    bias: Tensor | None = None
    params: dict = field(default_factory=dict)


@dataclass(frozen=True)
class IntegerNetwork:
    """Nodes in topological order; the last one is the output (the logits).

    Attributes:
        name: name of the model.
        nodes: all operations; ``nodes[0]`` is the input.
    """

    name: str
    nodes: tuple[Node, ...]

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for node in self.nodes:
            missing = [i for i in node.inputs if i not in seen]
            if missing:
                raise ValueError(f"node '{node.name}' reads {missing}, which come later or do not exist")
            if node.name in seen:
                raise ValueError(f"two nodes are called '{node.name}'")
            seen.add(node.name)

    @property
    def input(self) -> Node:
        """The input node."""
        return self.nodes[0]

    @property
    def output(self) -> Node:
        """The node whose result is the network's (logits)."""
        return self.nodes[-1]

    def node(self, name: str) -> Node:
        """The node called ``name``; KeyError when there is none."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)

    @property
    def weighted(self) -> tuple[Node, ...]:
        """Nodes with a kernel, in order."""
        return tuple(n for n in self.nodes if n.kernel is not None)
