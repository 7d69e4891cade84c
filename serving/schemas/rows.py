"""The contract's rows as schemas, made from `recsys.schema`: columns, types, limits and choices stand there once."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from recsys.schema import Column, Table

_TYPES: dict[str, Any] = {
    "id": str,
    "text": str,
    "list": str,
    "time": datetime,
    "number": float,
    "count": int,
    "flag": bool,
}


@cache
def row_model(table: Table) -> type[BaseModel]:
    """Schema of a row; only required columns must have a value."""
    fields = {column.name: _field(column) for column in table.columns}
    name = f"{table.name.title().removesuffix('s')}Row" if table.name != "activities" else "ActivityRow"
    model: type[BaseModel] = create_model(name, __config__=ConfigDict(extra="ignore"), **fields)
    model.__doc__ = f"A row of `{table.name}`."
    return model


def _field(column: Column) -> Any:
    kind = _TYPES[column.type]
    if column.choices is not None:
        kind = Literal[column.choices]
    described = Field(
        default=... if column.is_required else None,
        ge=column.low,
        le=column.high,
        description="values with `;` between" if column.type == "list" else None,
    )
    return (kind if column.is_required else kind | None, described)
