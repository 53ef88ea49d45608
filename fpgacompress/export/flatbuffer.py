"""A TFLite model under construction: tensors, constants and operators, written with TensorFlow's own schema classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ToolError

_MAGIC = b"TFL3"
_VERSION = 3
_MIN_SIZE = 1024
_DTYPES = {"INT8": np.int8, "INT32": np.int32, "FLOAT32": np.float32}


def schema() -> Any:
    """The object API of TFLite's FlatBuffer schema, as TensorFlow ships it.

    Raises:
        ToolError: TensorFlow is not installed, or without its Lite part.
    """
    from ..keras_stack import load

    load()
    try:
        from tensorflow.lite.python import schema_py_generated
    except ImportError as error:
        raise ToolError(f"TensorFlow Lite's schema cannot be imported ({error})", do="pip install tensorflow==2.21.0") from error
    return schema_py_generated


class FlatModel:
    """Collects what a ``.tflite`` file holds; every method that adds something returns its number.

    Args:
        name: description kept in the file.
    """

    def __init__(self, name: str) -> None:
        self.schema = s = schema()
        self._graph, self._codes = s.SubGraphT(), {}
        self._graph.name, self._graph.tensors, self._graph.operators = "main", [], []
        self._model = s.ModelT()
        self._model.version, self._model.description = _VERSION, name
        self._model.operatorCodes, self._model.subgraphs, self._model.buffers = [], [self._graph], [s.BufferT()]

    def tensor(
        self,
        name: str,
        shape: Sequence[int],
        kind: str,
        *,
        scales: Sequence[float] = (),
        zero: int = 0,
        axis: int = 0,
        values: np.ndarray | None = None,
    ) -> int:
        """A tensor, constant when ``values`` are given.

        Args:
            name: of the tensor.
            shape: with the batch axis (1) for results.
            kind: "INT8", "INT32" or "FLOAT32".
            scales: step of the stored integers, one or one per entry of ``axis``; none for floats.
            zero: stored integer that stands for 0.
            axis: axis of the scales.
            values: stored numbers.
        """
        s = self.schema
        tensor = s.TensorT()
        tensor.name, tensor.shape, tensor.type = name, [int(n) for n in shape], getattr(s.TensorType, kind)
        tensor.buffer = 0
        if values is None:
            tensor.shapeSignature = [-1, *tensor.shape[1:]]
        else:
            stored = np.ascontiguousarray(values, _DTYPES[kind])
            buffer = s.BufferT()
            buffer.data = np.frombuffer(stored.tobytes(), np.uint8)
            tensor.buffer = len(self._model.buffers)
            self._model.buffers.append(buffer)
        if len(scales):
            quantization = s.QuantizationParametersT()
            quantization.scale = [float(v) for v in scales]
            quantization.zeroPoint = [zero] * len(quantization.scale)
            quantization.quantizedDimension = axis
            tensor.quantization = quantization
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def operator(self, name: str, inputs: Sequence[int], output: int, version: int, options: str = "", **settings: Any) -> int:
        """An operator; ``options`` is the name of its options table (without "Options") and ``settings`` its fields. Returns ``output``."""
        s = self.schema
        code = getattr(s.BuiltinOperator, name)
        key = (code, version)
        if key not in self._codes:
            entry = s.OperatorCodeT()
            entry.builtinCode, entry.deprecatedBuiltinCode, entry.version = code, min(code, 127), version
            self._codes[key] = len(self._model.operatorCodes)
            self._model.operatorCodes.append(entry)
        operator = s.OperatorT()
        operator.opcodeIndex, operator.inputs, operator.outputs = self._codes[key], list(inputs), [output]
        if options:
            operator.builtinOptionsType = getattr(s.BuiltinOptions, f"{options}Options")
            operator.builtinOptions = getattr(s, f"{options}OptionsT")()
            for field, value in settings.items():
                assert hasattr(operator.builtinOptions, field), field
                setattr(operator.builtinOptions, field, value)
        self._graph.operators.append(operator)
        return output

    def content(self, inputs: Sequence[int], outputs: Sequence[int]) -> bytes:
        """The finished file."""
        import flatbuffers

        self._graph.inputs, self._graph.outputs = list(inputs), list(outputs)
        builder = flatbuffers.Builder(_MIN_SIZE)
        builder.Finish(self._model.Pack(builder), file_identifier=_MAGIC)
        return bytes(builder.Output())
