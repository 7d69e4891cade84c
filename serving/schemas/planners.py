"""What planners and organisers get."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from recsys.openings.question import Choice, Question
from serving.params import Moment
from serving.schemas.apps import VenueBrief


class Part(BaseModel):
    """A part of a long list: `next` is the address of the following part, none at the end."""

    total: int = Field(ge=0, description="rows in the whole list")
    limit: int
    offset: int
    next: str | None = None


class WeekPoint(BaseModel):
    """One past week."""

    week_start: date
    value: float = Field(description="places taken (target bookings), or estimated demand (target demand)")
    is_sold_out: bool = Field(default=False, description="sessions were full: bookings say less than demand")


class WeekForecast(BaseModel):
    """One week ahead; `q0.1` to `q0.9` hold 80 % of outcomes."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    week_start: date
    mean: float
    q10: float = Field(alias="q0.1")
    q50: float = Field(alias="q0.5")
    q90: float = Field(alias="q0.9")


class PeriodForecast(BaseModel):
    """A whole month or quarter, its weeks that are over included; a week counts where its Thursday lies."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    period_start: date
    mean: float
    q10: float = Field(alias="q0.1")
    q50: float = Field(alias="q0.5")
    q90: float = Field(alias="q0.9")


class PeriodPoint(BaseModel):
    """A whole month or quarter that is over."""

    period_start: date
    value: float = Field(description="places taken (target bookings), or estimated demand (target demand)")


class Accuracy(BaseModel):
    """How past forecasts did: those of past weekly cut-offs, each by what was known before it."""

    level: str
    category: str | None = Field(default=None, description="none: all together")
    weeks_ahead: int | None = Field(default=None, description="0: the week of the cut-off; none: all together")
    model: str = Field(description="`programme` is what is served; the others are simple rules on the same weeks")
    metric: str = Field(description="`wape`: sum of errors / sum of places taken, over the level's series and weeks")
    value: float
    n: int = Field(description="weeks of series that were compared")


class Series(BaseModel):
    """One series with its past and its forecast."""

    region_id: str
    region: str
    level: str
    category: str
    target: str
    history: list[WeekPoint]
    forecast: list[WeekForecast]
    periods: list[PeriodForecast] | None = Field(default=None, description="months or quarters, where asked for")
    past_periods: list[PeriodPoint] | None = Field(default=None, description="of the last two years, where asked for")
    accuracy: list[Accuracy] = Field(
        default_factory=list, description="of past forecasts of the category in regions of this level; of bookings"
    )
    drivers: dict[str, Any] | None = Field(
        default=None, description="what made the means of bookings: factors to multiply, `places` to add up"
    )


class Forecasts(Part):
    """Series with quantiles and history."""

    bundle: str
    data_until: datetime
    alarms: list[dict[str, Any]] = Field(
        default_factory=list,
        description="level shifts found in these series; `category` none: in all of a region's categories together",
    )
    accuracy: list[Accuracy] = Field(
        default_factory=list, description="of past forecasts of bookings, by level (of these series) and weeks ahead"
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


class Gaps(Part):
    """Gaps, the largest unmet demand first."""

    bundle: str
    data_until: datetime
    items: list[Gap]


class VenueUtilisation(BaseModel):
    """Use of one venue in the period."""

    venue_id: str
    name: str
    region_id: str | None
    region: str | None
    lat: float | None
    lon: float | None
    sessions: int
    hours: float
    places: int = Field(description="places taken")
    capacity: int | None = Field(description="places of sessions with a limit")
    seat_use: float | None = Field(description="places taken / capacity; none where no session has one")
    slot_use: float | None = Field(description="sessions / weekly slots; none where they are not known")
    attendance_rate: float | None = Field(description="attended / (attended + no-show); none without outcomes")
    by_hour: list[list[float]] = Field(description="hours in use a week: 7 weekdays from Monday x 24 local hours")


class Utilisation(Part):
    """Use of venues in a period."""

    since: datetime
    until: datetime
    items: list[VenueUtilisation]


class Ring(BaseModel):
    """Share of visits from between two distances."""

    from_km: float
    to_km: float | None
    share: float | None = Field(description="none where hidden: fewer than five people")


class ServiceRadius(BaseModel):
    """How far people come to a venue, straight line from home."""

    venue_id: str
    name: str
    since: datetime
    until: datetime
    people: int | None = Field(description="distinct people whose distance is known; none where fewer than five")
    visits: int | None
    km_by_share: dict[str, float | None] = Field(description="kilometres within which this share of visits comes")
    rings: list[Ring]
    reference_km: dict[str, float] = Field(description="the national 15-minute circle: about 1 km in town, 1.5 outside")


class GroupRow(BaseModel):
    """One group of people."""

    name: str
    label: str
    people: int | None = Field(description="distinct people; none where hidden")
    visits: int | None = Field(description="places taken; none where hidden")
    is_hidden: bool


class ParticipationTables(BaseModel):
    """Who takes part. Groups of fewer than five people are hidden, and as many more as keep them hidden."""

    since: datetime
    until: datetime
    min_people: int
    people: int | None
    visits: int | None
    tables: dict[str, list[GroupRow]]


class ReportSummary(BaseModel):
    """The figures of the first page."""

    activities: int
    sessions: int
    cancelled_sessions: int
    bookings: int
    places: int
    waitlisted: int
    attended: int | None
    attendance_rate: float | None
    people: int | None
    registered: int
    reach: float | None = Field(description="residents who took part / registered residents")
    seat_use: float | None
    venues_in_use: int
    median_km: float | None


class MonthRow(BaseModel):
    """One month."""

    month: str
    sessions: int
    places: int


class CategoryRow(BaseModel):
    """One category."""

    category: str
    activities: int
    sessions: int
    places: int
    seat_use: float | None


class VenueRow(BaseModel):
    """One venue."""

    venue_id: str
    venue: str
    sessions: int
    hours: float
    places: int
    capacity: int | None
    seat_use: float | None
    slot_use: float | None
    attendance_rate: float | None


class WeeklyAccuracy(BaseModel):
    """One week's forecast and what came."""

    week_start: date
    forecast: float
    actual: int


class AccuracyRow(BaseModel):
    """How the forecasts of the period did."""

    wape: float | None = Field(description="sum of absolute errors / sum of actual; none where nothing was booked")
    weeks: list[WeeklyAccuracy]


class OpeningRow(BaseModel):
    """One class that was opened: people at a session as predicted before it opened, and as they came."""

    category: str
    venue_id: str
    venue: str
    opened_on: date
    sessions: int = Field(description="sessions held since, within the period")
    predicted: float
    low: float
    high: float = Field(description="with `low`: 80 % of single sessions were expected between them")
    actual: float | None = Field(description="mean of the sessions held; none before the first")


class Report(BaseModel):
    """Performance of a region in a period."""

    region_id: str
    region: str
    since: datetime
    until: datetime
    summary: ReportSummary
    months: list[MonthRow]
    categories: list[CategoryRow]
    ages: list[GroupRow]
    genders: list[GroupRow]
    venues: list[VenueRow]
    accuracy: AccuracyRow | None = Field(description="none where no forecast of these weeks was kept")
    openings: list[OpeningRow] = Field(description="classes opened in the period, as the serving bundle followed them")


class SuggestionBody(Question):
    """A planner's question; what is left out does not limit."""

    budget: float = Field(ge=0, le=5000, allow_inf_nan=False, description="classes, or money where costs are given")
    budgets: list[Annotated[float, Field(ge=0, le=5000, allow_inf_nan=False)]] = Field(
        default_factory=list, max_length=20, description="budgets of the curve; empty for none"
    )
    front_points: int = Field(
        default=0, ge=0, le=20, description="plans tried between most reach and most even; 0 for no front"
    )
    explain: bool = Field(default=False, description="what makes each class's figure, who comes, what is next best")
    why_not: list[Choice] = Field(default_factory=list, max_length=20, description="classes asked after")
    moves: int = Field(default=0, ge=0, le=20, description="running classes worth moving, at most; 0 for none")

    def question(self) -> Question:
        """What is asked of the planning model."""
        return Question.model_validate(self.model_dump(include=set(Question.model_fields)))


class CurvePoint(BaseModel):
    """What one budget would bring."""

    budget: float
    classes: int
    expected_attendance: float
    newly_reached: float


class FrontPoint(BaseModel):
    """A plan that no other beats in both reach and evenness."""

    equity_weight: float = Field(description="how strongly people of regions with little access count; 0 not at all")
    classes: int
    expected_attendance: float
    gini: float = Field(description="of access by region, weighted by people: 0 even, towards 1 uneven")


class FloorRow(BaseModel):
    """A group under a floor, in people a week who come anew."""

    by: str
    name: str = Field(description="age group or region id")
    coverable: float = Field(description="were a class of every category open wherever one may be")
    floor: float
    reached: float
    short: float


class AudiencePart(BaseModel):
    """Part of an audience; those of one kind add up to the whole."""

    by: str = Field(description="`age`, `distance` or `township`")
    name: str = Field(description="`other`: groups behind which fewer than five persons stand, together")
    people: float


class NextBest(BaseModel):
    """The best class left out."""

    category: str
    venue_id: str
    gain: float
    loses: float = Field(description="people a week less if it stood in this class's place")


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
    reason: str
    gain: float | None = Field(default=None, description="people a week beside the plan")
    last_in: float | None = Field(default=None, description="those of the weakest class of the plan")


class Move(BaseModel):
    """A running class that would do better elsewhere."""

    category: str
    from_venue_id: str
    to_venue_id: str
    gain: float = Field(description="people a week more in all")


class Suggestion(BaseModel):
    """One new weekly class."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    rank: int
    category: str
    venue_id: str
    region_id: str
    venue: VenueBrief
    weekday: int = Field(ge=1, le=7, description="1 = Monday")
    start_time: str = Field(description="local, HH:MM")
    size: int = Field(description="places")
    expected_attendance: float = Field(description="people a week who come and would not have come elsewhere")
    q10: float = Field(alias="q0.1")
    q90: float = Field(alias="q0.9")
    newly_reached: float = Field(description="of them, people with no attendance in 52 weeks")
    reasons: list[str]


class Suggestions(BaseModel):
    """Suggestions, the most useful first."""

    bundle: str
    data_until: datetime
    expected_attendance: float = Field(description="of all together")
    newly_reached: float
    items: list[Suggestion]
    curve: list[CurvePoint] = Field(description="one for each of `budgets`, least first")
    front: list[FrontPoint] = Field(description="most reach first; empty unless `front_points` was asked for")
    floors: list[FloorRow] = Field(description="every group of `floors`; empty without")
    explanations: list[Explanation] = Field(description="of each class, where asked for")
    why_not: list[WhyNot]
    moves: list[Move]


class AppraisalBody(BaseModel):
    """One planned activity."""

    model_config = ConfigDict(extra="forbid")

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

    name: str
    share: float = Field(description="of the audience; `other` holds groups with fewer than five people behind them")


class OtherTime(BaseModel):
    """The same activity at another time or place."""

    venue: VenueBrief
    weekday: int = Field(ge=1, le=7)
    start_time: str
    expected_audience: float


class AppraisalAnswer(BaseModel):
    """Expected audience of one session, who they are, and better choices."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    bundle: str
    data_until: datetime
    category: str
    venue: VenueBrief
    weekday: int = Field(ge=1, le=7)
    start_time: str = Field(description="weekly slot that stands for the time asked for")
    size: int
    expected_audience: float = Field(description="people who come")
    q10: float = Field(alias="q0.1")
    q90: float = Field(alias="q0.9")
    interested: float = Field(description="people who would come if places had no end")
    new_people: float = Field(description="of the audience, who would not have come to this category elsewhere")
    from_others: float = Field(description="of the audience, who are taken from what runs now")
    newly_reached: float = Field(description="of the new people, those with no attendance in 52 weeks")
    by_age: list[AudienceGroup]
    by_distance: list[AudienceGroup]
    by_township: list[AudienceGroup]
    median_km: float | None
    better_times: list[OtherTime]
    better_venues: list[OtherTime]
    notes: list[str]
