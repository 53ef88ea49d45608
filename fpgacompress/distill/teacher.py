"""A teacher's outputs on the training samples: computed once, kept on disk, mapped into memory."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError
from ..keras_stack import load, load_model
from ..views import View
from .features import last_features, layer_of
from .heads import pooled
from .losses import input_direction
from .subclasses import fitted_head

_BATCH = 1000
_SCALE_FROM = 2000
_MOST = 4e9
"""Bytes of one layer's outputs that are still kept."""


Rows = Callable[[int, int], Any]
"""(i, j) -> what is kept of samples i to j."""


@dataclass(frozen=True)
class Reduction:
    """What is kept of a layer's output.

    Attributes:
        name: for the file; two reductions of one name must be the same.
        apply: ``(batch, *shape)`` float32 tensor to what is kept of it.
    """

    name: str
    apply: Callable[[Any], Any]


class Teacher:
    """One teacher.

    Args:
        model: Keras model ending in logits, or its file, which is read when it is needed.
        x: training samples in the teacher's shape ``(n, ...)`` float32, in the order the student will know them by; None: shapes only.
        folder: where outputs are kept, which stands for this model and these samples; None: they are computed anew each time.
        suffix: behind the names of what is kept.
        scaled_as: a teacher on whose samples the scale of features is found; this one when absent.
    """

    def __init__(
        self,
        model: Any,
        x: np.ndarray | None = None,
        folder: Path | None = None,
        suffix: str = "",
        scaled_as: Teacher | None = None,
    ) -> None:
        self._given, self._x, self._folder, self._suffix, self._scaled_as = model, x, folder, suffix, scaled_as or self

    @cached_property
    def model(self) -> Any:
        """The teacher's network."""
        return load_model(self._given) if isinstance(self._given, (str, Path)) else self._given

    @cached_property
    def logits(self) -> np.ndarray:
        """``(n, classes)`` float32."""
        return self._kept("logits_train", None, lambda v: v, np.float32, False)

    @cached_property
    def members(self) -> list[np.ndarray]:
        """Logits of each teacher behind a mixture, ``(n, classes)`` float32; empty where there is one teacher, or the mixture is fixed."""
        found: list[np.ndarray] = []
        while self._folder and (path := self._folder / f"logits_train-{len(found)}{self._suffix}.npy").is_file():
            found.append(np.load(path, mmap_mode="r"))
        return found

    def seen(self, view: View) -> Teacher:
        """The same teacher, asked about another view of the samples.

        Raises:
            DataError: samples that are no images.
        """
        if self._x is None or np.ndim(self._x) < 3:
            raise DataError(
                "augmented samples", expected="images (n, height, width) or (n, height, width, channels)", do="use augment: none"
            )
        return Teacher(self._given, view.of(self._x), self._folder, view.suffix, self)

    def feature(self, layer: str, reduction: Reduction, unit_variance: bool = False) -> np.ndarray:
        """Outputs of a layer, reduced, ``(n, ...)`` float16.

        Args:
            layer: its name.
            reduction: what is kept.
            unit_variance: divide by the standard deviation of all values of the first samples, so that a squared error of 1 is no better than
                the mean.

        Raises:
            DataError: more than fits.
        """
        name = f"feature-{layer}-{reduction.name}{'-unit' if unit_variance else ''}"
        return self._kept(name.replace("/", "_"), layer, reduction.apply, np.float16, unit_variance)

    @property
    def _samples(self) -> np.ndarray:
        if self._x is None:
            raise DataError("the teacher has no samples", expected="the training samples")
        return np.reshape(self._x, (len(self._x), *self.model.input_shape[1:]))

    def _forward(self, layer: str | None, apply: Callable[[Any], Any]) -> Any:
        stack = load()
        found = layer_of(self.model, layer) if layer is not None else None
        inside = self.model if found is None else stack.keras.Model(self.model.inputs, found.output)
        spec = stack.tf.TensorSpec([None, *self.model.input_shape[1:]], stack.tf.float32)
        return stack.tf.function(lambda x: apply(inside(x, training=False)), input_signature=[spec])

    def input_gradient(self, y: np.ndarray) -> np.ndarray:
        """Derivative of the cross entropy with labels ``(n,)`` by the input, of length 1 in each sample, ``(n, inputs)`` float16.

        Raises:
            DataError: as many labels as samples are needed; more than fits.
        """

        def asked() -> tuple[int, Rows]:
            tf, x = load().tf, self._labelled(y)
            spec = [tf.TensorSpec([None, *x.shape[1:]], tf.float32), tf.TensorSpec([None], tf.int32)]
            direction = tf.function(lambda a, b: input_direction(lambda v: self.model(v, training=False), a, b), input_signature=spec)
            labels = np.asarray(y, np.int32)
            return len(x), lambda i, j: direction(x[i:j], labels[i:j])

        return self._stored("input_gradient", np.float16, asked, "input gradients of the teacher")

    def subclasses(self, y: np.ndarray, number: int, contrast: float, heat: float, fitted_on: Teacher | None = None) -> np.ndarray:
        """Logits of ``number`` subclasses of each class, ``(n, classes * number)`` float16; see :mod:`.subclasses`.

        Args:
            y: labels ``(n,)``.
            number: of subclasses.
            contrast: weight of the auxiliary loss.
            heat: its temperature.
            fitted_on: the teacher on whose samples the subclasses are found; this one when absent.

        Raises:
            DataError: as many labels as samples are needed; more than fits.
        """

        def asked() -> tuple[int, Rows]:
            base = fitted_on or self
            base._labelled(y)
            kernel, bias = fitted_head(base._last_features, y, int(self.model.output_shape[-1]), number, contrast, heat)
            mine = self._last_features
            return len(mine), lambda i, j: np.asarray(mine[i:j], np.float32) @ kernel + bias

        return self._stored(f"subclasses-{number}-{contrast:g}-{heat:g}", np.float16, asked, "subclasses of the teacher")

    @property
    def _last_features(self) -> np.ndarray:
        return self.feature(last_features(self.model), Reduction("pooled", lambda feature: pooled(feature)))

    def _labelled(self, y: np.ndarray) -> np.ndarray:
        x = self._samples
        if len(x) != len(y):
            raise DataError(f"the teacher has {len(x)} samples and {len(y)} labels", expected="a label for each sample")
        return x

    def _kept(self, name: str, layer: str | None, apply: Callable[[Any], Any], dtype: Any, unit_variance: bool) -> np.ndarray:
        def asked() -> tuple[int, Rows]:
            x, forward = self._samples, self._forward(layer, apply)
            some = self._scaled_as._samples[:_SCALE_FROM]
            scale = 1.0 / max(float(np.std(forward(some), dtype=np.float64)), 1e-6) if unit_variance else 1.0
            return len(x), lambda i, j: np.asarray(forward(x[i:j])) * scale

        return self._stored(name, dtype, asked, f"outputs of the teacher's layer '{layer or 'logits'}'")

    def _stored(self, name: str, dtype: Any, asked: Callable[[], tuple[int, Rows]], what: str) -> np.ndarray:
        path = self._folder / f"{name}{self._suffix}.npy" if self._folder else None
        if path is not None and path.is_file():
            return np.load(path, mmap_mode="r")
        count, rows = asked()
        shape = (count, *np.shape(rows(0, 1))[1:])
        if np.prod(shape) * np.dtype(dtype).itemsize > _MOST:
            raise DataError(
                f"{what} on {count} samples take {np.prod(shape) * np.dtype(dtype).itemsize / 1e9:.1f} GB",
                expected=f"at most {_MOST / 1e9:.0f} GB",
                do="name a smaller layer in distill.options.layers",
            )
        part = path.with_suffix(".part") if path is not None else None
        kept = np.lib.format.open_memmap(part, "w+", dtype, shape) if part is not None else np.empty(shape, dtype)
        for i in range(0, count, _BATCH):
            kept[i : i + _BATCH] = rows(i, i + _BATCH)
        if path is None or part is None:
            return kept
        kept.flush()
        os.replace(part, path)
        return np.load(path, mmap_mode="r")
