"""Views of images: the ways in which augmentation shows a sample, the same ones for students and for teachers that are asked beforehand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class View:
    """One way to look at an image.

    Attributes:
        suffix: behind the names of what is kept of samples seen so.
        flip: mirrored left to right.
        down, right: moved by so many pixels; what comes in is the border, repeated.
    """

    suffix: str = ""
    flip: bool = False
    down: int = 0
    right: int = 0

    def places(self, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns of the image, in the order in which the view shows them, int32."""
        rows = np.clip(np.arange(height) - self.down, 0, height - 1)
        columns = np.clip(np.arange(width) - self.right, 0, width - 1)
        return rows.astype(np.int32), (columns[::-1] if self.flip else columns).astype(np.int32)

    def of(self, x: np.ndarray) -> np.ndarray:
        """Images ``(n, height, width[, channels])`` seen so."""
        rows, columns = self.places(*x.shape[1:3])
        return np.ascontiguousarray(x[:, rows][:, :, columns])


_MOVES = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1) if down or right]
AUGMENTS: dict[str, tuple[View, ...]] = {
    "none": (View(),),
    "flip": (View(), View("-flip", flip=True)),
    "shift": (View(), *(View(f"-shift{down:+d}{right:+d}", False, down, right) for down, right in _MOVES)),
}
"""Name of an augmentation to its views, each as likely as the others; the first is the image as it is."""
