"""Knobs of the simulator."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Literal

from pydantic import Field, model_validator

from recsys.closed import Closed

DEFAULT_AS_OF = date(2026, 1, 19)
"""End of the known past when no start is given: a Monday four weeks before the Spring Festival of 2026."""

Shape = Literal["logit", "gravity"]


class SimulationConfig(Closed):
    """What is simulated; every default is the published pilot's or fitted to it."""

    seed: int = Field(0, ge=0, description="Seed of everything random; the same seed gives the same content")
    users: int = Field(18000, ge=1, description="Registered users by the end of the known past")
    weeks: int = Field(26, ge=1, le=520, description="Weeks of known past")
    start: date | None = Field(
        None, description="First day; by default the known past ends four weeks before the Spring Festival of 2026"
    )
    region: str = Field("370114", description="Province, city or county of Shandong that is simulated")
    shape: Shape = Field(
        "logit",
        description="logit: factor tastes, exponential distance decay, logit choice, negative-binomial counts; "
        "gravity: taste classes, thresholds on distance and hour, power-law decay, lognormal-Poisson counts",
    )
    future_weeks: int = Field(13, ge=1, le=52, description="Weeks after the known past that the truth covers")
    followers_per_user: float = Field(
        0.5, ge=0, description="People who only look (an account without a profile), per registered user"
    )
    activities_per_half_year: int = Field(
        820,
        ge=1,
        description="Activities published in 26 weeks at 18,000 users; grows with the square root of "
        "users below that and in proportion above",
    )
    demand_scale: float = Field(1.0, gt=0, description="Multiplies every wish to take part")
    capacity_scale: float = Field(1.0, gt=0, description="Multiplies the places of every session")
    mismatch: float = Field(
        0.45, ge=0, le=1, description="Chance that a category wanted in a township is never offered there"
    )
    noise: float = Field(1.0, ge=0, description="Multiplies the spread of the counts around their means; 0: Poisson")
    companion_share: float = Field(0.08, ge=0, le=1, description="Chance that a companion books along")
    adhoc_share: float = Field(0.05, ge=0, le=1, description="Share of events published at short notice")
    registered_before: float = Field(0.65, ge=0, le=1, description="Share of users registered before the start")
    cancel_rate: float = Field(0.08, ge=0, le=1, description="Chance that a booking is cancelled by its user")
    session_cancel_rate: float = Field(0.015, ge=0, le=1, description="Chance that a session is called off")
    feedback: float = Field(1.0, ge=0, description="Multiplies the number of views and impressions; 0: none")
    missing: float = Field(1.0, ge=0, le=3, description="Multiplies the share of profile fields left empty")
    preference_depth: int = Field(150, ge=10, description="Highest true chances kept for each user")
    table_format: Literal["csv", "parquet"] = Field("csv", description="Form of the platform's tables")

    @model_validator(mode="after")
    def _start_is_monday(self) -> SimulationConfig:
        if self.start is not None and not date(2011, 1, 1) <= self.start <= date(2034, 1, 1) - timedelta(
            weeks=self.weeks
        ):
            raise ValueError(f"start {self.start}: expected 2011-01-01 or later, with an end before 2034")
        return self

    @property
    def first_day(self) -> date:
        """First simulated day."""
        return self.start if self.start is not None else DEFAULT_AS_OF - timedelta(weeks=self.weeks)

    @property
    def as_of(self) -> date:
        """First day that the platform does not know."""
        return self.first_day + timedelta(weeks=self.weeks)
