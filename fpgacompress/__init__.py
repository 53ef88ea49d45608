"""fpgacompress: from a Keras classifier and a small FPGA board to a proven, quantized, pruned and distilled student.

    import fpgacompress as fc
    run = fc.compress("demos/fashion_mnist.yaml")
    run.figures["models"]["student"]["accuracy"]

Importing this package imports no TensorFlow; it only asks TensorFlow, should it come later, to use Keras 2, which QKeras needs.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from . import keras_stack as _keras_stack  # noqa: F401  (sets the environment TensorFlow reads when it is first imported)
from .errors import FpgaCompressError
from .figures import Figure

if TYPE_CHECKING:
    from .auditing import audit
    from .firmware.verify import verify
    from .hardware.estimate import estimate
    from .keras_stack import load_model
    from .lower.read import read
    from .pipeline import Run, check, compress, open_run
    from .pipeline.quantize_model import quantize_model
    from .pipeline.verification import verify_model
    from .recipe import Recipe, load_recipe
    from .train import fit

__version__ = "0.1.0"

_PUBLIC = {
    "audit": "auditing",
    "compress": "pipeline",
    "check": "pipeline",
    "open_run": "pipeline",
    "Run": "pipeline",
    "Recipe": "recipe",
    "load_recipe": "recipe",
    "load_model": "keras_stack",
    "read": "lower.read",
    "fit": "train",
    "estimate": "hardware.estimate",
    "verify": "firmware.verify",
    "verify_model": "pipeline.verification",
    "quantize_model": "pipeline.quantize_model",
}

__all__ = [
    "Figure",
    "FpgaCompressError",
    "Recipe",
    "Run",
    "audit",
    "check",
    "compress",
    "estimate",
    "fit",
    "load_model",
    "load_recipe",
    "open_run",
    "quantize_model",
    "read",
    "verify",
    "verify_model",
]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(f".{_PUBLIC[name]}", __name__), name)
    raise AttributeError(f"module 'fpgacompress' has no attribute '{name}'")
