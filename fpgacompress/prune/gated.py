"""Pruning by masks that are learned: weights live on behind them, and gradients say which ones come through."""

from __future__ import annotations

import contextlib
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..errors import ModelError
from ..keras_stack import load, unwrapped
from ..keras_stack.graph import standing_in
from .masks import Masks
from .pruning import Pruning
from .schedules import Schedule


class Gated(Pruning):
    """In training a layer computes with :meth:`gate` of its kernel; between updates, the pruned weights are shown as zeros.

    Behind the schedule's last change the masks stay, and pruned weights are zero for good.

    Args:
        model: whose layers these are.
        kernels: layer name to kernel variable.
        schedule: when masks change.
        final: sparsity of each layer at the end.
    """

    def __init__(self, model: Any, kernels: Mapping[str, Any], schedule: Schedule, final: Mapping[str, float]) -> None:
        super().__init__(Masks({name: kernels[name] for name in final}), schedule)
        tf, self.final = load().tf, dict(final)
        self._layers = {layer.name: layer for layer in map(unwrapped, model.layers) if layer.name in final}
        self.settled = tf.Variable(0.0, trainable=False, name="pruning/settled")
        """1 behind the last change."""

    @abstractmethod
    def gate(self, name: str, kernel: Any, mask: Any) -> Any:
        """What the layer computes with; inside a TensorFlow function."""

    @property
    def variables(self) -> list[Any]:
        """Masks, what is learned, and whether it is settled."""
        return [*super().variables, *self.trained, self.settled]

    def begin(self) -> None:
        """All weights live."""
        for mask in self.masks.alive.values():
            mask.assign(np.ones(mask.shape, np.float32))
        self.settled.assign(0.0)

    @contextlib.contextmanager
    def acting(self) -> Iterator[None]:
        """Layers compute with gated kernels."""
        tf = load().tf
        places = []
        for name, layer in self._layers.items():
            kernel, mask = self.masks.kernels[name], self.masks.alive[name]
            gated = tf.where(self.settled > 0, kernel * mask, self.gate(name, kernel, mask))
            places.append((layer, "kernel", gated))
        with standing_in(places):
            yield

    @contextlib.contextmanager
    def shown(self) -> Iterator[None]:
        """Pruned weights are zero inside the block, and as they were behind it."""
        before = [kernel.numpy() for kernel, _ in self.masks.pairs]
        self.masks.hold()
        try:
            yield
        finally:
            for (kernel, _), value in zip(self.masks.pairs, before):
                kernel.assign(value)

    def at_rest(self) -> Pruning:
        """Refused: weights live on behind their masks."""
        raise ModelError(
            "pruning by learned masks, and learned bits",
            expected="a method that prunes whole weights by masks that are held, such as magnitude",
        )

    def settle(self, masks: Mapping[str, np.ndarray]) -> None:
        """Take these masks for good."""
        self.masks.assign(masks)
        self.settled.assign(1.0)

    def after_update(self) -> None:
        """Hold the pruned weights at zero, once it is settled which ones."""
        for kernel, mask in self.masks.pairs:
            kernel.assign(kernel * (1.0 - self.settled * (1.0 - mask)))
