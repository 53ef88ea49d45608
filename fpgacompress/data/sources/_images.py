"""Shared by sources of image files: opening, and making smaller without losing what lies between the pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ...errors import DataError


def open_image(file: Path) -> Any:
    """The Pillow image of a file, decoded.

    Raises:
        DataError: Pillow is not installed, or the file is missing or damaged.
    """
    try:
        from PIL import Image
    except ImportError:
        raise DataError("images need Pillow", do="pip install pillow") from None
    try:
        image = Image.open(file)
        image.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"{file} is not a readable image ({error})", do="remove or replace the file") from None
    return image


def _overlaps(pixels: int, size: int) -> np.ndarray:
    """How much of each of ``pixels`` lies in each of ``size`` equal parts of the row, in units of 1/``size`` pixel: whole numbers
    ``(size, pixels)`` float64 whose rows sum to ``pixels``."""
    part, pixel = np.arange(size)[:, None] * pixels, np.arange(pixels) * size
    return np.clip(np.minimum(part + pixels, pixel + size) - np.maximum(part, pixel), 0, None).astype(np.float64)


def area_mean(image: np.ndarray, size: int) -> np.ndarray:
    """An image made smaller: every new pixel is the mean over the area it covers, rounded once, half to even.

    Sums are of whole numbers and exact, so the result does not depend on libraries. (Pillow's ``BOX`` rounds after each axis.)

    Args:
        image: uint8, shape (height, width) or (height, width, channels).
        size: height and width of the result, at most those of ``image``.

    Returns:
        uint8, shape (size, size) or (size, size, channels).
    """
    height, width = image.shape[:2]
    rows = np.tensordot(_overlaps(height, size), image.astype(np.float64), 1)
    total = np.tensordot(_overlaps(width, size), rows, (1, 1)).swapaxes(0, 1)
    return np.rint(total / (height * width)).astype(np.uint8)
