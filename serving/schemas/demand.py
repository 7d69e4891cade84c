"""Forecasts, their accuracy, and gaps between demand and supply."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from serving.schemas.paging import Part
from serving.schemas.quantiles import Forecast
from serving.schemas.times import Bundle, DataUntil

State = Literal["open", "sold out", "no session", "holiday", "closed"]
_IDENTIFIED = "false: nearly every week was sold out, so that demand is estimated from sessions like these alone"


class WeekPoint(BaseModel):
    """One past week."""

    week_start: date = Field(description="its Monday")
    value: float = Field(description="places taken (target bookings), or estimated demand (target demand)")
    is_sold_out: bool = Field(default=False, description="sessions were full: bookings say less than demand")
    state: State = Field(
        description="`sold out`: every session was full; `closed`: before the first session or long after the last; "
        "`holiday` and `no session`: nothing was offered in between, in a week of days off or another"
    )


class WeekForecast(Forecast):
    """One week ahead; `q0.1` to `q0.9` hold 80 % of outcomes."""

    week_start: date = Field(description="its Monday")


class PeriodForecast(Forecast):
    """A whole month or quarter, its weeks that are over included; a week counts where its Thursday lies."""

    period_start: date = Field(description="its first day")


class PeriodPoint(BaseModel):
    """A whole month or quarter that is over."""

    period_start: date = Field(description="its first day")
    value: float = Field(description="places taken (target bookings), or estimated demand (target demand)")


class Accuracy(BaseModel):
    """How past forecasts did: those of past weekly cut-offs, each by what was known before it."""

    level: str = Field(description="level of the regions")
    category: str | None = Field(default=None, description="none: all together")
    weeks_ahead: int | None = Field(default=None, description="0: the week of the cut-off; none: all together")
    model: str = Field(description="`programme` is what is served; the others are simple rules on the same weeks")
    metric: str = Field(
        description="`wape`: sum of errors / sum of places taken, over the level's series and weeks; `pit80`: share of "
        "outcomes in the 80 % interval, by randomised PIT"
    )
    value: float = Field(description="of the metric, 0.25 for 25 %")
    n: int = Field(description="weeks of series that were compared")


class VillageShare(BaseModel):
    """What of a township's series lies in the venues of one of its villages."""

    region_id: str
    region: str
    share: float = Field(description="of the series' means, by the last 52 weeks")


class Driver(BaseModel):
    """What one cause makes of a week's mean of bookings."""

    week_start: date
    factor: float = Field(description="factors of all drivers multiply to the mean")
    places: float = Field(description="places of all drivers add up to the mean")


class Alarm(BaseModel):
    """A level that broke or drifts, of one category or of all of a region together."""

    model_config = ConfigDict(extra="allow")

    region_id: str
    level: str = Field(description="level of the region")
    category: str | None = Field(description="none: all of the region's together")
    week_start: date = Field(description="Monday of the last week that was looked at")
    kind: Literal["break", "drift"]
    direction: Literal["up", "down"]
    ratio: float = Field(description="the level now, of what it was before")
    since: date = Field(description="Monday of the week in which it began")
    sessions_ratio: float | None = Field(description="sessions held since, of those before; none: there were none")
    is_season_known: bool = Field(
        default=True, description="false: the history is too short to tell a shift from the season"
    )


class Series(BaseModel):
    """One series with its past and its forecast."""

    region_id: str
    region: str
    level: str
    category: str
    target: Literal["bookings", "demand"] = Field(description="places taken as planned, or if nothing were full")
    is_identified: bool = Field(description=_IDENTIFIED)
    history: list[WeekPoint] = Field(description="past weeks, oldest first")
    forecast: list[WeekForecast] = Field(description="weeks ahead, that of `data_until` first")
    periods: list[PeriodForecast] | None = Field(default=None, description="months or quarters, where asked for")
    past_periods: list[PeriodPoint] | None = Field(default=None, description="of the last two years, where asked for")
    villages: list[VillageShare] = Field(default_factory=list, description="villages with a venue; they have no series")
    accuracy: list[Accuracy] = Field(
        default_factory=list, description="of past forecasts of the category in regions of this level; of bookings"
    )
    drivers: dict[str, list[Driver]] | None = Field(
        default=None,
        description="what made the means of bookings, by `level`, `trend`, `season`, `holiday` and `programme`",
    )


class Forecasts(Part):
    """Series with quantiles and history."""

    bundle: Bundle
    data_until: DataUntil
    alarms: list[Alarm] = Field(default_factory=list, description="levels of these series that broke, or drift")
    accuracy: list[Accuracy] = Field(
        default_factory=list,
        description="of past forecasts of bookings, by level (of these series) and weeks ahead, and of all weeks",
    )
    are_days_off_announced: bool = Field(
        description="false: days off of some weeks ahead are not announced yet, the usual rule stands in for them"
    )
    items: list[Series]


class Gap(BaseModel):
    """Demand against supply in a region and category, places a week."""

    region_id: str
    region: str
    level: str
    category: str
    demand: float = Field(description="places a week that would be taken if nothing was full")
    supply: float = Field(description="places a week that are offered")
    unmet: float = Field(description="demand that finds no place")
    share_unmet: float | None = Field(default=None, description="unmet / demand")
    is_identified: bool = Field(description=_IDENTIFIED)


class Gaps(Part):
    """Gaps, the largest unmet demand first."""

    bundle: Bundle
    data_until: DataUntil
    items: list[Gap]
