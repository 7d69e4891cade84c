"""The performance report."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import BaseModel, Field

from serving.schemas.participation import GroupRow


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
