"""A planner's question with all that may be asked about its plan: what the command and HTTP both take."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field, ValidationError
from pydantic_core import from_json

from recsys.errors import DataError, broken_rules
from recsys.openings.evenness.access import By
from recsys.openings.question import Amount, Choice, Question

FURTHER = ("budgets", "front_points", "explain", "why_not", "moves", "closings")
"""What may be asked beside the plan itself; empty, 0 or false where it is not."""


class Inquiry(Question):
    """A planner's question, and what else to tell of its plan; what is left out does not limit."""

    budgets: tuple[Amount, ...] = Field(default=(), max_length=20, description="budgets of the curve; empty for none")
    front_points: int = Field(default=0, ge=0, le=40, description="plans of the front at most; 0 for no front")
    front_seconds: float = Field(default=5.0, ge=0.1, le=20, description="time after which the front is as it is")
    equity_by: By = Field(default="township", description="groups between which access should be even")
    catchment_km: float | None = Field(
        default=None, gt=0, le=200, description="way that counts for access; usual ways without"
    )
    explain: bool = Field(default=False, description="what makes each class's figure, who comes, what is next best")
    why_not: tuple[Choice, ...] = Field(default=(), max_length=20, description="classes asked after")
    moves: int = Field(default=0, ge=0, le=20, description="running classes worth moving, at most; 0 for none")
    closings: int = Field(default=0, ge=0, le=20, description="running classes missed least, at most; 0 for none")

    def question(self) -> Question:
        """What is asked of the planning model."""
        return Question.model_validate(self.model_dump(include=set(Question.model_fields)))

    def further(self) -> list[str]:
        """Names of what is asked beside the plan, those of `FURTHER`."""
        return [name for name in FURTHER if getattr(self, name)]


def read_question(text: str) -> dict[str, object]:
    """What JSON asks, not checked yet.

    Raises:
        DataError: it is no JSON, or no object.
    """
    try:
        written = from_json(text)
    except ValueError as error:
        raise DataError("question", [f"it is not JSON: {error}"]) from error
    if not isinstance(written, dict):
        raise DataError("question", ["an object {...} is expected"])
    return written


def inquiry_of(values: Mapping[str, object]) -> Inquiry:
    """An inquiry of values named as in `Inquiry`.

    Raises:
        DataError: every value that cannot be used.
    """
    try:
        return Inquiry.model_validate(values)
    except ValidationError as error:
        raise DataError("question", broken_rules(error, "it")) from error
