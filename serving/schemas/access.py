"""What planners get about reach: who has what near, how far people come, what is missed where nothing is offered."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from serving.schemas.paging import Part
from serving.schemas.quantiles import Interval
from serving.schemas.times import Bundle, DataUntil, Since, Until


class RegionAccess(BaseModel):
    """What a region's people have within reach; none where no place there has coordinates."""

    region_id: str
    region: str
    level: str
    people: int | None = Field(description="none where it goes by fewer than five registered people")
    is_estimated: bool = Field(description="population of a part of it is estimated from registered users")
    places_per_1000: float | None = Field(description="places a week within reach for each 1,000 people")
    nearest_km: float | None = Field(description="straight line to the nearest venue in use, mean over people")
    within_town_circle: float | None = Field(description="share of people with a venue in use within 1 km")
    within_country_circle: float | None = Field(description="share of people with a venue in use within 1.5 km")


class Accessibility(Part):
    """Regions with the fewest places within reach first."""

    since: Since
    until: Until
    reach_km: float = Field(description="farthest way that counts: asked for, or how far nine of ten visits come")
    people_are: Literal["population", "registered"] = Field(description="what people are counted by")
    estimated_regions: int = Field(description="smallest regions that state no population: estimated from users")
    gini: float | None = Field(description="of places within reach, over people: 0 even, towards 1 uneven")
    reference_km: dict[str, float] = Field(description="the national 15-minute circle")
    items: list[RegionAccess]


class CategoryRadius(BaseModel):
    """How far people come to a category, straight line from home."""

    category: str
    people: int | None = Field(description="distinct people whose distance is known; none where fewer than five")
    visits: int | None = Field(description="places that they took; none where hidden")
    km_by_share: dict[str, float | None] = Field(
        description="within so many km this share of visits comes; steps of 0.1"
    )


class CategoryRadii(BaseModel):
    """Service radius of every category held in the period."""

    since: Since
    until: Until
    reference_km: dict[str, float] = Field(description="the national 15-minute circle")
    items: list[CategoryRadius]


class LatentDemand(Interval):
    """What people of a region would take up of a category that is not offered there, people a week."""

    region_id: str
    region: str
    category: str
    mean: float = Field(description="people a week, before anybody cancels")


class LatentDemands(Part):
    """Latent demand, the largest first."""

    bundle: Bundle
    data_until: DataUntil
    items: list[LatentDemand]
