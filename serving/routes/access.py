"""What people have within reach, how far they come, and what they would take up were it near."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import pandas as pd
from fastapi import APIRouter, Query, Request

from serving.params import AccessQuery, GapQuery, RegionPeriod
from serving.planning.access import CIRCLE_KM, access_of
from serving.planning.participation import MIN_PEOPLE
from serving.planning.utilisation import optional, service_radius
from serving.problems import RESPONSES, not_ready
from serving.routes.paging import place_of
from serving.schemas.access import (
    Accessibility,
    CategoryRadii,
    CategoryRadius,
    LatentDemand,
    LatentDemands,
    RegionAccess,
)
from serving.service import InService

router = APIRouter(prefix="/v1", tags=["planners"], responses=RESPONSES)


@router.get("/accessibility")
def accessibility(query: Annotated[AccessQuery, Query()], service: InService, request: Request) -> Accessibility:
    """Places a week within reach by village (or any level), and the way to the nearest venue in use."""
    since, until = query.bounds(service.clock())
    activity = service.live.picture(fresh=True).activity
    tree = activity.tree
    chosen = activity.in_time(since, until) & activity.of_category(query.category)
    weeks = max((until - since) / pd.Timedelta(weeks=1), 1 / 7)
    found = access_of(activity, chosen, weeks, query.level, query.reach_km)
    table = found.table
    if query.region_id is not None:
        table = table[tree.under(int(tree.ids.nums([query.region_id])[0]))[table["region_num"]]]
    table = table.sort_values(["places_per_1000", "region_num"], kind="stable")
    page = table.iloc[query.offset : query.offset + query.limit]
    return Accessibility(
        since=activity.local(since),
        until=activity.local(until),
        reach_km=round(found.reach_km, 2),
        people_are="population" if found.is_population else "registered",
        estimated_regions=found.n_estimated,
        gini=_rounded(found.gini),
        reference_km=CIRCLE_KM,
        **place_of(request, query, len(table)),
        items=[
            RegionAccess(
                region_id=str(tree.ids.ids[row.region_num]),
                region=str(tree.names[row.region_num]),
                level=str(tree.levels[row.region_num]),
                people=None if 0 < row.estimated_from < MIN_PEOPLE else round(row.people),
                is_estimated=found.is_population and row.estimated_from > 0,
                places_per_1000=_rounded(row.places_per_1000),
                nearest_km=_rounded(row.nearest_km),
                within_town_circle=_rounded(row.within_town),
                within_country_circle=_rounded(row.within_country),
            )
            for row in page.itertuples()
        ],
    )


@router.get("/categories/service-radius")
def category_service_radius(query: Annotated[RegionPeriod, Query()], service: InService) -> CategoryRadii:
    """How far people come to each category, straight line from home; hidden for fewer than five people."""
    since, until = query.bounds(service.clock())
    activity = service.live.picture(fresh=True).activity
    chosen = activity.in_time(since, until) & activity.under(query.region_id)
    radii = {
        name: service_radius(activity, chosen & activity.of_category(name))
        for name in sorted(activity.sessions["category"][chosen].unique())
    }
    return CategoryRadii(
        since=activity.local(since),
        until=activity.local(until),
        reference_km=CIRCLE_KM,
        items=[
            CategoryRadius(category=name, people=one.people, visits=one.visits, km_by_share=one.quantiles)
            for name, one in radii.items()
        ],
    )


@router.get("/demand/latent")
def latent_demand(query: Annotated[GapQuery, Query()], service: InService, request: Request) -> LatentDemands:
    """What people would take up of a category that is not offered in their township, were a usual class there.

    With `level=village`, or a village as `region_id`, the same of villages of which enough people are known.
    """
    parts = service.provider.current()
    if parts is None or parts.latent is None:
        raise not_ready("还没有算出潜在需求", "no latent demand has been learned")
    tree = service.live.tree(parts)
    nums = tree.ids.nums_or_missing(parts.latent["region_id"])
    keep = np.ones(len(nums), dtype=bool)
    asked = -1 if query.region_id is None else int(tree.ids.nums([query.region_id])[0])
    if asked >= 0:
        keep &= tree.under(asked)[nums] & (nums >= 0)
    if query.level is not None:
        keep &= (tree.levels[nums] == query.level) & (nums >= 0)
    else:
        # Townships hold their villages: nobody is told twice.
        town = tree.ancestors_at("township")[nums]
        keep &= (town < 0) | (town == nums) | (nums == asked)
    if query.category is not None:
        keep &= parts.latent["category"].eq(query.category).to_numpy(dtype=bool)
    table = parts.latent[keep].sort_values(["mean", "region_id", "category"], ascending=[False, True, True])
    names = service.live.region_names(parts)
    page = table.iloc[query.offset : query.offset + query.limit]
    return LatentDemands(
        bundle=parts.name,
        data_until=parts.data_until.tz_convert(parts.timezone).to_pydatetime(),
        **place_of(request, query, len(table)),
        items=[
            LatentDemand(
                region_id=row["region_id"],
                region=names.get(row["region_id"], row["region_id"]),
                category=row["category"],
                mean=round(row["mean"], 3),
                q10=round(row["q0.1"], 3),
                q90=round(row["q0.9"], 3),
            )
            for row in page.to_dict("records")
        ],
    )


def _rounded(value: float) -> float | None:
    number = optional(value)
    return None if number is None else round(number, 4)
