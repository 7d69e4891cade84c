"""Use of venues, how far people come, and who takes part."""

from __future__ import annotations

from pydantic import BaseModel, Field

from serving.schemas.paging import Part
from serving.schemas.times import Since, Until


class VenueUtilisation(BaseModel):
    """Use of one venue in the period."""

    venue_id: str
    name: str
    region_id: str | None
    region: str | None
    lat: float | None
    lon: float | None
    sessions: int = Field(description="held in the period")
    hours: float = Field(description="of sessions whose end is known")
    places: int = Field(description="places taken")
    capacity: int | None = Field(description="places of sessions with a limit")
    seat_use: float | None = Field(description="places taken / capacity; none where no session has one")
    slot_use: float | None = Field(description="sessions / weekly slots; none where they are not known")
    attendance_rate: float | None = Field(description="attended / (attended + no-show); none without outcomes")
    by_hour: list[list[float]] = Field(description="hours in use a week: 7 weekdays from Monday x 24 local hours")


class Utilisation(Part):
    """Use of venues in a period."""

    since: Since
    until: Until
    items: list[VenueUtilisation]


class Ring(BaseModel):
    """Share of visits from between two distances."""

    from_km: float
    to_km: float | None = Field(description="none: without end")
    share: float | None = Field(description="none where hidden: fewer than five people")


class ServiceRadius(BaseModel):
    """How far people come to a venue, straight line from home."""

    venue_id: str
    name: str
    since: Since
    until: Until
    people: int | None = Field(description="distinct people whose distance is known; none where fewer than five")
    visits: int | None = Field(description="places that they took; none where hidden")
    km_by_share: dict[str, float | None] = Field(
        description="within so many km this share of visits comes; steps of 0.1"
    )
    rings: list[Ring]
    reference_km: dict[str, float] = Field(description="the national 15-minute circle: about 1 km in town, 1.5 outside")


class GroupRow(BaseModel):
    """One group of people."""

    name: str = Field(description="age band, gender, region_id, category or channel; `unknown` where not known")
    label: str = Field(description="the group in the language asked for, a region by its name")
    people: int | None = Field(description="distinct people; none where hidden")
    visits: int | None = Field(description="places taken; none where hidden")
    is_hidden: bool


class ParticipationTables(BaseModel):
    """Who takes part. Groups of fewer than five people are hidden, and as many more as keep them hidden."""

    since: Since
    until: Until
    min_people: int = Field(description="groups of fewer are hidden")
    people: int | None = Field(description="distinct people in all; none where hidden")
    visits: int | None = Field(description="places taken in all; none where hidden")
    tables: dict[str, list[GroupRow]] = Field(description="groups by each of `by`")
