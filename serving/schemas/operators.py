"""What operators send and get."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field

from recsys.closed import Closed
from serving.edge import without_nul
from serving.params import LONGEST_OUTSIDE_ID, Moment
from serving.schemas.times import Since, Until


class RuleBody(Closed):
    """What a rule does to lists."""

    action: Literal["pin", "boost", "bury"] = Field(description="pin: before all that is not pinned")
    target: Literal["category", "organiser", "region"] = Field(description="a region holds those under it")
    value: Annotated[str, AfterValidator(without_nul)] = Field(
        min_length=1, max_length=LONGEST_OUTSIDE_ID, description="the category, organiser or region_id meant"
    )
    strength: float = Field(
        default=1.0,
        gt=0,
        le=100,
        description="how far a boost or a burial moves along a list: 1 from its middle to its best or worst sixth",
    )
    valid_from: Moment | None = Field(default=None, description="in force from here; from now on without it")
    valid_until: Moment | None = Field(default=None, description="no longer in force; for ever without it")


class OperatorRule(BaseModel):
    """A rule as stored."""

    rule_id: str
    action: Literal["pin", "boost", "bury"]
    target: Literal["category", "organiser", "region"]
    value: str
    strength: float
    valid_from: datetime | None
    valid_until: datetime | None
    in_force: bool = Field(description="by the service's clock")


class Exposed(BaseModel):
    """How often lists showed one organiser, region or size of venue."""

    value: str = Field(description="organiser, region_id or size; `unknown` where not known")
    label: str = Field(description="the same in the language asked for, a region by its name")
    sessions: int = Field(ge=0, description="sessions that lists of the time could show")
    offered_share: float = Field(ge=0, le=1, description="of all such sessions")
    shown: int = Field(ge=0, description="places in lists")
    shown_share: float = Field(ge=0, le=1, description="of all places in lists")
    drawn: int = Field(ge=0, description="places given by exploration")
    mean_place: float | None = Field(description="1 is the top; none: never shown")


class ExposureReport(BaseModel):
    """Whom lists showed."""

    since: Since
    until: Until
    by: Literal["organiser", "region", "venue_size"]
    shown: int
    drawn: int
    items: list[Exposed]
