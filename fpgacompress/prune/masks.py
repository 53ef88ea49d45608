"""Masks: which weights of a model are held at zero, kept outside of its layers."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ModelError, RunError
from ..keras_stack import load, unwrapped


def kernels_of(model: Any) -> dict[str, Any]:
    """Kernel variable of each layer that can be pruned, by the layer's name: dense and convolution layers, depthwise ones not."""
    return {layer.name: layer.kernel for layer in map(unwrapped, model.layers) if getattr(layer, "kernel", None) is not None}


def _quantizer(model: Any, name: str) -> Any:
    return getattr(unwrapped(model.get_layer(name)), "kernel_quantizer_internal", None)


def check_quantizers(model: Any, names: Iterable[str]) -> None:
    """Refuse layers whose kernels are not quantized, for methods that look at quantized weights.

    Raises:
        ModelError: the first one.
    """
    for name in names:
        if _quantizer(model, name) is None:
            raise ModelError(f"pruning looks at quantized weights, and '{name}' has no quantizer", expected="a QKeras layer")


def check_zeros(model: Any, kernels: Mapping[str, Any]) -> None:
    """Refuse layers whose quantizer has no zero: weights held at zero would not be zero where it matters.

    Raises:
        ModelError: the first one.
    """
    for name, kernel in kernels.items():
        quantizer = _quantizer(model, name)
        if quantizer is not None and np.any(np.asarray(quantizer(load().tf.zeros_like(kernel)))):
            raise ModelError(
                f"prune: the weights of '{name}' cannot be zero ({type(quantizer).__name__})",
                expected="a quantizer with a zero",
                do=f"leave it alone: prune.layers: {{{name}: 0}}",
            )


class Masks:
    """One mask for each of some kernels: 1 for a weight that lives, 0 for one that is held at zero.

    Args:
        kernels: layer name to kernel variable.
    """

    def __init__(self, kernels: Mapping[str, Any]) -> None:
        tf, self.kernels = load().tf, dict(kernels)
        self.alive = {n: tf.Variable(np.ones(k.shape, np.float32), trainable=False, name=f"{n}/mask") for n, k in self.kernels.items()}

    @property
    def pairs(self) -> list[tuple[Any, Any]]:
        """(kernel variable, mask variable)."""
        return [(self.kernels[name], mask) for name, mask in self.alive.items()]

    def hold(self) -> None:
        """Set the pruned weights to zero; inside a TensorFlow function or not."""
        for kernel, mask in self.pairs:
            kernel.assign(kernel * mask)

    def arrays(self) -> dict[str, np.ndarray]:
        """Layer name to a boolean array of the kernel's shape."""
        return {name: mask.numpy() > 0 for name, mask in self.alive.items()}

    def assign(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take other masks and hold them."""
        for name, array in arrays.items():
            self.alive[name].assign(np.asarray(array, np.float32))
        self.hold()

    def sparsity(self) -> float:
        """Zeros in all masks together, as a fraction."""
        total = sum(int(np.prod(mask.shape)) for mask in self.alive.values())
        return 1.0 - sum(float(mask.numpy().sum()) for mask in self.alive.values()) / total if total else 0.0


def save_masks(path: Path, alive: Mapping[str, np.ndarray]) -> None:
    """Write boolean arrays by layer name, True for a weight that lives.

    Raises:
        RunError: the file cannot be written; an older one stays.
    """
    partial = path.with_suffix(".part.npz")
    try:
        with open(partial, "wb") as file:
            np.savez_compressed(file, **alive)  # type: ignore[arg-type]
        os.replace(partial, path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise RunError(f"the masks '{path}' could not be written ({error})", do="free disk space and start again") from error


def read_masks(path: Path) -> dict[str, np.ndarray]:
    """Masks that :func:`save_masks` wrote: layer name to a boolean array.

    Raises:
        RunError: no such file, or another kind of file.
    """
    try:
        with np.load(path, allow_pickle=False) as data:
            return {name: np.asarray(data[name], bool) for name in data.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise RunError(f"'{path}' holds no masks ({error})", expected="masks.npz of a pruned training") from error


def zero_fraction(kernel: np.ndarray) -> float:
    """Fraction of exact zeros."""
    return float(np.mean(np.asarray(kernel) == 0))
