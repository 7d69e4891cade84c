"""Where to open classes: the answer to a planner's question."""

from __future__ import annotations

from pydantic import BaseModel, Field

from recsys.openings.question import Choice
from serving.schemas.apps import VenueBrief
from serving.schemas.quantiles import Interval
from serving.schemas.times import Bundle, DataUntil


class CurvePoint(BaseModel):
    """What one budget would bring."""

    budget: float = Field(description="one of those asked for")
    classes: int = Field(description="that it opens")
    expected_attendance: float
    newly_reached: float


class FrontPoint(BaseModel):
    """A plan that no other beats in both reach and evenness."""

    classes: int
    expected_attendance: float
    newly_reached: float
    gini: float = Field(description="of training places a week within reach, by people: 0 even, towards 1 uneven")
    opens: list[Choice] = Field(description="its classes; as `must_open` they give the plan with all figures")


class Equity(BaseModel):
    """What the front's evenness is of."""

    by: str = Field(description="level of the groups; `region` for the smallest regions known")
    catchment_km: float = Field(description="way that counts")
    gini_now: float = Field(description="before any opening")
    is_complete: bool = Field(description="false where `front_seconds` ended the search")


class FloorRow(BaseModel):
    """A group under a floor, in people a week who come anew."""

    by: str
    name: str = Field(description="age group or region id")
    label: str = Field(description="the group in the language asked for")
    coverable: float = Field(description="were a class of every category open wherever one may be")
    floor: float = Field(description="asked for: share of `coverable`")
    reached: float = Field(description="by the plan")
    short: float = Field(description="what is missing; 0 where the floor is met")


class AudiencePart(BaseModel):
    """Part of an audience; those of one kind add up to the whole."""

    by: str = Field(description="`age`, `distance` or `township`")
    name: str = Field(description="`other`: groups behind which fewer than five persons stand, together")
    label: str = Field(description="the group in the language asked for, a township by its name")
    people: float


class NextBest(BaseModel):
    """The best class in this one's place."""

    category: str
    venue_id: str
    gain: float = Field(description="people a week that it would bring there")
    loses: float = Field(
        description="people a week less in all; below 0 where the planner's weights prefer fewer people"
    )


class Explanation(BaseModel):
    """What makes a class's figure."""

    category: str
    venue_id: str
    expected_attendance: float
    parts: dict[str, float] = Field(description="they add up to `expected_attendance`; losses are negative")
    who: list[AudiencePart]
    instead: NextBest | None


class WhyNot(BaseModel):
    """Why a class is not in the plan."""

    category: str
    venue_id: str
    reason: str = Field(description="sentence in the language asked for")
    gain: float | None = Field(default=None, description="people a week beside the plan")
    last_in: float | None = Field(default=None, description="those of the weakest class of the plan")


class Move(BaseModel):
    """A running class that would do better elsewhere."""

    category: str
    from_venue_id: str
    to_venue_id: str
    gain: float = Field(description="people a week more in all")


class Closing(BaseModel):
    """A running class that would be missed least."""

    category: str
    venue_id: str
    loses: float = Field(description="people a week fewer in all, were it to end; each class is judged by itself")


class Suggestion(Interval):
    """One new weekly class."""

    rank: int
    category: str
    venue_id: str
    region_id: str
    venue: VenueBrief
    weekday: int = Field(ge=1, le=7, description="1 = Monday")
    start_time: str = Field(description="local, HH:MM")
    size: int = Field(description="places")
    expected_attendance: float = Field(description="people a week who come and would not have come elsewhere")
    newly_reached: float = Field(description="of them, people with no attendance in 52 weeks")
    reasons: list[str] = Field(description="sentences in the language asked for")


class Suggestions(BaseModel):
    """Suggestions, the most useful first."""

    bundle: Bundle
    data_until: DataUntil
    expected_attendance: float = Field(description="of all together")
    newly_reached: float = Field(description="of them, people with no attendance in 52 weeks")
    worth: float = Field(
        description="people a week with the weights asked for, over samples in the mean of the draws; with floors also "
        "the penalties that the plan saves"
    )
    bound: float = Field(description="no plan is worth more")
    gap: float = Field(description="1 - worth / bound (0.05: the plan is worth at least 95 % of the best)")
    worth_on_means: float | None = Field(
        default=None, description="over samples, what the plan made on means is worth beside `worth`"
    )
    items: list[Suggestion]
    notes: list[str] = Field(description="why there are none, or none of a category that was asked for")
    curve: list[CurvePoint] = Field(description="one for each of `budgets`, least first")
    front: list[FrontPoint] = Field(description="most reach first; empty unless `front_points` was asked for")
    equity: Equity | None = Field(description="with the front")
    floors: list[FloorRow] = Field(description="every group of `floors`; empty without")
    explanations: list[Explanation] = Field(description="of each class, where asked for")
    why_not: list[WhyNot]
    moves: list[Move]
    closings: list[Closing]
