"""Use of venues, how far people come, who takes part, and reports, for planners: counted from live rows."""

from __future__ import annotations

from typing import Annotated

import pandas as pd
from fastapi import APIRouter, Query, Request, Response

from recsys.errors import UnknownIdError
from recsys.regions import ROOT
from serving.edge import RegionId, VenueId
from serving.languages import language
from serving.params import ParticipationQuery, Period, RadiusQuery, ReportQuery, UtilisationQuery
from serving.planning.access import CIRCLE_KM
from serving.planning.participation import MIN_PEOPLE, participation
from serving.planning.reports import report
from serving.planning.utilisation import service_radius, utilisation
from serving.planning.visits import Activity
from serving.planning.workbook import workbook
from serving.problems import RESPONSES
from serving.routes.paging import place_of
from serving.schemas.participation import (
    ParticipationTables,
    Ring,
    ServiceRadius,
    Utilisation,
)
from serving.schemas.reports import Report
from serving.service import InService, Service

router = APIRouter(prefix="/v1", tags=["planners"], responses=RESPONSES)

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@router.get("/venues/utilisation")
def venue_utilisation(query: Annotated[UtilisationQuery, Query()], service: InService, request: Request) -> Utilisation:
    """Seats, slots and hours in use at each venue in a period."""
    activity, since, until = _asked(service, query)
    venues = activity.dataset.venues
    keep = pd.Series(True, index=venues.index)
    if query.region_id is not None:
        inside = activity.tree.under(int(activity.tree.ids.nums([query.region_id])[0]))
        nums = activity.tree.ids.nums_or_missing(venues["region_id"])
        keep &= inside[nums.clip(min=0)] & (nums >= 0) | (query.region_id == activity.tree.root_id)
    if query.venue_id is not None:
        _known_venue(activity, query.venue_id)
        keep &= venues["venue_id"] == query.venue_id
    ids = sorted(venues["venue_id"][keep].tolist())
    page = ids[query.offset : query.offset + query.limit]
    weeks = (until - since) / pd.Timedelta(weeks=1)
    return Utilisation(
        since=activity.local(since),
        until=activity.local(until),
        **place_of(request, query, len(ids)),
        items=utilisation(activity, activity.in_time(since, until), weeks, page),
    )


@router.get("/venues/{venue_id}/service-radius")
def venue_service_radius(
    venue_id: VenueId,
    query: Annotated[RadiusQuery, Query()],
    service: InService,
) -> ServiceRadius:
    """How far the visitors of a venue come, straight line from home; hidden for fewer than five people."""
    activity, since, until = _asked(service, query)
    name = _known_venue(activity, venue_id)
    is_here = activity.sessions["venue_id"].eq(venue_id).to_numpy(dtype=bool)
    radius = service_radius(activity, activity.in_time(since, until) & is_here & activity.of_category(query.category))
    return ServiceRadius(
        venue_id=venue_id,
        name=name,
        since=activity.local(since),
        until=activity.local(until),
        people=radius.people,
        visits=radius.visits,
        km_by_share=radius.quantiles,
        rings=[Ring(from_km=low, to_km=high, share=value) for low, high, value in radius.rings],
        reference_km=CIRCLE_KM,
    )


@router.get("/participation")
def who_takes_part(
    query: Annotated[ParticipationQuery, Query()], service: InService, http: Request
) -> ParticipationTables:
    """Who takes part: people and visits by age, gender, home, category, channel. Small groups are hidden.

    The period is widened to whole local days, so that two questions cannot be told apart by one session.
    """
    activity, since, until = _asked(service, query)
    zone = activity.dataset.timezone
    since = since.tz_convert(zone).normalize().tz_convert("UTC")
    until = until.tz_convert(zone).ceil("D").tz_convert("UTC")
    found = participation(
        activity,
        activity.in_time(since, until),
        query.by,
        category=query.category,
        region_id=query.region_id,
        lang=language(http, query.lang),
    )
    return ParticipationTables(
        since=activity.local(since),
        until=activity.local(until),
        min_people=MIN_PEOPLE,
        people=found.people,
        visits=found.visits,
        tables=found.tables,
    )


@router.get(
    "/reports/{region_id}",
    response_model=Report,
    responses={200: {"content": {XLSX: {}}, "description": "The report; a workbook with format=xlsx"}},
)
def performance_report(
    region_id: RegionId,
    query: Annotated[ReportQuery, Query()],
    service: InService,
    http: Request,
) -> Report | Response:
    """Activity, attendance, use and reach of a region in a period; forecasts and openings beside what came."""
    activity, since, until = _asked(service, query)
    if region_id == ROOT:
        region_id = activity.tree.root_id
    parts = service.provider.current()
    forecasts = None if parts is None or parts.demand is None else parts.demand.table
    followed = None if parts is None or parts.openings is None else parts.openings.followed
    lang = language(http, query.lang)
    made = report(activity, region_id, since, until, service.clock(), forecasts, followed, lang)
    if query.format == "json":
        return made
    zone = activity.dataset.timezone
    first, end = (time.tz_convert(zone).date() for time in (since, until))
    headers = {"Content-Disposition": f'attachment; filename="report-{first}-{end}.xlsx"'}
    return Response(workbook(made, lang, zone), media_type=XLSX, headers=headers)


def _asked(service: Service, period: Period) -> tuple[Activity, pd.Timestamp, pd.Timestamp]:
    since, until = period.bounds(service.clock())
    return service.live.picture(fresh=True).activity, since, until


def _known_venue(activity: Activity, venue_id: str) -> str:
    found = activity.dataset.venues.loc[activity.dataset.venues["venue_id"] == venue_id, "name"]
    if found.empty:
        raise UnknownIdError("venue_id", [venue_id])
    return str(found.iloc[0])
