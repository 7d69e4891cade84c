"""A list for a request: ranked by the bundle, checked against the rows of this second."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.ranking.answers import Reason, Recommendation, Request, answer, distances_km, visitor_block, wanted
from features.ranking.lists import Policy
from features.signals.catalogue import Catalogue
from features.signals.people import UserBlock
from recsys.availability import earliest_of_each_activity, may_be_offered
from recsys.ranking.exploration import Exploration
from recsys.ranking.operator_rules import RuleTable
from recsys.ranking.top_k import MISSING, top_k
from recsys.sentences import Sentence
from serving.parts import BundleParts
from serving.problems import invalid
from serving.rows.live import LiveData
from serving.rows.people import person_block, person_rows
from serving.rows.picture import Offer, Picture
from serving.rows.queries import read_person

FALLBACK = "popular-from-store"
"""Source of a list made without a bundle: what was booked most, counted from the store."""


@dataclass(frozen=True)
class Made:
    """A list and what it was made from.

    Attributes:
        rows: The list.
        picture: The rows that it names.
        bundle: What ranked it, None where none serves.
        data_until: First instant that the ranking has not learned from.
        is_personal: Made for a person who has not opted out.
        region_id: Region that it is of, None for all.
    """

    rows: list[Recommendation]
    picture: Picture
    bundle: str | None
    data_until: pd.Timestamp
    is_personal: bool
    region_id: str | None = None


@dataclass(frozen=True)
class Only:
    """What a list is narrowed to beside the request: any of several categories and kinds; empty for all."""

    categories: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True)
class ListStyle:
    """How lists are made after scoring.

    Attributes:
        variety: Weight in [0, 1] of not repeating category, organiser and venue.
        exploration_share: Greatest share of a list's places for organisers that were shown little.
    """

    variety: float = 0.0
    exploration_share: float = 0.1

    def policy(self, offer: Offer, rules: RuleTable, now: pd.Timestamp) -> Policy:
        """What is done `now` to the scores of an offer's candidates."""
        exploration = None
        if self.exploration_share > 0:
            n_organisers = max(len(offer.catalogue.lookup.keys["organiser"]), 1)
            enough = max(sum(offer.n_shown.values()) / n_organisers, 1.0)
            day = now.tz_convert(offer.picture.dataset.timezone).date()
            exploration = Exploration(self.exploration_share, offer.n_shown, enough, day)
        return Policy(self.variety, rules if len(rules.valid_at(now)) else None, exploration)


def make_list(
    live: LiveData,
    parts: BundleParts | None,
    now: pd.Timestamp,
    request: Request,
    only: Only,
    user_id: str | None = None,
    style: ListStyle | None = None,
) -> Made:
    """Sessions that can be booked at `now`, ranked for a person, or for a visitor without `user_id`.

    The catalogue may be some seconds old; each candidate's own row and places, and the person's rows, are read now,
    so nothing is offered that was cancelled, filled or booked by the person a moment ago. Where nothing that a visitor
    asks for is on in their region, a village without a venue, the list is that of the smallest region around it where
    something is.

    Raises:
        UnknownIdError: no such person or region.
        ProblemError: `max_km` without a place to measure from.
    """
    offer, checked = live.on_offer()
    picture = offer.picture
    catalogue, is_open = checked.catalogue, checked.is_open(now)
    if user_id is None:
        block, is_personal = visitor_block(catalogue, picture.dataset, request, now), False
    else:
        block = _person(live, catalogue, user_id, now)
        is_personal = bool(block.is_personal[0])
    if request.max_km is not None and request.lat is None and bool(np.isnan(block.lat[0])):
        needs = Sentence("需要 lat 和 lon：不知道从哪里量起", "needs lat and lon: no home is known to measure from")
        raise invalid("query.max_km", needs)
    keep = is_open & _is_among(picture, catalogue, only)
    block = not_offered(block, catalogue.sessions.session_ids[~keep])
    if user_id is None:
        request = _widened(catalogue, block, request)
    if parts is None or parts.ranking is None:
        return Made(popular(catalogue, block, request), picture, None, now, False, request.region_id)
    policy = (style or ListStyle()).policy(offer, checked.rules, now)
    rows = [_with_reason(catalogue, row) for row in answer(parts.ranking, catalogue, block, request, policy)]
    return Made(rows, picture, parts.name, parts.data_until, is_personal, request.region_id)


def _widened(catalogue: Catalogue, block: UserBlock, request: Request) -> Request:
    """The request, its region the smallest at or above the one asked for that holds something to offer."""
    if request.region_id is None:
        return request
    tree, distances = catalogue.lookup.tree, distances_km(catalogue, block, request)
    offered = may_be_offered(catalogue.sessions, block.people)[0]
    num = int(tree.ids.nums([request.region_id])[0])
    while num >= 0:
        wider = replace(request, region_id=str(tree.ids.ids[num]))
        if bool((offered & wanted(catalogue, wider, distances)).any()):
            return wider
        num = int(tree.parents[num])
    return request


def popular(catalogue: Catalogue, block: UserBlock, request: Request) -> list[Recommendation]:
    """A list without a bundle: recent bookings of the activity, its programme and its category, then the soonest."""
    distances = distances_km(catalogue, block, request)
    allowed = may_be_offered(catalogue.sessions, block.people) & wanted(catalogue, request, distances)
    allowed = earliest_of_each_activity(catalogue.sessions, allowed)
    booked = _recent(catalogue, "activity")
    scores = np.log1p(booked) + 0.5 * np.log1p(_rate(catalogue, "programme")) + 0.2 * _rate(catalogue, "category")
    scores = scores - 1e-4 * catalogue.facts["lead_days"]
    columns = top_k(scores[None, :], allowed, request.k)[0]
    left = catalogue.sessions.places_left
    return [
        Recommendation(
            rank=place + 1,
            activity_id=str(catalogue.sessions.activity_ids[column]),
            session_id=str(catalogue.sessions.session_ids[column]),
            score=float(scores[column]),
            source=FALLBACK,
            reasons=(_reason(booked[column], _rate(catalogue, "programme")[column]),),
            distance_km=None if np.isnan(distances[column]) else float(distances[column]),
            places_left=None if np.isnan(left[column]) else int(left[column]),
        )
        for place, column in enumerate(columns[columns != MISSING])
    ]


def _with_reason(catalogue: Catalogue, row: Recommendation) -> Recommendation:
    """A row without a cause of its own says what is so, and claims no cause."""
    if row.reasons:
        return row
    column = int(np.flatnonzero(catalogue.sessions.session_ids == row.session_id)[0])
    return replace(
        row, reasons=(_reason(_recent(catalogue, "activity")[column], _rate(catalogue, "programme")[column]),)
    )


def _reason(booked: float, programme: float) -> Reason:
    if booked >= 1:
        return Reason("已有人预订", "Others have booked it", "booked")
    if programme > 0:
        return Reason(
            "同一主办方的这类活动常有人预订",
            "This organiser's activities of this kind are often booked",
            "popular-programme",
        )
    return Reason("还可以预订", "Can still be booked", "open")


def _recent(catalogue: Catalogue, level: str) -> NDArray[np.float64]:
    columns = catalogue.levels[level]
    return np.append(columns.taken_fast, 0.0)[columns.of_candidate]


def _rate(catalogue: Catalogue, level: str) -> NDArray[np.float64]:
    columns = catalogue.levels[level]
    return np.append(columns.taken_slow / (columns.sessions_slow + 1.0), 0.0)[columns.of_candidate]


def _person(live: LiveData, catalogue: Catalogue, user_id: str, now: pd.Timestamp) -> UserBlock:
    tables, removed = live.using(lambda store: read_person(store, user_id))
    return person_block(catalogue, person_rows(tables, user_id), removed, now)


def _is_among(picture: Picture, catalogue: Catalogue, only: Only) -> NDArray[np.bool_]:
    keep = np.ones(len(catalogue), dtype=bool)
    ids = catalogue.sessions.activity_ids
    for column, values in (("category", only.categories), ("kind", only.kinds)):
        if values:
            keep &= picture.activities[column].reindex(ids).isin(values).to_numpy(dtype=bool)
    return keep


def not_offered(block: UserBlock, session_ids: NDArray[np.object_]) -> UserBlock:
    """What cannot be booked now is treated like what the person has booked: it is never offered."""
    if len(session_ids) == 0:
        return block
    people = block.people
    for_all = np.repeat(np.arange(len(block)), len(session_ids))
    return replace(
        block,
        people=replace(
            people,
            booked_rows=np.concatenate([people.booked_rows, for_all]),
            booked_ids=np.concatenate([people.booked_ids, np.tile(session_ids, len(block))]),
        ),
    )
