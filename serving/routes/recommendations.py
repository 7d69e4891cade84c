"""Ranked sessions, for apps and for visitors without an account."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import pandas as pd
from fastapi import APIRouter, Depends, Query
from fastapi import Request as HttpRequest

from features.ranking.answers import Recommendation, Request
from features.store.lists import Shown, log_shown
from recsys.sentences import Language
from serving.edge import ActivityId, UserId, is_shown
from serving.languages import language
from serving.lists import Asked, Made, Only, make_lists
from serving.params import Filters, Similar, timestamp
from serving.problems import RESPONSES
from serving.rows.picture import Picture
from serving.schemas.apps import RankedSession, RecommendationList, VenueBrief
from serving.service import InService, RequestId, Service
from serving.similar import similar_activities
from serving.turns import Turns

router = APIRouter(prefix="/v1", tags=["apps"], responses=RESPONSES)

_FilterQuery = Annotated[Filters, Query()]


@dataclass(frozen=True)
class ListQuestion:
    """A request for a list, and what its answer depends on beside.

    Attributes:
        asked: The list.
        lang: In which it is told.
        request_id: Under which it is remembered what was shown.
        is_shown: Whether somebody is shown the answer.
    """

    asked: Asked
    lang: Language
    request_id: str
    is_shown: bool


ListTurns = Turns[ListQuestion, RecommendationList]


def list_turns(service: Service) -> ListTurns:
    """Turns in which lists are made, several people's together."""
    return Turns(partial(_lists, service))


async def _turns(http: HttpRequest) -> ListTurns:
    turns: ListTurns = http.app.state.list_turns
    return turns


InTurn = Annotated[ListTurns, Depends(_turns)]


@router.get("/users/{user_id}/recommendations")
async def recommendations_for_user(
    user_id: UserId, query: _FilterQuery, turns: InTurn, request_id: RequestId, http: HttpRequest
) -> RecommendationList:
    """Sessions that this person can book now, best first.

    A person who opted out gets a list that is not personal. An unknown person is an error (404): ask for the list
    of visitors instead.
    """
    return await turns.answer(_question(query, request_id, http, user_id))


@router.get("/recommendations")
async def recommendations_for_visitor(
    query: _FilterQuery, turns: InTurn, request_id: RequestId, http: HttpRequest
) -> RecommendationList:
    """Sessions that can be booked now, for somebody of whom nothing is known but the question.

    Where nothing that is asked for is on in `region_id`, the list is that of the smallest region around it where
    something is; the answer's `region_id` says which.
    """
    return await turns.answer(_question(query, request_id, http, None))


@router.get("/activities/{activity_id}/similar")
def similar_to_activity(
    activity_id: ActivityId,
    query: Annotated[Similar, Query()],
    service: InService,
    request_id: RequestId,
    http: HttpRequest,
) -> RecommendationList:
    """Open activities that are like this one: content and place, whoever asks."""
    made = similar_activities(service.live, service.provider.current(), service.clock(), activity_id, query.k)
    if is_shown(http):
        _remember(service, [(request_id, made)])
    return _answer(service, made, request_id, language(http, query.lang))


def _question(query: Filters, request_id: str, http: HttpRequest, user_id: str | None) -> ListQuestion:
    request = Request(
        k=query.k,
        lat=query.lat,
        lon=query.lon,
        max_km=query.max_km,
        starts_from=timestamp(query.from_),
        starts_until=timestamp(query.to),
        region_id=query.region_id,
    )
    asked = Asked(request, Only(tuple(query.category), tuple(query.kind)), user_id)
    return ListQuestion(asked, language(http, query.lang), request_id, is_shown(http))


def _lists(service: Service, questions: Sequence[ListQuestion]) -> Sequence[RecommendationList | Exception]:
    now, asked = service.clock(), [question.asked for question in questions]
    made = make_lists(service.live, service.provider.current(), now, asked, service.style)
    answers = [
        one if isinstance(one, Exception) else _answer(service, one, question.request_id, question.lang)
        for question, one in zip(questions, made, strict=True)
    ]
    shown = [
        (question.request_id, one)
        for question, one in zip(questions, made, strict=True)
        if question.is_shown and isinstance(one, Made)
    ]
    _remember(service, shown)
    return answers


def _remember(service: Service, shown: Sequence[tuple[str, Made]]) -> None:
    """Keeps what requests are shown."""
    for bundle in {made.bundle for _, made in shown}:
        lists = [
            (request_id, [Shown(r.rank, r.activity_id, r.session_id, r.source, r.propensity) for r in made.rows])
            for request_id, made in shown
            if made.bundle == bundle
        ]
        service.live.using(partial(log_shown, lists=lists, at=service.clock(), bundle=bundle))


def _answer(service: Service, made: Made, request_id: str, lang: Language) -> RecommendationList:
    service.metrics.lists.labels(made.rows[0].source if made.rows else "empty").inc()
    zone = made.picture.dataset.timezone
    return RecommendationList(
        request_id=request_id,
        bundle=made.bundle,
        data_until=made.data_until.tz_convert(zone).to_pydatetime(),
        personal=made.is_personal,
        language=lang,
        region_id=made.region_id,
        items=[ranked(made.picture, row, lang) for row in made.rows],
    )


def ranked(picture: Picture, row: Recommendation, lang: Language) -> RankedSession:
    """A row of a list with everything that a reader needs."""
    return RankedSession(
        rank=row.rank,
        activity_id=row.activity_id,
        session_id=row.session_id,
        distance_km=None if row.distance_km is None else round(row.distance_km, 2),
        places_left=row.places_left,
        score=row.score,
        source=row.source,
        propensity=row.propensity,
        reasons=[reason.told(lang) for reason in row.reasons],
        reason_kinds=[reason.code for reason in row.reasons],
        **_shown(picture, row.session_id),
    )


def _shown(picture: Picture, session_id: str) -> dict[str, Any]:
    """What a list shows of a session, whoever asks; made once for each picture."""
    found = picture.shown.get(session_id)
    if found is None:
        session = picture.sessions.loc[session_id]
        activity = picture.activities.loc[session["activity_id"]]
        zone = picture.dataset.timezone
        category = str(activity["category"])
        found = picture.shown[session_id] = {
            "title": category if pd.isna(activity["title"]) else str(activity["title"]),
            "category": category,
            "kind": text(activity["kind"]),
            "venue": venue_brief(picture, text(session["venue_id"])),
            "online": bool(activity["online"]),
            "starts_at": session["starts_at"].tz_convert(zone).to_pydatetime(),
            "ends_at": None if pd.isna(session["ends_at"]) else session["ends_at"].tz_convert(zone).to_pydatetime(),
            "price": None if pd.isna(session["price"]) else float(session["price"]),
        }
    return found


def venue_brief(picture: Picture, venue_id: str | None) -> VenueBrief | None:
    """A venue as rows of lists show it."""
    if venue_id is None:
        return None
    venue = picture.venues.loc[venue_id]
    region_id = text(venue["region_id"])
    return VenueBrief(
        venue_id=venue_id,
        name=str(venue["name"]),
        lat=None if pd.isna(venue["lat"]) else float(venue["lat"]),
        lon=None if pd.isna(venue["lon"]) else float(venue["lon"]),
        region_id=region_id,
        region=None if region_id is None else picture.region_name(region_id),
    )


def text(value: object) -> str | None:
    """A text of a table, None where missing."""
    return None if pd.isna(value) else str(value)
