"""What people read of the recipe: every field with its meaning, and a commented example. The texts are those of ``recipe.py``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from .recipe import DataSection, Recipe


def walk_fields(model: type[BaseModel] = Recipe, prefix: str = "") -> list[tuple[str, str, Any]]:
    """Every field as (dotted name, description, default); sections before their fields."""
    rows: list[tuple[str, str, Any]] = []
    for name, field in model.model_fields.items():
        default = None if field.is_required() else field.get_default(call_default_factory=True)
        rows.append((prefix + name, field.description or "", default))
        annotation = field.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            rows += walk_fields(annotation, f"{prefix}{name}.")
    return rows


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json", exclude_none=True) if isinstance(value, BaseModel) else value


def field_rows() -> list[tuple[str, str, Any]]:
    """(dotted name, meaning, default) of every field that holds a value; the bits of one layer follow ``quantize.layers``."""
    sections = tuple(
        f"{name}." for name, f in Recipe.model_fields.items() if isinstance(f.annotation, type) and issubclass(f.annotation, BaseModel)
    )
    rows = []
    for name, meaning, default in walk_fields():
        if f"{name}." in sections or name == "quantize.default":
            continue
        rows.append((name, meaning, "" if default is None else _plain(default)))
    return rows


def example(source: str = "fashion_mnist") -> str:
    """A complete recipe in YAML with the meaning of each field as a comment."""
    recipe = Recipe(name=Path(source).stem.replace(".", "_"), data=DataSection(source=source))
    lines = ["# A fpgacompress recipe. Every field but name and data.source may be left out.", ""]

    def emit(model: BaseModel, indent: str) -> None:
        for name, field in type(model).model_fields.items():
            value = getattr(model, name)
            lines.append(f"{indent}# {field.description}")
            if isinstance(value, BaseModel):
                lines.append(f"{indent}{name}:")
                emit(value, indent + "  ")
            else:
                text = yaml.safe_dump(value, default_flow_style=True, width=10_000).strip().removesuffix("...").strip()
                lines.append(f"{indent}{name}: {text}")
        if not indent:
            return
        lines.append("")

    emit(recipe, "")
    return "\n".join(lines).rstrip() + "\n"
