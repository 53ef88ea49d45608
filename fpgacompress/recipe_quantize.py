"""The section ``quantize`` of a recipe: bits per layer, how they are fitted, trained or learned."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from .recipe_section import Section

Bits = int | Literal["auto"]


def _integer_bits(value: Bits | None) -> Bits | None:
    if isinstance(value, int) and not -16 <= value <= 16:
        raise ValueError("integer bits lie between -16 and 16, or are auto")
    return value


class LayerBits(Section):
    """Widths of one layer; a field that is None is left to the patterns before it, and at last to the preset."""

    kernel: Annotated[int, Field(ge=2, le=16)] | Literal["ternary", "binary"] | None = Field(
        None, description="Bits of each weight, sign included; or ternary (-1, 0, 1), or binary (-1, 1), times a power of two."
    )
    kernel_integer: Bits | None = Field(
        None, description="Integer bits of the weights without sign (may be negative), or auto: fitted to the weights."
    )
    bias: int | None = Field(None, ge=2, le=24, description="Bits of the bias, sign included.")
    bias_integer: Bits | None = Field(None, description="Integer bits of the bias without sign, or auto.")
    activation: int | None = Field(None, ge=1, le=16, description="Bits of the activation behind the layer.")
    activation_integer: Bits | None = Field(None, description="Integer bits of the activation, or auto: fitted on training samples.")

    @field_validator("kernel_integer", "bias_integer", "activation_integer")
    @classmethod
    def _range(cls, value: Bits | None) -> Bits | None:
        return _integer_bits(value)


class LearnedSection(Section):
    """How bits are learned: one training with a growing price of bits, then the students it leaves on the front."""

    granularity: Literal["weight", "channel", "tensor"] = Field(
        "weight",
        description="What has bits of its own: each weight, each output channel, or each kernel.",
    )
    inputs: Literal["feature", "tensor"] = Field(
        "feature",
        description="Whether each feature of the network's input has bits of its own (of images that a convolution reads: each channel).",
    )
    activations: Literal["channel", "tensor"] = Field(
        "tensor",
        description="Whether each channel of a hidden activation has bits of its own. Such activations are truncated, half a step in the bias.",
    )
    one_logit: bool = Field(True, description="Of two classes compute only the difference of the logits; the first logit is 0.")
    epochs: int = Field(
        300, ge=1, description="Epochs of the ramp, in which the price of a bit grows; it ends early where accuracy breaks."
    )
    settle_epochs: int = Field(
        20, ge=0, description="Epochs in which each point of the front goes on learning its bits, its cost held, behind the ramp."
    )
    tune_epochs: int = Field(40, ge=2, description="Epochs each point of the front then trains on with its bits fixed.")
    descent_sweeps: Annotated[int, Field(ge=0)] | Literal["auto"] = Field(
        "auto",
        description="How often each point's weights and bits are at last visited one by one and changed where the loss with the price of its bits "
        "falls, where that takes less than about a minute; 0 for not at all, auto for 3 where the network is a chain of dense layers.",
    )
    points: int = Field(10, ge=1, description="Students to leave, from dear to cheap, evenly spaced over the logarithm of their cost.")
    learning_rate: float = Field(
        5e-3, gt=0, description="Highest rate of Adam in the ramp, for weights and bits; points settle and are tuned from a third of it."
    )
    cycles: int = Field(
        30, ge=1, description="How often the learning rate falls in the ramp and starts anew; points are taken where it is lowest."
    )
    beta_first: float = Field(
        0.1, gt=0, description="Weight of the EBOPs, as a share of those at the start, in the loss at the begin of the ramp."
    )
    beta_last: float = Field(50.0, gt=0, description="That weight at the end of the ramp; it grows by the same factor in each epoch.")
    masks: bool = Field(False, description="Prune as the section prune says, too; learned bits prune on their own where 0 bits are left.")
    target: int | None = Field(None, ge=1, description="EBOPs to steer to and hold, for one student instead of a front.")
    loss: float = Field(
        0.005,
        ge=0,
        lt=1,
        description="The run goes on with the cheapest student whose validation accuracy is at most so far below the best one's.",
    )


class QuantizeSection(Section):
    """Bits of a network, and how it comes to them."""

    preset: Literal["int8", "int4", "w4a6", "ternary", "binary", "first-and-last-8"] | None = Field(
        None,
        description="Bits that default and layers start from, by name (own entries win, field by field): int8, int4, w4a6, ternary, binary, "
        "first-and-last-8. Without one, weights and activations have 6 bits and biases 10.",
    )
    default: LayerBits = Field(
        default_factory=LayerBits, description="Bits of every layer that no pattern names; what is left out comes from the preset."
    )
    layers: dict[str, LayerBits] = Field(
        default_factory=dict, description="Layer name or pattern (hidden*, conv?) to its own bits; later entries win, field by field."
    )
    input: int | None = Field(
        None, ge=1, le=16, description="Bits of the network's input, where fewer than the preprocessing delivers are wanted."
    )
    input_integer: Bits = Field("auto", description="Integer bits of the input without sign, or auto: fitted on training samples.")
    method: Literal["qat", "ptq", "dynamic", "learned"] = Field(
        "qat",
        description="qat (quantized while training), ptq (quantized after the float training), dynamic (only weights are quantized; no firmware), "
        "learned (bits are trained, too).",
    )
    start: Literal["float", "scratch"] = Field(
        "float", description="What qat starts from: the trained float student, or fresh weights (scratch)."
    )
    ranges: Literal["max", "mse", "percentile", "surviving"] = Field(
        "max",
        description="How the integer bits of weights are fitted when auto: max (nothing saturates at the start), mse (least squared error), "
        "percentile (what lies beyond it saturates), surviving (least squared error over the weights that pruning will leave).",
    )
    activation_ranges: Literal["max", "mse", "percentile"] = Field(
        "mse", description="How the integer bits of activations and of the input are fitted when auto, on calibration samples."
    )
    percentile: float = Field(
        99.9, gt=50, le=100, description="Percentile of the magnitudes that the ranges hold where they are fitted by percentile."
    )
    scales: Literal["tensor", "channel"] = Field(
        "tensor", description="One binary point for a whole kernel, or one for each of its output channels (powers of two either way)."
    )
    rounding: Literal["nearest", "truncate"] = Field(
        "nearest",
        description="Rounding of activations: nearest (half to even), or truncate (towards minus infinity, which costs no adder).",
    )
    dead_start: Literal["refuse", "rescale"] = Field(
        "refuse",
        description="What to do with a layer whose weights (nearly) all quantize to 0 before training: stop, or fit its integer bits.",
    )
    stages: list[Annotated[int, Field(ge=2, le=16)]] = Field(
        default_factory=list,
        description="Progressive qat: bits of kernels and activations in each stage before the last, for example [8, 6]; never fewer than their own, "
        "which the last stage trains.",
    )
    stochastic_rounding: bool = Field(False, description="Round weights at random while training; evaluation is always exact.")
    noise_warmup: float = Field(
        0.0, ge=0, le=1, description="Part of the training over which quantization fades in; 0: quantized from the start."
    )
    bias_correction: bool = Field(
        False, description="ptq: add to each bias the mean error that quantized weights cause on calibration samples."
    )
    equalize: bool = Field(False, description="ptq: balance the ranges of neighbouring layers through their ReLU before quantizing.")
    learned: LearnedSection = Field(default_factory=LearnedSection, description="Settings of the method learned.")
    calibration_samples: int = Field(2048, ge=1, description="Training samples that activation ranges are fitted on.")

    @field_validator("input_integer")
    @classmethod
    def _range(cls, value: Bits) -> Bits:
        return _integer_bits(value)  # type: ignore[return-value]

    @field_validator("stages")
    @classmethod
    def _falling(cls, value: list[int]) -> list[int]:
        if any(later >= earlier for earlier, later in zip(value, value[1:])):
            raise ValueError(f"the stages {value} must fall, for example [8, 6]")
        return value
