"""The performance report."""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, Field

from serving.schemas.participation import GroupRow
from serving.schemas.times import Since, Until


class ReportSummary(BaseModel):
    """The figures of the first page."""

    activities: int = Field(description="with a session that was held")
    sessions: int = Field(description="held, not cancelled")
    cancelled_sessions: int
    bookings: int = Field(description="that took places")
    places: int = Field(description="taken by these bookings")
    waitlisted: int = Field(description="places that people wait for")
    attended: int | None = Field(description="places of those who came; none without outcomes")
    attendance_rate: float | None = Field(description="attended / (attended + no-show); none without outcomes")
    people: int | None = Field(description="distinct people who took part; none where fewer than five")
    registered: int = Field(description="registered residents")
    reach: float | None = Field(description="residents who took part / registered residents")
    seat_use: float | None = Field(description="places taken / places of sessions with a limit; none without one")
    venues_in_use: int
    median_km: float | None = Field(description="half of all visits come from within; none where not known")


class MonthRow(BaseModel):
    """One month."""

    month: str = Field(description="YYYY-MM")
    sessions: int
    places: int


class CategoryRow(BaseModel):
    """One category."""

    category: str
    activities: int
    sessions: int
    places: int
    seat_use: float | None


class VenueUse(BaseModel):
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
    forecast: float = Field(description="mean of places, as it was forecast before the week")
    actual: int = Field(description="places taken")


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
    predicted: float = Field(description="people at a session")
    low: float
    high: float = Field(description="with `low`: 80 % of single sessions were expected between them")
    actual: float | None = Field(description="mean of the sessions held; none before the first")


class Report(BaseModel):
    """Performance of a region in a period."""

    region_id: str
    region: str
    since: Since
    until: Until
    summary: ReportSummary
    months: list[MonthRow]
    categories: list[CategoryRow]
    ages: list[GroupRow]
    genders: list[GroupRow]
    venues: list[VenueUse]
    accuracy: AccuracyRow | None = Field(description="none where no forecast of these weeks was kept")
    openings: list[OpeningRow] = Field(description="classes opened in the period, as the serving bundle followed them")
