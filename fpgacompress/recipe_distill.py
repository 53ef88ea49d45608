"""The sections ``teacher`` and ``distill`` of a recipe: who teaches, what is taught, and who stands between teacher and student."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from .recipe_section import Section

Widths = Annotated[int, Field(ge=2, le=16)]


class TeacherSection(Section):
    model: str = Field("cnn", description="Teacher by name (mlp, cnn, resnet8, resnet, mobilenet, cnn1d).")
    file: str | None = Field(None, description="A trained Keras model to use as teacher instead; a final softmax or sigmoid is removed.")
    options: dict[str, Any] = Field(default_factory=dict, description="Settings of the named model, for example widths.")
    epochs: int = Field(10, ge=1, description="Epochs of teacher training.")
    batch_size: int = Field(128, ge=1, description="Samples per update.")
    learning_rate: float = Field(2e-3, gt=0, description="Peak learning rate (Adam).")
    schedule: Literal["cosine", "constant"] = Field("cosine", description="Learning rate over time.")
    augment: Literal["none", "flip", "shift"] = Field(
        "none", description="Views of images at random while the teacher trains: flip (mirrored) or shift (moved by one pixel)."
    )
    folds: int = Field(
        0,
        ge=0,
        description="0, or train so many more teachers, each without one part of the training data, and let each teach the part that it has "
        "not seen (a teacher is too sure of samples that it learned by heart). Patients stay together.",
    )
    calibrate: bool = Field(
        False,
        description="Divide the teacher's logits by the temperature that makes its validation probabilities honest, before it teaches.",
    )

    @field_validator("folds")
    @classmethod
    def _parts(cls, value: int) -> int:
        if value == 1:
            raise ValueError("folds is 1; with a single part nothing is left to train on. Use 0 (none) or at least 2")
        return value


class Assistant(Section):
    """A float model between teacher and student."""

    model: str = Field("mlp", description="Assistant by name.")
    options: dict[str, Any] = Field(default_factory=dict, description="Settings of the named model.")
    epochs: int | None = Field(None, ge=1, description="Epochs of its training; those of the teacher when absent.")


class DistillSection(Section):
    method: str = Field(
        "logits",
        description="Distillation method by name (logits, dkd, dist, hints, attention, gradient_attention, relational, similarity, refinery, "
        "subclass, online, mutual, ema, exits), or several joined by +, such as logits+attention.",
    )
    temperature: float = Field(2.0, gt=0, description="Temperature T of the soft targets; the soft loss is multiplied by T squared.")
    alpha: float = Field(0.5, ge=0, le=1, description="Weight of the teacher's term; the labels get 1 - alpha.")
    options: dict[str, Any] = Field(default_factory=dict, description="Further settings of the method.")
    combine: Literal["equal", "validation", "confidence", "attention"] = Field(
        "equal",
        description="How several teachers' probabilities are mixed: alike, by weights that fit the validation labels best, by how sure each is of "
        "the sample, or by attention that is trained with the student.",
    )
    chain: Literal["none", "auto", "bits"] | list[Widths | Assistant] = Field(
        "none",
        description="Who stands between teacher and student, each taught by the one before: models ({model: mlp, options: ...}) and bits (8, 6: "
        "the student itself with so many); auto plans models from the sizes, bits is 8, 6, 4 down to the student's own.",
    )
    generations: int = Field(
        1, ge=1, description="How often the student is trained, each time with the former one as its teacher (born-again networks)."
    )
    float_student: bool = Field(
        False, description="Teach the float student, too, from which the quantized ones start, those compared with it included."
    )

    @field_validator("chain", mode="before")
    @classmethod
    def _links(cls, value: Any) -> Any:
        if isinstance(value, dict) or (not isinstance(value, (str, list))):
            raise ValueError(f"chain is {value!r}; expected none, auto, bits, or a list such as [8, 6] or [{{model: mlp}}]")
        if isinstance(value, list):
            value = [int(v) if isinstance(v, float) and v.is_integer() else v for v in value]
        for link in value if isinstance(value, list) else ():
            if isinstance(link, (dict, Assistant)) or (isinstance(link, int) and not isinstance(link, bool) and 2 <= link <= 16):
                if not isinstance(link, dict) or isinstance(link.get("model", ""), str):
                    continue
            raise ValueError(
                f"chain has {link!r}; each link is a number of bits from 2 to 16, or a model such as {{model: mlp, options: {{}}}}"
            )
        return value
