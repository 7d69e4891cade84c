"""One planned activity: what is asked and what may be expected."""

from __future__ import annotations

from pydantic import BaseModel, Field

from recsys.closed import Closed
from serving.params import Moment
from serving.schemas.apps import VenueBrief
from serving.schemas.quantiles import Interval
from serving.schemas.times import Bundle, DataUntil


class AppraisalBody(Closed):
    """One planned activity."""

    category: str = Field(min_length=1)
    venue_id: str = Field(min_length=1, description="a venue of the platform; an online session has no catchment")
    starts_at: Moment = Field(description="without a zone in Asia/Shanghai")
    kind: str | None = Field(default=None, description="noted; the estimate is learned from bookings of the category")
    capacity: int | None = Field(default=None, ge=1, le=100_000, description="places; the usual number without it")
    price: float | None = Field(default=None, ge=0, allow_inf_nan=False, description="noted; see `notes`")
    ends_at: Moment | None = None
    title: str | None = None
    min_age: int | None = Field(default=None, ge=0, le=150)
    max_age: int | None = Field(default=None, ge=0, le=150)


class AudienceGroup(BaseModel):
    """A group of the audience."""

    name: str = Field(description="age group, distance or region_id")
    label: str = Field(description="the group in the language asked for, a township by its name")
    share: float = Field(description="of the audience; `other` holds groups with fewer than five people behind them")


class OtherTime(BaseModel):
    """The same activity at another time or place."""

    venue: VenueBrief
    weekday: int = Field(ge=1, le=7, description="1 = Monday")
    start_time: str = Field(description="local, HH:MM")
    expected_audience: float


class AppraisalAnswer(Interval):
    """Expected audience of one session, who they are, and better choices."""

    bundle: Bundle
    data_until: DataUntil
    category: str
    venue: VenueBrief
    weekday: int = Field(ge=1, le=7)
    start_time: str = Field(description="weekly slot that stands for the time asked for")
    size: int = Field(description="places that the estimate goes by")
    expected_audience: float = Field(description="people who come")
    interested: float = Field(description="people who would come if places had no end")
    new_people: float = Field(description="of the audience, who would not have come to this category elsewhere")
    from_others: float = Field(description="of the audience, who are taken from what runs now")
    newly_reached: float = Field(description="of the new people, those with no attendance in 52 weeks")
    by_age: list[AudienceGroup]
    by_distance: list[AudienceGroup]
    by_township: list[AudienceGroup]
    median_km: float | None = Field(description="half of the audience lives within; none where not known")
    better_times: list[OtherTime] = Field(description="at the same venue, the best first")
    better_venues: list[OtherTime] = Field(description="at their best times, the best first")
    notes: list[str] = Field(description="what the estimate stands for, and what is not in it")
