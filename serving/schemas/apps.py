"""What apps, platforms and the person concerned get."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from recsys.closed import Closed
from serving.schemas.times import Instant


class VenueBrief(BaseModel):
    """Where it is."""

    venue_id: str
    name: str
    lat: float | None = Field(default=None, description="degrees north, WGS-84; none: not known")
    lon: float | None = Field(default=None, description="degrees east, WGS-84")
    region_id: str | None = Field(default=None, description="smallest region that the platform names for it")
    region: str | None = Field(default=None, description="name of the region")


class Reason(BaseModel):
    """Why it is in the list: a cause that the ranking used."""

    kind: str = Field(description="kind of cause, for example `distance`")
    text: str = Field(description="sentence in the language asked for")


class RankedSession(BaseModel):
    """One row of a list."""

    rank: int = Field(ge=1, description="1 is the best")
    activity_id: str
    session_id: str
    title: str = Field(description="of the activity; its category where it has none")
    category: str
    kind: str | None = Field(default=None, description="for example `training` or `performance`; none: not told")
    venue: VenueBrief | None = Field(default=None, description="none for online sessions")
    online: bool = Field(default=False, description="held online")
    starts_at: Instant
    ends_at: Instant | None = Field(default=None, description="none: not told")
    price: float | None = Field(default=None, description="yuan a place; 0 is free, none: not told")
    distance_km: float | None = Field(default=None, description="straight line from the place asked for, or from home")
    places_left: int | None = Field(default=None, description="none: no limit is known")
    score: float = Field(description="higher is better; comparable within this list only")
    source: str = Field(description="which ranker or fallback found it")
    propensity: float = Field(
        default=1.0, gt=0, le=1, description="below 1: the place was drawn with this probability, to give a chance"
    )
    reasons: list[str] = Field(description="sentences in the language asked for, strongest first")
    reason_kinds: list[str] = Field(default_factory=list, description="kind of each reason, in the same order")


class RecommendationList(BaseModel):
    """A ranked list of sessions that can be booked now."""

    request_id: str = Field(description="send it with feedback on this list")
    bundle: str | None = Field(description="what it was ranked with; none: no bundle serves, popularity from the store")
    data_until: Instant = Field(description="first instant that the ranking has not learned from")
    personal: bool = Field(description="false for visitors and for who opted out")
    language: Literal["zh", "en"]
    region_id: str | None = Field(description="region that it is of, wider than a visitor asked if nothing is on there")
    items: list[RankedSession]


class RowResult(BaseModel):
    """What became of one row."""

    key: str | None = Field(description="the row's key as sent; none where it has none")
    status: Literal["accepted", "waiting", "rejected"] = Field(
        description="`waiting`: refers to a row that has not arrived; taken in by itself once it does"
    )
    reason: str | None = Field(default=None, description="of a row that waits or is rejected")
    ignored_columns: list[str] = Field(default_factory=list, description="columns that the table does not have")


class RowResults(BaseModel):
    """What became of the rows sent, in their order."""

    accepted: int
    waiting: int
    rejected: int
    results: list[RowResult]


class Tag(BaseModel):
    """Something that ranking uses about a person."""

    tag: str = Field(
        description="`interest:dance`, `category:dance`, `organiser:…`, `series:…`, `age:25-34`, `gender:f`, `home:…`"
    )
    weight: float = Field(ge=0, description="strength, comparable within one kind of tag")
    origin: Literal["profile", "bookings", "feedback"] = Field(description="where it comes from")
    detail: str = Field(description="where it comes from, as a sentence")


class Profile(BaseModel):
    """What is known and used of a person."""

    user_id: str
    personalised: bool = Field(description="false: opted out, nothing below is used for ranking")
    row: dict[str, Any] = Field(description="the profile row as it was delivered")
    tags: list[Tag]
    removed_tags: list[str] = Field(description="removed by the person; not used any more")


class Personalisation(Closed):
    """Whether lists may be personal."""

    enabled: bool = Field(strict=True)


class PersonalCopy(BaseModel):
    """Every row that is about one person."""

    user_id: str
    made_at: datetime = Field(description="in UTC, as its rows")
    tables: dict[str, list[dict[str, Any]]] = Field(description="contract rows by table")
    quarantine: list[dict[str, Any]] = Field(description="rows that could not be stored, as delivered, with the reason")
    removed_tags: list[str]


class Health(BaseModel):
    """The process is alive."""

    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """Whether whole answers can be given, and from what."""

    ready: bool
    now: Instant = Field(description="the service's clock")
    bundle: str | None
    data_until: Instant | None
    bundle_age_s: float | None = Field(description="now less data_until")
    store: Literal["ok", "unreachable"]
    problems: list[str] = Field(description="what is missing, and what to do")
