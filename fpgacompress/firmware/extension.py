"""Our own hls4ml layer, through its extension interface: one class for every operation that hls4ml lacks or does not compute exactly.

The C++ is in ``nnet_utils/nnet_fc_*.h`` beside this file and is copied into each project, which so depends on nothing of ours. A
layer's dictionary (:mod:`.own`) names the C++ function, the members of its configuration struct and its constant tables. No
optimizer pass of hls4ml knows the class, so none fuses, reorders or retypes it.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from ..integer.types import FixedType

LAYER = "FpgaCompressOperation"
"""Class name in layer dictionaries."""

HEADERS = tuple(sorted(Path(__file__).with_name("nnet_utils").glob("nnet_fc_*.h")))


def precision(type: FixedType) -> Any:
    """hls4ml's object for a type."""
    from hls4ml.model.types import FixedPrecisionType

    return FixedPrecisionType(type.width, type.integer, type.signed, rounding_mode=type.rounding, saturation_mode=type.overflow)


def _constant(name: str, value: int) -> str:
    return f"static const long long {name} = {value}LL;" if abs(value) >= 2**31 else f"static const int {name} = {value};"


def _structure(node: Any) -> str:
    """Configuration struct of a layer; in typedefs "CONFIG" stands for its own name."""
    name = f"config{node.index}"
    members = [
        _constant(key, value) if isinstance(value, int) else f"typedef {value.replace('CONFIG', name)} {key};"
        for key, value in node.get_attr("settings").items()
    ]
    members += [f"typedef {node.weights[table].type.name} {table}_t;" for table in node.get_attr("tables")]
    return f"struct {name} {{\n" + "".join(f"    {m}\n" for m in members) + "};\n"


@functools.cache
def register() -> None:
    """Make the layer known to hls4ml's Vivado back ends (once per process)."""
    from hls4ml.backends import get_backend
    from hls4ml.backends.template import FunctionCallTemplate, LayerConfigTemplate
    from hls4ml.model.layers import Layer, register_layer

    class FpgaCompressOperation(Layer):
        def initialize(self) -> None:
            self.add_output_variable(list(self.get_attr("shape")))
            for name, (values, type) in self.get_attr("tables").items():
                self.add_weights_variable(name, name + "{index}", precision=precision(type), data=values)

    class Config(LayerConfigTemplate):
        def __init__(self) -> None:
            super().__init__(FpgaCompressOperation)

        def format(self, node: Any) -> str:
            return _structure(node)

    class Call(FunctionCallTemplate):
        def __init__(self) -> None:
            super().__init__(FpgaCompressOperation, [f"nnet_utils/{path.name}" for path in HEADERS])

        def format(self, node: Any) -> str:
            p = self._default_function_params(node)
            arguments = ", ".join([p["input"], p["output"], *(node.weights[table].name for table in node.get_attr("tables"))])
            return f"nnet::{node.get_attr('function')}<{p['input_t']}, {p['output_t']}, {p['config']}>({arguments});"

    register_layer(LAYER, FpgaCompressOperation)
    for template in (Config, Call):
        get_backend("Vivado").register_template(template)  # Vitis and VivadoAccelerator apply Vivado's templates
    for backend in ("Vivado", "Vitis", "VivadoAccelerator"):
        for path in HEADERS:
            get_backend(backend).register_source(path)
