"""TensorFlow, tf_keras, QKeras and tfmot, imported once with the ways round their defects in place."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import types
import warnings
from collections.abc import Iterator
from functools import cache
from typing import Any

from ..errors import ToolError

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


class _FloatPow:
    """Stands in for the Keras backend inside ``qkeras.quantizers``.

    QKeras computes ``K.pow(2, integer)`` on Python integers, and TensorFlow refuses negative integer exponents, so
    ``quantized_bits(6, -3)`` (a range of +-0.125) crashes. Powers of two are exact in float32, so computing them in float changes nothing.

    ``quantized_relu`` casts to "float32" whatever ``floatx`` is; that is read as ``floatx``, so that a model can be run in float64.
    """

    def __init__(self, backend: Any, tf: Any) -> None:
        self._backend, self._tf = backend, tf

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def pow(self, x: Any, a: Any) -> Any:
        tf, kind = self._tf, self._backend.floatx()
        return tf.pow(tf.cast(x, kind), tf.cast(a, kind))

    def cast(self, x: Any, dtype: Any) -> Any:
        return self._backend.cast(x, self._backend.floatx() if dtype == "float32" else dtype)


def _activation_from_config(cls: Any, config: dict[str, Any]) -> Any:
    """``QActivation.from_config`` that reads quantizers written as objects.

    ``.keras`` files hold such a quantizer as a dictionary, which QKeras' constructor keeps as it is and cannot call later.
    """
    from qkeras.quantizers import get_quantizer

    config = dict(config)
    if isinstance(config["activation"], dict):
        config["activation"] = get_quantizer(config["activation"])
    return cls(**config)


def _own_quantizers() -> tuple[Any, ...]:
    """Quantizer classes of ours; to be called once the libraries are imported."""
    from . import channel, learned, quantizers

    return (*quantizers.CLASSES, *channel.CLASSES, *learned.CLASSES)


@contextlib.contextmanager
def quiet_native_stderr() -> Iterator[None]:
    """Drop what TensorFlow's C++ start-up prints on file descriptor 2 before its log level is read."""
    sys.stderr.flush()
    keep = os.dup(2)
    try:
        with open(os.devnull, "w") as null:
            os.dup2(null.fileno(), 2)
            yield
    finally:
        os.dup2(keep, 2)
        os.close(keep)


def _import_tensorflow() -> Any:
    try:
        import tensorflow as tf
    except ImportError as error:
        raise ToolError(
            f"TensorFlow cannot be imported ({error})",
            do="pip install fpgacompress, or run 'make install' in the project",
        ) from error
    if not tf.keras.Model.__module__.startswith("tf_keras"):
        raise ToolError(
            f"tf.keras is Keras {getattr(tf.keras, '__version__', '3')}",
            expected="Keras 2 (the package tf_keras), which QKeras and tfmot need",
            do="import fpgacompress before tensorflow, or set TF_USE_LEGACY_KERAS=1 in the environment",
        )
    return tf


@cache
def load() -> types.SimpleNamespace:
    """Import the training stack once, with the ways round its defects in place.

    Returns:
        A namespace with ``tf``, ``keras`` (tf_keras) and ``qkeras``.

    Raises:
        ToolError: a library is missing, or Keras 3 is already in use in this process.
    """
    import numpy as np

    with warnings.catch_warnings(), quiet_native_stderr():
        warnings.simplefilter("ignore")
        tf = _import_tensorflow()
        tf.get_logger().setLevel("ERROR")
        if not hasattr(np, "product"):  # removed in numpy 2; QKeras' power-of-two scales still call it
            np.product = np.prod  # type: ignore[attr-defined]
        import qkeras
        import qkeras.quantizers
        import tf_keras

    warnings.filterwarnings("ignore", module=r"(tf_keras|qkeras|tensorflow_model_optimization)\b.*")
    if not isinstance(qkeras.quantizers.K, _FloatPow):
        qkeras.quantizers.K = _FloatPow(qkeras.quantizers.K, tf)
        qkeras.QActivation.from_config = classmethod(_activation_from_config)
        for quantizer in _own_quantizers():
            setattr(qkeras.quantizers, quantizer.__name__, quantizer)  # where QKeras looks up quantizers written as text
    tf_keras.utils.disable_interactive_logging()
    return types.SimpleNamespace(tf=tf, keras=tf_keras, qkeras=qkeras)


@cache
def load_tfmot() -> Any:
    """tensorflow-model-optimization's sparsity API (``prune_low_magnitude``, schedules, ``strip_pruning``)."""
    load()
    with warnings.catch_warnings(), quiet_native_stderr():
        warnings.simplefilter("ignore")
        try:
            from tensorflow_model_optimization.python.core.sparsity.keras import prune, prune_registry, pruning_schedule, pruning_wrapper
        except ImportError as error:
            raise ToolError(
                f"tensorflow-model-optimization cannot be imported ({error})",
                do="pip install fpgacompress, or run 'make install' in the project",
            ) from error
    return types.SimpleNamespace(
        prune_low_magnitude=prune.prune_low_magnitude,
        strip_pruning=prune.strip_pruning,
        schedules=pruning_schedule,
        PruneLowMagnitude=pruning_wrapper.PruneLowMagnitude,
        registry=prune_registry,
    )


def seed_everything(seed: int) -> None:
    """Seed Python, numpy and TensorFlow and ask TensorFlow for deterministic kernels.

    The same seed gives the same bits on the same machine type and library versions with the same number of threads.
    Another CPU family may choose other vector instructions and so another order of float additions.
    """
    stack = load()
    stack.keras.utils.set_random_seed(seed)
    stack.tf.config.experimental.enable_op_determinism()


@contextlib.contextmanager
def gradients_forgotten() -> Iterator[None]:
    """Drop the custom gradients that are traced within the block, for many trainings in one process; nothing traced there is trained further.

    TensorFlow registers each of them for good, and with it the graph and everything the graph has captured, such as the training samples.
    """
    from tensorflow.python.framework import ops

    registered = getattr(getattr(ops, "gradient_registry", None), "_registry", {})
    before = set(registered)
    try:
        yield
    finally:
        for name in [n for n in registered if n.startswith("CustomGradient-") and n not in before]:
            del registered[name]
        gc.collect()


def custom_objects() -> dict[str, Any]:
    """Names that ``load_model`` needs for QKeras layers, quantizers (QKeras' and ours) and pruning wrappers."""
    from qkeras.utils import _add_supported_quantized_objects

    tf = load().tf
    objects: dict[str, Any] = {"log_softmax_v2": tf.nn.log_softmax}
    _add_supported_quantized_objects(objects)
    objects["PruneLowMagnitude"] = load_tfmot().PruneLowMagnitude
    return objects | {quantizer.__name__: quantizer for quantizer in _own_quantizers()}


def versions() -> dict[str, str]:
    """Installed versions of the libraries a run depends on; no heavy import."""
    from importlib import metadata

    names = ("tensorflow", "tf-keras", "qkeras", "tensorflow-model-optimization", "hls4ml", "numpy", "matplotlib", "fpgacompress")
    found = {"python": sys.version.split()[0]}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found
