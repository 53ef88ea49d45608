"""Every tensor of a float model at every width, exactly as :mod:`..build` quantizes it."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import ModelError, UnsupportedError
from ...integer.network import IntegerNetwork, Node
from ...integer.types import FixedType
from ...keras_stack import load
from ...lower import lower
from ...recipe import LayerBits, QuantizeSection
from ..build import quantized_kernel, quantized_student
from ..fold import fold_batchnorm
from ..sites import consumers, is_average, is_relu, is_weighted, quantized_sums, weighted_above
from .forward import Change
from .tensors import ACTIVATION, INPUT, KERNEL, Choice, Tensor

BITS = (8, 7, 6, 5, 4, 3, 2)
_SAME_VALUES = ("maxpool", "flatten", "reshape", "permute", "zeropad", "upsample")
"""Operations whose result has the width of what they read."""


class Candidates:
    """A float model and its quantized twins, one for each width.

    Attributes:
        model: float tf_keras model with the weights that are quantized (BatchNormalization folded), same layer names.
        bits: widths, falling.
        options: tensor to the widths it can have, falling; kernels in the order of the layers, then activations, then the input. The first
            width of the input is the one that the data have, which costs no accuracy.
        kernels: (layer, bits) to the kernel as the quantized layer uses it, float32.
        networks: bits to the integer network with all tensors at that width.
        owners: layer of an activation to the weighted layer whose bits a recipe gives it, where there is one.
        input_type: type of the network's input.
        section: settings other than widths that the twins were made with.

    Args:
        model: float tf_keras model ending in logits.
        samples: calibration inputs ``(n, *input_shape)`` float32, training data only.
        input_type: type that the preprocessing delivers.
        bits: widths of kernels and activations, each 2 to 16.
        section: ranges, scales and so on of the recipe; its own widths and layer patterns are not used.

    Raises:
        UnsupportedError: a layer that has no exact fixed-point twin.
    """

    def __init__(
        self, model: Any, samples: np.ndarray, input_type: FixedType, bits: Sequence[int] = BITS, section: QuantizeSection | None = None
    ) -> None:
        self.bits = tuple(sorted(set(bits), reverse=True))
        separable = next((layer.name for layer in model.layers if type(layer).__name__.startswith("Separable")), None)
        if separable:
            raise UnsupportedError(
                f"layer '{separable}' has two kernels with one width between them, which the analysis cannot vary",
                do="write it as a depthwise convolution, an activation and a convolution of 1 x 1",
            )
        if not self.bits or self.bits[-1] < 2 or self.bits[0] > 16:
            raise ModelError(f"the widths {list(bits)}", expected="at least one, each from 2 to 16 bits")
        self.section, self.input_type = section or QuantizeSection(ranges="mse"), input_type
        self.model = _folded(model)
        self.kernels: dict[tuple[str, int], np.ndarray] = {}
        self.networks: dict[int, IntegerNetwork] = {}
        for width in self.bits:
            student = quantized_student(model, uniform(self.section, width, input_type.width), samples)
            self.networks[width] = lower(student, input_type)
            for node in self.networks[width].weighted:
                self.kernels[node.name, width] = quantized_kernel(student.get_layer(node.name))
        self._describe()

    def _describe(self) -> None:
        layers = self.model.layers
        network = self.networks[self.bits[-1]]  # the narrowest has every cast, that of the input too
        names = {node.name for node in network.nodes}
        self._nodes = {Tensor(layer.name, KERNEL): layer.name for layer in layers if is_weighted(layer)}
        self.owners: dict[str, str] = {}
        sums = {layer.name for layer in quantized_sums(layers)}
        for layer in layers:
            if not (_is_cast(layer, layers) or layer.name in sums):
                continue
            own, behind = (layer.name, f"{layer.name}_act"), f"{layer.name}_quantizer"
            places = (behind,) if layer.name in sums else (*own, behind)
            found = next(n for n in places if n in names and n not in self._nodes.values())
            self._nodes[Tensor(layer.name, ACTIVATION)] = found
            above = layer if is_weighted(layer) else weighted_above(layer)
            if above is not None:
                self.owners[layer.name] = above.name
        self.options: dict[Tensor, tuple[int, ...]] = dict.fromkeys(self._nodes, self.bits)
        narrower = tuple(b for b in self.bits if b < self.input_type.width)
        if narrower:
            entry = Tensor(self.model.inputs[0]._keras_history.layer.name, INPUT)
            self._nodes[entry] = next(n.name for n in network.nodes if n.inputs == (network.input.name,) and n.op == "quantize")
            self.options[entry] = (self.input_type.width, *narrower)
        self.readers = {t.layer: self._read(network, t.layer) for t in self.options if t.kind == KERNEL}

    def _read(self, network: IntegerNetwork, layer: str) -> Tensor | None:
        """The tensor whose width the layer's input has; None for an input whose width is fixed."""
        named = {node: tensor for tensor, node in self._nodes.items()}
        node = network.node(network.node(layer).inputs[0])
        while node.name not in named and node.op in _SAME_VALUES:
            node = network.node(node.inputs[0])
        if node.name in named and named[node.name].kind != KERNEL:
            return named[node.name]
        if node.op == "input":
            return None
        raise UnsupportedError(
            f"layer '{layer}' reads the exact sum of '{node.name}', whose width depends on the layers before",
            expected="an activation between two layers with weights",
        )

    def node(self, tensor: Tensor, bits: int) -> Node:
        """The node of the integer network that has the tensor at a width."""
        return self.networks[bits].node(self._nodes[tensor])

    def change(self, choice: Choice) -> Change:
        """What a choice of widths changes in :attr:`model`; tensors that it does not name stay float."""
        kernels, types = {}, {}
        for tensor, bits in choice.items():
            if tensor.kind == KERNEL:
                kernels[tensor.layer] = self.kernels[tensor.layer, bits]
            elif tensor.kind == ACTIVATION or bits in self.networks and bits < self.input_type.width:
                types[tensor.layer] = self.node(tensor, bits).out
        return Change(kernels, types)

    def uniform(self, bits: int) -> dict[Tensor, int]:
        """The same width for every tensor; the input keeps the width that the data have when that is less."""
        return {t: bits if bits in options else options[0] for t, options in self.options.items()}

    def without_input(self) -> Candidates:
        """The same with an input that keeps its width."""
        twin = copy.copy(self)
        twin.options = {t: widths for t, widths in self.options.items() if t.kind != INPUT}
        twin.readers = {layer: t if t in twin.options else None for layer, t in self.readers.items()}
        return twin

    def recipe(self, choice: Choice) -> QuantizeSection:
        """The recipe section that builds a choice; an activation is written with the layer that it follows."""
        layers: dict[str, dict[str, int]] = {t.layer: {"kernel": b} for t, b in choice.items() if t.kind == KERNEL}
        owned = list(self.owners.values())
        for tensor, bits in choice.items():
            if tensor.kind == ACTIVATION:
                owner = self.owners.get(tensor.layer)
                layers.setdefault(owner if owner and owned.count(owner) == 1 else tensor.layer, {})["activation"] = bits
        entry = next((b for t, b in choice.items() if t.kind == INPUT and b < self.input_type.width), None)
        return _with_widths(self.section, {name: LayerBits(**bits) for name, bits in layers.items()}, entry)


def uniform(section: QuantizeSection, bits: int, input_bits: int) -> QuantizeSection:
    """A section with ``bits`` for every kernel and activation, and for an input of more than that; the rest as in ``section``.

    Activations are rounded to nearest: what truncation loses is a constant half step, which its own training takes back.
    """
    own = {"*": LayerBits(kernel=bits, activation=bits)}
    return _with_widths(section, own, bits if bits < input_bits else None).model_copy(update={"rounding": "nearest"})


def _with_widths(section: QuantizeSection, layers: dict[str, LayerBits], entry: int | None) -> QuantizeSection:
    """``section`` with these widths; integer bits are fitted again, since they belong to a width."""
    fitted = {"kernel_integer": "auto", "activation_integer": "auto"}
    default = section.default.model_copy(update=fitted)
    return section.model_copy(
        update={"default": default, "layers": layers, "input": entry, "input_integer": "auto", "dead_start": "rescale"}
    )


def _is_cast(layer: Any, layers: list[Any]) -> bool:
    """Whether the result of a layer is rounded to its own width: a ReLU, or an average that no ReLU reads."""
    if not is_average(layer):
        return is_relu(layer)
    readers = consumers(layers, layer)
    return bool(readers) and not all(is_relu(reader) for reader in readers)


def _folded(model: Any) -> Any:
    """A float copy with BatchNormalization folded into the weights in front of it."""
    keras = load().keras
    weights = fold_batchnorm(model)

    def twin(layer: Any) -> Any:
        if type(layer).__name__ == "BatchNormalization":
            return keras.layers.Activation("linear", name=layer.name)
        config = layer.get_config()
        return type(layer).from_config(config | {"use_bias": True} if layer.name in weights else config)

    folded = keras.models.clone_model(model, clone_function=twin)
    for name, values in weights.items():
        folded.get_layer(name).set_weights([w.astype(np.float32) for w in values])
    return folded
