"""TFLite files: TFLite's own conversion of a float model, our student's integers, and what the interpreter answers."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError, ModelError, ToolError
from ..integer.network import IntegerNetwork
from ..integer.types import FixedType
from ..keras_stack import load
from ..keras_stack.stack import quiet_native_stderr
from .fixed_tflite import fixed_point_tflite

KINDS = ("float", "dynamic", "int8", "fixed")
"""float: as it is. dynamic: int8 weights, float activations. int8: TFLite's own full-integer quantizer. fixed: our student's own integers."""


@dataclass(frozen=True)
class TfliteFile:
    """A written file.

    Attributes:
        path: where it is.
        kind: one of :data:`KINDS`.
        bytes: size of the file.
        input_type: fixed-point type that inputs are rounded to before they enter ("fixed" only).
    """

    path: Path
    kind: str
    bytes: int
    input_type: FixedType | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain dictionary."""
        return {"file": self.path.name, "kind": self.kind, "bytes": self.bytes, "input_type": self.input_type and str(self.input_type)}


def _lite() -> Any:
    tf = load().tf
    try:
        return tf.lite
    except AttributeError as error:
        raise ToolError("this TensorFlow has no tf.lite", do="pip install tensorflow==2.21.0") from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Drop the progress, advertisements and C++ messages of TensorFlow Lite."""
    with warnings.catch_warnings(), quiet_native_stderr(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def _converted(model: Any, kind: str, samples: np.ndarray | None) -> bytes:
    lite = _lite()
    converter = lite.TFLiteConverter.from_keras_model(model)
    if kind != "float":
        converter.optimizations = [lite.Optimize.DEFAULT]
    if kind == "int8":
        if samples is None or not len(samples):
            raise DataError("int8 without samples", expected="training samples, from which TFLite fits its ranges")
        rows = np.asarray(samples, np.float32).reshape(-1, 1, *model.input_shape[1:])
        converter.representative_dataset = lambda: ([row] for row in rows)
        converter.target_spec.supported_ops = [lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = load().tf.int8
    try:
        with _quiet():
            return converter.convert()
    except Exception as error:  # the converter's errors have no common class
        first = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        raise ModelError(f"TFLite could not convert '{model.name}' as {kind} ({first})") from error


def write_tflite(model: Any, path: str | Path, kind: str, samples: np.ndarray | None = None) -> TfliteFile:
    """Write a TFLite file.

    Args:
        model: float tf_keras model ("float", "dynamic", "int8"; a QKeras student only as "float"), or an integer network ("fixed").
        path: of the file.
        kind: one of :data:`KINDS`.
        samples: training samples ``(n, *input shape)`` float32, for "int8".

    Raises:
        ModelError: unknown kind, a model of the wrong sort, or a failed conversion.
        UnsupportedError: what TFLite cannot hold exactly ("fixed").
    """
    if kind not in KINDS:
        raise ModelError(f"TFLite kind {kind!r}", expected=f"one of {', '.join(KINDS)}")
    if (kind == "fixed") != isinstance(model, IntegerNetwork):
        raise ModelError(f"TFLite kind '{kind}' of a {type(model).__name__}", expected="an integer network for 'fixed', else a Keras model")
    input_type = None
    if kind == "fixed":
        content, input_type = fixed_point_tflite(model), _entering(model)
    else:
        content = _converted(model, kind, samples)
    path = Path(path)
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise ModelError(f"'{path}' could not be written ({error})", do="free disk space or choose another folder") from error
    return TfliteFile(path, kind, len(content), input_type)


def _entering(network: IntegerNetwork) -> FixedType:
    """Type of the values in the input tensor: the network's, or that of the cast that alone reads it."""
    readers = [node for node in network.nodes if network.input.name in node.inputs]
    return readers[0].out if len(readers) == 1 and readers[0].op == "quantize" else network.input.out


class Interpreter:
    """A TFLite file made ready to run.

    Args:
        path: of the file.
        batch: samples per call.
        reference: TFLite's reference kernels instead of its fast ones.
    """

    def __init__(self, path: str | Path, *, batch: int = 100, reference: bool = False) -> None:
        lite = _lite()
        resolver = lite.experimental.OpResolverType
        kernels = {"experimental_op_resolver_type": resolver.BUILTIN_REF} if reference else {}
        try:
            with _quiet():
                self._interpreter = lite.Interpreter(model_path=str(path), num_threads=1, **kernels)
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise ModelError(f"'{path}' cannot be read by the TFLite interpreter ({str(error).splitlines()[0]})") from error
        self.batch = batch
        self.input = self._interpreter.get_input_details()[0]
        self.output = self._interpreter.get_output_details()[0]
        self._sized = 0

    def _stored(self, x: np.ndarray) -> np.ndarray:
        """Real inputs as the input tensor holds them: rounded half to even to its scale, saturated."""
        scale, zero = self.input["quantization"]
        if self.input["dtype"] is np.float32:
            return np.asarray(x, np.float32)
        limits = np.iinfo(self.input["dtype"])
        return np.clip(np.rint(np.asarray(x, np.float64) / scale) + zero, limits.min, limits.max).astype(self.input["dtype"])

    def run(self, x: np.ndarray) -> np.ndarray:
        """Real outputs ``(n, ...)`` float64 of real inputs ``(n, ...)``, dequantized where the file delivers integers."""
        stored = self._stored(x).reshape(len(x), *self.input["shape"][1:])
        parts = []
        for start in range(0, len(stored), self.batch):
            part = stored[start : start + self.batch]
            if len(part) != self._sized:
                self._interpreter.resize_tensor_input(self.input["index"], part.shape)
                self._interpreter.allocate_tensors()
                self._sized = len(part)
            self._interpreter.set_tensor(self.input["index"], part)
            self._interpreter.invoke()
            parts.append(self._interpreter.get_tensor(self.output["index"]).astype(np.float64))
        values = np.concatenate(parts)
        scale, zero = self.output["quantization"]
        return values if self.output["dtype"] is np.float32 else (values - zero) * scale
