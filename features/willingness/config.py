"""Settings of how willingness is learned."""

from __future__ import annotations

from pydantic import Field

from recsys.closed import Closed
from recsys.openings.learned.saturation import Family


class LatentConfig(Closed):
    """How willingness is learned."""

    history_weeks: int = Field(default=52, ge=1, description="weeks of sessions before the cut-off to learn from")
    rounds: int = Field(default=4, ge=1, description="alternations between people, distance and time of the week")
    look_strength: float = Field(
        default=10.0, gt=0, description="views or listings that a segment's own figure must outweigh"
    )
    factor_strength: float = Field(
        default=60.0,
        gt=0,
        description="bookings that the own figure of an age or a gender must outweigh",
    )
    place_strength: float = Field(default=25.0, gt=0, description="the same of a region, were each booking by itself")
    course_luck: float = Field(
        default=0.45,
        ge=0,
        description="variance of the logarithm of what courses draw by luck, which those who live near share",
    )
    age_strength: float = Field(
        default=15.0, gt=0, description="bookings that an age group's own hour or kind must outweigh"
    )
    person_strength: float = Field(default=1.5, gt=0, description="expected bookings a person's own must outweigh")
    taste_strength: float = Field(default=0.7, gt=0, description="the same for a person's count in one category")
    family: Family = Field(default="share", description="form of saturation")
    curvatures: tuple[float, ...] = Field(
        default=(0.1, 0.4, 1.0, 2.0, 4.0), description="strengths of it that are tried"
    )
    trial_users: int = Field(default=18_000, ge=1, description="users drawn to choose the strength on")
    trial_rounds: int = Field(default=2, ge=1, description="alternations under each strength tried")
