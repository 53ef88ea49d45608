"""What a pruning method may ask of the training: gradients of the loss and inputs of layers, on samples of the training data."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

Arrays = dict[str, np.ndarray]


class Probe(ABC):
    """Looks at a model in the middle of its training; nothing that it does changes the model. Arrays are by layer name, of the kernels' shapes."""

    batch_size: int
    """Samples of one batch."""

    @abstractmethod
    def kernels(self) -> Arrays:
        """The kernels as they are, float32."""

    @abstractmethod
    def quantized(self) -> Arrays:
        """The kernels as their layers use them, float32.

        Raises:
            ModelError: a layer without a quantizer.
        """

    @abstractmethod
    def gradients(self, batches: int, squared: bool = False) -> Arrays:
        """Mean over so many batches of the loss's gradient, or of its square, with respect to every weight, pruned or not."""

    @abstractmethod
    def hessian_products(self, vectors: Arrays, batches: int) -> Arrays:
        """Mean over batches of the loss's second derivative times the vectors."""

    @abstractmethod
    def input_squares(self, samples: int) -> Arrays:
        """Mean over samples and positions of the square of what each weight is multiplied with."""

    @abstractmethod
    def loss(self, kernels: Arrays, batches: int) -> float:
        """Mean task and distillation loss over batches with these kernels in place of the model's."""
