"""Long lists in parts."""

from __future__ import annotations

from pydantic import BaseModel, Field


class Part(BaseModel):
    """A part of a long list: `next` is the address of the following part, none at the end."""

    total: int = Field(ge=0, description="rows in the whole list")
    limit: int
    offset: int
    next: str | None = None
