"""Long lists in parts."""

from __future__ import annotations

from pydantic import BaseModel, Field


class Part(BaseModel):
    """A part of a long list: `next` is the address of the following part, none at the end."""

    total: int = Field(ge=0, description="rows in the whole list")
    limit: int = Field(description="rows in a part, as asked for")
    offset: int = Field(description="rows before this part")
    next: str | None = Field(default=None, description="path and query of the following part; null at the end")
