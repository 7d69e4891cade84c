"""What requests may say: limits in the signatures, unknown parameters refused."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import pandas as pd
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from features.intake.cleaning import LONGEST_ID
from recsys.dataset import DEFAULT_TIMEZONE
from recsys.sentences import Language, Sentence
from serving.languages import broken

Level = Literal["province", "city", "county", "township", "village", "all"]
"""Levels of regions, and that of the root of platforms without one tree."""

Grouping = Literal["age", "gender", "region", "category", "channel"]
MAX_LIMIT = 1000
MAX_YEARS = 100
"""Longest period that is counted over."""

ORDERED = Sentence("from 必须早于 to", "from must lie before to")


def _mend_plus(value: object) -> object:
    """A `+` that was not escaped arrives as a blank; a bare number is no time."""
    if not isinstance(value, str | int | float):
        return value
    text = str(value).strip()
    if not isinstance(value, str) or re.fullmatch(r"[+-]?\d+(\.\d+)?", text):
        example = "2026-03-01T08:00:00+08:00"
        raise broken(
            Sentence(f"应为 ISO 8601 时间，例如 {example}", f"expected a time in ISO 8601, for example {example}")
        )
    return re.sub(r" (\d\d:?\d\d)$", r"+\1", text) if "T" in text else text


def _with_zone(value: datetime) -> datetime:
    if not 1900 <= value.year <= 2200:
        raise broken(Sentence("年份应在 1900 到 2200 之间", "the year must lie between 1900 and 2200"))
    return value if value.tzinfo is not None else value.replace(tzinfo=ZoneInfo(DEFAULT_TIMEZONE))


Moment = Annotated[datetime, BeforeValidator(_mend_plus), AfterValidator(_with_zone)]
"""ISO 8601; without a zone in Asia/Shanghai."""

Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False, description="degrees north, WGS-84")]
Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False, description="degrees east, WGS-84")]
LONGEST_OUTSIDE_ID = LONGEST_ID + 500
"""Of an id as outsiders write it: with several platforms the platform's name stands before."""

Id = Annotated[str, Field(min_length=1, max_length=LONGEST_OUTSIDE_ID)]


def timestamp(moment: datetime | None) -> pd.Timestamp | None:
    """The same instant in UTC as the tables write it."""
    return None if moment is None else pd.Timestamp(moment).tz_convert("UTC")


class Query(BaseModel):
    """Base of all query strings: a parameter that does not exist is an error, never silently without effect."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Localised(Query):
    """Answers with words in them."""

    lang: Language | None = Field(default=None, description="language of words; without it Accept-Language decides")


class Filters(Localised):
    """What a list of sessions may be narrowed to."""

    k: int = Field(default=10, ge=1, le=100, description="length of the list")
    lat: Latitude | None = Field(default=None, description="degrees north, WGS-84, of where to look from; with `lon`")
    lon: Longitude | None = Field(default=None, description="degrees east, WGS-84; with `lat`")
    max_km: float | None = Field(
        default=None,
        gt=0,
        le=20_040,
        allow_inf_nan=False,
        description="farthest venue, straight line; online sessions and unknown places are left out",
    )
    from_: Moment | None = Field(default=None, alias="from", description="first start that is wanted")
    to: Moment | None = Field(default=None, description="first start that is no longer wanted")
    category: list[str] = Field(default_factory=list, max_length=50, description="only these categories")
    kind: list[str] = Field(default_factory=list, max_length=20, description="only these kinds of activity")
    region_id: Id | None = Field(default=None, description="only sessions in or under this region")
    channel: str | None = Field(default=None, max_length=50, description="where the list is shown; does not filter")

    @model_validator(mode="after")
    def _agree(self) -> Filters:
        problems = []
        if (self.lat is None) != (self.lon is None):
            problems.append(Sentence("lat 和 lon 要一起给出", "lat and lon come together"))
        if self.from_ is not None and self.to is not None and self.from_ >= self.to:
            problems.append(ORDERED)
        if problems:
            raise broken(*problems)
        return self


class Page(Query):
    """Part of a long list."""

    limit: int = Field(default=100, ge=1, le=MAX_LIMIT, description="rows in this part")
    offset: int = Field(default=0, ge=0, le=10_000_000, description="rows before this part")


class Similar(Localised):
    """Which similar activities."""

    k: int = Field(default=10, ge=1, le=100, description="length of the list")


class ForecastQuery(Page):
    """Which series."""

    region_id: Id | None = Field(default=None, description="this region (not those under it)")
    category: str | None = Field(default=None, description="this category")
    level: Level | None = Field(default=None, description="regions of this level; villages are in their townships")
    target: Literal["bookings", "demand"] | None = Field(default=None, description="both without it")
    horizon: int = Field(default=13, ge=1, le=104, description="weeks ahead; no further than the bundle's")
    history_weeks: int = Field(default=26, ge=0, le=1040, description="weeks of the past")
    period: Literal["week", "month", "quarter"] = Field(
        default="week", description="months or quarters beside the weeks: those that end within the forecast"
    )


class GapQuery(Page):
    """Which gaps."""

    region_id: Id | None = Field(default=None, description="this region and those under it")
    level: Level | None = Field(default=None, description="regions of this level")
    category: str | None = Field(default=None, description="this category")


class Period(Query):
    """A stretch of time; the last 26 weeks without bounds."""

    from_: Moment | None = Field(default=None, alias="from", description="first instant")
    to: Moment | None = Field(default=None, description="first instant no longer in it; now without it")

    @model_validator(mode="after")
    def _ordered(self) -> Period:
        if self.from_ is not None and self.to is not None and self.from_ >= self.to:
            raise broken(ORDERED)
        if self.from_ is not None and self.to is not None and self.to.year - self.from_.year > MAX_YEARS:
            within = f"from and to must lie within {MAX_YEARS} years"
            raise broken(Sentence(f"from 和 to 不能相隔 {MAX_YEARS} 年以上", within))
        return self

    def bounds(self, now: pd.Timestamp, weeks: int = 26) -> tuple[pd.Timestamp, pd.Timestamp]:
        """First instant and first instant after, in UTC."""
        until = timestamp(self.to) if self.to is not None else now
        since = timestamp(self.from_) if self.from_ is not None else until - pd.Timedelta(weeks=weeks)
        return since, until


class UtilisationQuery(Period, Page):
    """Which venues in which time."""

    region_id: Id | None = Field(default=None, description="venues in or under this region")
    venue_id: Id | None = Field(default=None, description="this venue only")


class RadiusQuery(Period):
    """Which visits."""

    category: str | None = Field(default=None, description="visits of this category only")


class RegionPeriod(Period):
    """Sessions of a region in a period."""

    region_id: Id | None = Field(default=None, description="sessions in or under this region")


class AccessQuery(Period, Page):
    """Whose reach, and of what."""

    region_id: Id | None = Field(default=None, description="this region and those under it")
    level: Level | None = Field(default=None, description="regions of this level; the smallest without it")
    category: str | None = Field(default=None, description="places of this category only")
    reach_km: float | None = Field(
        default=None, gt=0, le=500, allow_inf_nan=False, description="farthest way; without it what is usual"
    )


class ParticipationQuery(RegionPeriod, Localised):
    """Whose participation."""

    category: str | None = Field(default=None, description="sessions of this category")
    by: list[Grouping] = Field(default=["age", "gender", "region", "category"], description="tables that are wanted")


class ReportQuery(Period, Localised):
    """Which report."""

    format: Literal["json", "xlsx"] = Field(default="json", description="JSON, or a workbook")


class ExposureQuery(Period, Localised):
    """Whose exposure."""

    by: Literal["organiser", "region", "venue_size"] = Field(default="organiser", description="what is told apart")
