"""A planner's question with all that may be asked about its plan: what the command and HTTP both take."""

from __future__ import annotations

import json
from typing import Annotated

from pydantic import Field, ValidationError

from recsys.errors import DataError, broken_rules
from recsys.openings.access import By
from recsys.openings.question import Choice, Question

Budget = Annotated[float, Field(ge=0, allow_inf_nan=False)]

FURTHER = ("budgets", "front_points", "explain", "why_not", "moves", "closings")
"""What may be asked beside the plan itself; empty, 0 or false where it is not."""


class Inquiry(Question):
    """A planner's question, and what else to tell of its plan; what is left out does not limit."""

    budget: Budget = Field(description="classes, or money where costs are given")
    budgets: tuple[Budget, ...] = Field(default=(), max_length=20, description="budgets of the curve; empty for none")
    front_points: int = Field(default=0, ge=0, le=40, description="plans of the front at most; 0 for no front")
    front_seconds: float = Field(default=3.0, ge=0.1, le=20, description="time after which the front is as it is")
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


def read_inquiry(text: str, **given: object) -> Inquiry:
    """An inquiry from JSON, names as in `Inquiry`; `given` values that are not None take their places in it.

    Raises:
        DataError: every value that cannot be used.
    """
    try:
        written = json.loads(text)
        if not isinstance(written, dict):
            raise DataError("question", ["an object {...} is expected"])
        return Inquiry.model_validate({**written, **{name: v for name, v in given.items() if v is not None}})
    except json.JSONDecodeError as error:
        raise DataError("question", [f"it is not JSON: {error}"]) from error
    except ValidationError as error:
        raise DataError("question", broken_rules(error, "it")) from error
