"""Lists of what there is: regions, venues, categories; pages and apps choose from them."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from serving.params import Id, Level, Page
from serving.problems import RESPONSES
from serving.routes.paging import place_of
from serving.routes.recommendations import venue_brief
from serving.schemas.apps import VenueBrief
from serving.schemas.paging import Part
from serving.service import InService

router = APIRouter(prefix="/v1", tags=["apps"], responses=RESPONSES)


class RegionQuery(Page):
    """Which regions."""

    level: Level | None = Field(default=None, description="regions of this level")
    parent_id: Id | None = Field(default=None, description="regions directly under this one")
    with_venues: bool = Field(default=False, description="only regions with a venue in or under them, and the root")


class RegionBrief(BaseModel):
    """A region."""

    region_id: str
    name: str
    level: str
    parent_id: str | None


class Regions(Part):
    """Regions in the order of the tree: each before those under it."""

    items: list[RegionBrief]


class Venues(Part):
    """Venues by id."""

    items: list[VenueBrief]


class Categories(BaseModel):
    """Categories ever offered."""

    items: list[str]


@router.get("/regions")
def regions(query: Annotated[RegionQuery, Query()], service: InService, request: Request) -> Regions:
    """Regions; the root is called `all` where the platform delivered none or several."""
    activity = service.live.picture(fresh=True).activity
    tree = activity.tree
    keep = np.ones(len(tree), dtype=bool)
    if query.level is not None:
        keep &= tree.levels == query.level
    if query.parent_id is not None:
        keep &= tree.parents == tree.ids.nums([query.parent_id])[0]
    if query.with_venues:
        used = np.zeros(len(tree), dtype=bool)
        used[0] = True
        nums = tree.ids.nums_or_missing(activity.dataset.venues["region_id"])
        for num in np.unique(nums[nums >= 0]):
            while num >= 0:
                used[num] = True
                num = tree.parents[num]
        keep &= used
    order = [num for num in _depth_first(tree.parents) if keep[num]]
    page = order[query.offset : query.offset + query.limit]
    items = [
        RegionBrief(
            region_id=str(tree.ids.ids[num]),
            name=str(tree.names[num]),
            level=str(tree.levels[num]),
            parent_id=None if tree.parents[num] < 0 else str(tree.ids.ids[tree.parents[num]]),
        )
        for num in page
    ]
    return Regions(
        **place_of(request, query, len(order)),
        items=items,
    )


@router.get("/venues")
def venues(query: Annotated[Page, Query()], service: InService, request: Request) -> Venues:
    """Venues."""
    picture = service.live.picture(fresh=True)
    ids = sorted(picture.venues.index.tolist())
    page = ids[query.offset : query.offset + query.limit]
    items = [brief for brief in (venue_brief(picture, one) for one in page) if brief is not None]
    return Venues(
        **place_of(request, query, len(ids)),
        items=items,
    )


@router.get("/categories")
def categories(service: InService) -> Categories:
    """Categories of all activities that have a session."""
    offered = service.live.picture(fresh=True).activity.sessions["category"]
    return Categories(items=sorted(offered.astype(str).unique().tolist()))


def _depth_first(parents: np.ndarray) -> list[int]:
    children: dict[int, list[int]] = {}
    for num, parent in enumerate(parents):
        children.setdefault(int(parent), []).append(num)
    order, stack = [], list(reversed(children.get(-1, [])))
    while stack:
        num = stack.pop()
        order.append(num)
        stack.extend(reversed(children.get(num, [])))
    return order
