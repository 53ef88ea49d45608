"""The sections ``prune`` and ``shrink`` of a recipe: weights that become zero, and channels that are taken out."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from .recipe_section import Section


def _checked(what: str, layers: dict[str, float]) -> dict[str, float]:
    for pattern, share in layers.items():
        if not 0 <= share < 1:
            raise ValueError(f"{what} of '{pattern}' is {share}; it must be at least 0 and below 1")
    return layers


class PruneSection(Section):
    method: str = Field(
        "magnitude",
        description="Pruning method by name (magnitude, snip, grasp, taylor, fisher, movement, activation, hardware, threshold, rigl, set, nm, "
        "aligned, clusters, digits, fixed).",
    )
    sparsity: float = Field(0.75, ge=0, lt=1, description="Zeros wanted at the end, as a fraction.")
    allocation: Literal["uniform", "erk", "global", "sensitivity"] = Field(
        "uniform",
        description="Which layers have them: each alike; small layers fewer, as Erdos-Renyi-Kernel allots; one threshold for "
        "all layers; or where zeros cost the loss least, measured at the first change.",
    )
    layers: dict[str, float] = Field(default_factory=dict, description="Layer name or pattern to its own sparsity; later entries win.")
    schedule: Literal["polynomial", "linear", "constant", "one-shot", "steps", "cyclic"] = Field(
        "polynomial",
        description="How sparsity grows: polynomial (cubic), linear, constant (all at once, looked at again), one-shot (once, at begin), steps "
        "(rounds steps with training between them), cyclic (rounds times from none).",
    )
    rounds: int = Field(4, ge=1, description="Steps of the schedule steps, cycles of cyclic.")
    begin: float = Field(0.05, ge=0, le=1, description="Where in the training pruning begins, as a fraction of all updates.")
    end: float = Field(0.5, ge=0, le=1, description="Where in the training the wanted sparsity is reached, as a fraction of all updates.")
    frequency: int = Field(50, ge=1, description="Updates between two changes of the masks.")
    options: dict[str, Any] = Field(default_factory=dict, description="Further settings of the method.")
    float_student: bool = Field(
        False,
        description="Prune the float student while it trains (pretrain_epochs), and let the quantized ones that are pruned keep its zeros: few weights "
        "must grow large, and ranges are then fitted to what they have become.",
    )

    @field_validator("layers")
    @classmethod
    def _fractions(cls, value: dict[str, float]) -> dict[str, float]:
        return _checked("sparsity", value)

    @model_validator(mode="after")
    def _order(self) -> PruneSection:
        if self.begin >= self.end:
            raise ValueError(f"begin ({self.begin}) must be before end ({self.end})")
        return self


class ShrinkSection(Section):
    share: float = Field(0.0, ge=0, lt=1, description="Channels and neurons taken out of the float student, as a fraction; 0: none.")
    score: Literal["l1", "taylor", "batchnorm", "redundancy"] = Field(
        "l1",
        description="What says which ones matter least: size of the weights, change of the loss, scale of the BatchNormalization, or how near "
        "they are to others.",
    )
    layers: dict[str, float] = Field(default_factory=dict, description="Layer name or pattern to its own share; later entries win.")
    everywhere: bool = Field(False, description="Take the least ones of the whole network, where each layer loses its share otherwise.")
    align: int = Field(
        1,
        ge=1,
        description="Widths that remain are multiples of it, the nearest ones (8 or 16: what vector units of processors compute at once); layers "
        "narrower than it keep what their share leaves.",
    )
    taught: bool = Field(
        False, description="The whole network teaches what is left of it in the training behind each step, as the section distill says."
    )
    blocks: list[str] = Field(default_factory=list, description="Residual sums whose branch is taken out, by name.")
    rounds: int = Field(1, ge=1, description="Take them out in so many steps, with training behind each.")
    epochs: int = Field(4, ge=0, description="Epochs of training behind each step.")

    @field_validator("layers")
    @classmethod
    def _fractions(cls, value: dict[str, float]) -> dict[str, float]:
        return _checked("share", value)
