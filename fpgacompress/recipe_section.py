"""What every section of a recipe is: typed fields, each with its description, and no others."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A section of a recipe; a field that it does not have is an error."""

    model_config = ConfigDict(extra="forbid", validate_default=True)
