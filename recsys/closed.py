"""What people write as JSON, settings and questions alike: closed, frozen, and numbers are numbers."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticKnownError
from pydantic_core.core_schema import no_info_before_validator_function

_NUMBERS = ("int", "float")


def _without_flags(part: Any) -> Any:
    """A part of a schema with a check before each number in it."""
    if isinstance(part, list | tuple):
        return type(part)(_without_flags(one) for one in part)
    if not isinstance(part, dict):
        return part
    inside = {name: _without_flags(one) for name, one in part.items()}
    if inside.get("type") not in _NUMBERS:
        return inside
    return no_info_before_validator_function(_no_int_flag if inside["type"] == "int" else _no_float_flag, inside)


def _no_int_flag(value: object) -> object:
    if isinstance(value, bool):
        raise PydanticKnownError("int_type")
    return value


def _no_float_flag(value: object) -> object:
    if isinstance(value, bool):
        raise PydanticKnownError("float_type")
    return value


class Closed(BaseModel):
    """Base of what is read from JSON: an unknown name is an error, and `true` is no number, at any depth.

    >>> class Plan(Closed):
    ...     costs: dict[str, float]
    >>> try:
    ...     Plan.model_validate({"costs": {"dance": True}})
    ... except ValueError as error:
    ...     print(str(error).splitlines()[1:3])
    ['costs.dance', '  Input should be a valid number [type=float_type, input_value=True, input_type=bool]']
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """The schema that pydantic makes, in which no number takes a flag."""
        schema: CoreSchema = _without_flags(handler(source))
        return schema
