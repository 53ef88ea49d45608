"""The typed recipe: what to train on, which teacher and student, which bits, zeros and board. YAML in, YAML out.

The description of each field is written once, here. It is the help of the command line, the comments of ``recipe init`` and the reference page.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, Field, PrivateAttr, ValidationError

from .errors import RecipeError
from .recipe_distill import Assistant, DistillSection, TeacherSection
from .recipe_prune import PruneSection, ShrinkSection
from .recipe_quantize import Bits, LayerBits, LearnedSection, QuantizeSection
from .recipe_section import Section
from .registry import nearest

__all__ = [
    "Assistant",
    "Bits",
    "DataSection",
    "DistillSection",
    "FirmwareSection",
    "LayerBits",
    "LearnedSection",
    "PruneSection",
    "QuantizeSection",
    "Recipe",
    "StudentSection",
    "TeacherSection",
    "TrainSection",
    "load_recipe",
    "parse_recipe",
]


class DataSection(Section):
    source: str = Field(description="Name of a data set (see 'fpgacompress data list'), or path to your own .npz, .csv or image folder.")
    validation: float = Field(0.1, gt=0, description="Part of the training data held out for every choice: a fraction below 1, or a count.")
    classes: list[Annotated[int, Field(ge=0)]] | None = Field(
        None,
        min_length=2,
        description="Class numbers that stay, such as [1, 9], numbered anew in this order; the samples of the others are left out. All when absent.",
    )
    data_dir: str | None = Field(None, description="Folder to look for data files in first.")
    limit: int | None = Field(None, ge=1, description="Use only so many samples of each split (quick trials; never for figures).")
    options: dict[str, Any] = Field(default_factory=dict, description="Further settings of the data source.")


class StudentSection(Section):
    model: str = Field("mlp", description="Student by name (mlp, cnn, resnet8, resnet, mobilenet, cnn1d).")
    file: str | None = Field(None, description="A float Keras model to use as student instead; its layers are replaced by QKeras layers.")
    options: dict[str, Any] = Field(default_factory=dict, description="Settings of the named model, for example {hidden: [128, 64]}.")


class TrainSection(Section):
    pretrain_epochs: int = Field(
        12, ge=0, description="Epochs of the float student that all quantized variants start from; 0 for a student from a file as it is."
    )
    pretrain_learning_rate: float = Field(1e-3, gt=0, description="Peak learning rate (Adam) of the float student.")
    epochs: int = Field(16, ge=1, description="Epochs of each quantized variant.")
    batch_size: int = Field(128, ge=1, description="Samples per update.")
    learning_rate: float = Field(4e-3, gt=0, description="Peak learning rate (Adam) of the quantized variants.")
    schedule: Literal["cosine", "constant"] = Field("cosine", description="Learning rate over time.")
    class_weights: Literal["none", "balanced"] = Field("none", description="balanced: weigh classes by the inverse of their frequency.")
    augment: Literal["none", "flip", "shift"] = Field(
        "none",
        description="Views of images at random while students train; teachers are asked about all of them. flip: mirrored left to right; shift: "
        "moved by one pixel in any direction.",
    )
    augment_until: float = Field(
        1.0,
        ge=0,
        le=1,
        description="Share of a training in which images are seen so; in the rest they are seen as they are, which small students end better with. "
        "Learned bits see views throughout.",
    )
    monitor: Literal["accuracy", "loss", "macro_f1"] = Field("accuracy", description="Validation figure that picks the best weights.")
    patience: int | None = Field(None, ge=1, description="Stop after so many epochs without gain (counted once the sparsity is reached).")
    tensorboard: bool = Field(True, description="Write a TensorBoard log into the run folder.")


class FirmwareSection(Section):
    board: str = Field("pynq-z2", description="Board by name, or path to a board's .toml file.")
    backend: Literal["Vitis", "Vivado", "VivadoAccelerator"] = Field("Vitis", description="hls4ml back end.")
    io: Literal["io_parallel", "io_stream"] = Field("io_parallel", description="All inputs at once, or streamed.")
    clock_ns: float | None = Field(None, gt=0, description="Clock period in ns; the board's usual one when absent.")
    strategy: Literal["auto", "latency", "resource", "resource_unrolled"] = Field(
        "auto",
        description="hls4ml strategy of layers that no pattern names. resource_unrolled leaves out multipliers whose weights are all zero (prune: "
        "method aligned with the same reuse factor makes such); its LUT and FF are not estimated.",
    )
    reuse: int | Literal["auto"] = Field(
        "auto", description="Reuse factor of layers that no pattern names; auto: the smallest legal one that fits."
    )
    layers: dict[str, int] = Field(default_factory=dict, description="Layer name or pattern to its own reuse factor.")
    simplify: bool = Field(True, description="Leave out neurons that are constant or unread whatever the input; no output bit changes.")
    accumulators: dict[str, str] = Field(
        default_factory=dict,
        description="Layer name or pattern to a narrower accumulator, such as 'fixed<16,6>' (wraps) or 'fixed<12,5,TRN,SAT>'; exact ones elsewhere.",
    )
    compile: bool = Field(True, description="Compile the C simulation (needs g++) and prove it against the student.")


class Recipe(Section):
    """A whole job. Read one with :func:`load_recipe`."""

    name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$", description="Name of the run folder and of the firmware project.")
    seed: int = Field(1, ge=0, description="Seed of splits, initial weights and sample order.")
    seeds: list[Annotated[int, Field(ge=0)]] = Field(
        default_factory=list,
        description="Further seeds to train the student and its variants with, for intervals over seeds; split, teacher and firmware stay as they are.",
    )
    data: DataSection = Field(description="Data set, splits and preprocessing.")
    teacher: TeacherSection = Field(default_factory=TeacherSection, description="The large model that teaches.")
    teachers: list[TeacherSection] = Field(
        default_factory=list, description="Further teachers, each with the fields of 'teacher'; distill.combine says how they are mixed."
    )
    student: StudentSection = Field(default_factory=StudentSection, description="The small model that goes on the board.")
    quantize: QuantizeSection = Field(default_factory=QuantizeSection, description="Bits of weights and activations, layer by layer.")
    shrink: ShrinkSection = Field(
        default_factory=ShrinkSection, description="Channels taken out of the float student, before it is quantized."
    )
    prune: PruneSection = Field(default_factory=PruneSection, description="Zeros in the weights.")
    distill: DistillSection = Field(default_factory=DistillSection, description="What the student learns from the teacher.")
    train: TrainSection = Field(default_factory=TrainSection, description="The training step that student and comparisons share.")
    compare: list[Literal["qat", "qap"]] = Field(
        default_factory=lambda: ["qat", "qap"],
        description="Variants trained beside the student: qat (quantized), qap (quantized and pruned).",
    )
    firmware: FirmwareSection = Field(default_factory=FirmwareSection, description="Board and hls4ml project.")

    _file: str | None = PrivateAttr(None)
    _lines: dict[tuple[str, ...], int] = PrivateAttr(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionary of every field, defaults included (JSON values only)."""
        return self.model_dump(mode="json")

    def to_yaml(self) -> str:
        """The resolved recipe as YAML; reading it back gives an equal recipe."""
        return yaml.safe_dump(self.to_dict(), sort_keys=False, allow_unicode=True)

    def error(self, field: str, received: str, *, expected: str = "", do: str = "") -> RecipeError:
        """A RecipeError that names file, line and field (dotted path) of a value found wrong later on."""
        return RecipeError(f"{_place(self._file, self._lines, tuple(field.split('.')))}{received}", expected=expected, do=do)


def _place(file: str | None, lines: dict[tuple[str, ...], int], path: tuple[str, ...]) -> str:
    known = path
    while known and known not in lines:
        known = known[:-1]
    where = file or "recipe"
    line = f":{lines[known]}" if known in lines else ""
    return f"{where}{line}: {'.'.join(path)}: "


def _line_map(node: yaml.Node | None, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], int]:
    lines: dict[tuple[str, ...], int] = {}
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*path, str(key.value))
            lines[here] = key.start_mark.line + 1
            lines |= _line_map(value, here)
    elif isinstance(node, yaml.SequenceNode):
        for i, value in enumerate(node.value):
            here = (*path, str(i))
            lines[here] = value.start_mark.line + 1
            lines |= _line_map(value, here)
    return lines


_ENTRIES: dict[str, type[BaseModel]] = {"teachers": TeacherSection, "chain": Assistant}
"""Sections that are the entries of a list; those of the other fields with entries are bits of layers."""


def _section_fields(path: tuple[str, ...]) -> list[str]:
    model: Any = Recipe
    for part in path:
        annotation = model.model_fields[part].annotation if part in getattr(model, "model_fields", {}) else None
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            model = annotation
        elif annotation is not None:
            model = _ENTRIES.get(part, LayerBits)
    return list(model.model_fields)


_TYPES = ("int", "float", "constrained-int")
_UNIONS = ("literal[", "list[", "Assistant")
"""What pydantic adds to the place of an error for each type that a field may have."""


def _explain(error: dict[str, Any], file: str | None, lines: dict[tuple[str, ...], int]) -> RecipeError:
    path = tuple(str(p) for p in error["loc"] if p not in _TYPES and not str(p).startswith(_UNIONS))
    kind, value = error["type"], error.get("input")
    place = _place(file, lines, path)
    if kind == "extra_forbidden":
        fields = _section_fields(path[:-1])
        return RecipeError(f"{place}there is no such field", expected=f"{nearest(path[-1], fields)}one of {', '.join(fields)}")
    if kind == "missing":
        return RecipeError(f"{place}this field is missing", do="add it; 'fpgacompress recipe init' writes a complete example")
    if kind == "literal_error":
        allowed = error["ctx"]["expected"].replace("'", "").replace(" or ", ", ").split(", ")
        return RecipeError(f"{place}found {value!r}", expected=f"{nearest(value, allowed)}one of {', '.join(allowed)}{error.get('or', '')}")
    message = error["msg"].removeprefix("Value error, ").replace("Input should be", "a value that is")
    return RecipeError(f"{place}found {value!r}", expected=message) if kind != "value_error" else RecipeError(f"{place}{message}")


def _words(details: list[Any]) -> list[Any]:
    """The errors of texts where one of some words is allowed, or a number or a list: the words are the better answer to a text."""
    found = [d for d in details if d["type"] == "literal_error" and isinstance(d["input"], str)]

    def others(detail: Any) -> str:
        kinds = {o["type"] for o in details if o["loc"][:-1] == detail["loc"][:-1] and o is not detail}
        return "" if not kinds else ", or a list" if "list_type" in kinds else ", or a number"

    return [d | {"or": others(d)} for d in found]


def parse_recipe(data: Any, *, file: str | None = None, lines: dict[tuple[str, ...], int] | None = None) -> Recipe:
    """Check a plain dictionary and return the recipe.

    Raises:
        RecipeError: the first wrong field, with file, line, what was found and what is allowed.
    """
    lines = lines or {}
    if not isinstance(data, dict):
        raise RecipeError(f"{file or 'recipe'}: found {type(data).__name__}", expected="a mapping with at least 'name' and 'data'")
    try:
        recipe = Recipe.model_validate(data)
    except ValidationError as error:
        details = error.errors()
        own = [d for d in details if d["type"] == "extra_forbidden"] or _words(details)
        own = own or [d for d in details if d["type"] != "literal_error"] or details
        raise _explain(own[0], file, lines) from None  # type: ignore[arg-type]
    recipe._file, recipe._lines = file, lines
    return recipe


def _set(data: dict[str, Any], assignment: str) -> None:
    path, sep, text = assignment.partition("=")
    if not sep or not path.strip():
        raise RecipeError(f"--set {assignment!r}", expected="field=value, for example train.epochs=3")
    *parents, last = path.strip().split(".")
    for part in parents:
        data = data.setdefault(part, {})
        if not isinstance(data, dict):
            raise RecipeError(f"--set {assignment!r}: '{part}' is not a section", expected="a dotted field such as train.epochs")
    data[last] = yaml.safe_load(text)


def load_recipe(source: str | Path | dict[str, Any] | Recipe, *, overrides: list[str] | tuple[str, ...] = ()) -> Recipe:
    """Read a recipe.

    Args:
        source: path of a YAML file, a dictionary, or a recipe.
        overrides: assignments such as ``"train.epochs=3"`` that win over the file.

    Raises:
        RecipeError: the file is missing, not YAML, or a field is wrong (file, line, field, what is allowed).
    """
    if isinstance(source, Recipe):
        if not overrides:
            return source
        source = source.to_dict()
    if isinstance(source, dict):
        data, file, lines = yaml.safe_load(yaml.safe_dump(source)), None, {}
    else:
        path = Path(source)
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RecipeError(
                f"recipe '{path}' cannot be read ({error})", do="give the path of a YAML file, or write one with 'recipe init'"
            ) from None
        try:
            data, lines, file = yaml.safe_load(text), _line_map(yaml.compose(text)), str(path)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = f":{mark.line + 1}" if mark else ""
            raise RecipeError(f"{path}{line}: not valid YAML ({getattr(error, 'problem', error)})") from None
    if overrides:
        data = data if isinstance(data, dict) else {}
        for assignment in overrides:
            _set(data, assignment)
    return parse_recipe(data, file=file, lines=lines)
