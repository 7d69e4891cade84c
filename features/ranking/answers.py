"""Answers to people who ask: what a service calls for requests, on the same path as the batch command.

catalogue = catalogue_of(dataset, then, taken=live_places)      # rebuilt every minute or so
block = user_block(catalogue, user_row, own_bookings, own_feedback, their_sessions, at=now)   # read for this request
recommendations = answer(model, catalogue, block, Request(k=10))
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.ranking.lists import PLAIN, Policy, rank_block
from features.ranking.model import RankingModel
from features.ranking.reasons import reasons_for
from features.ranking.sentences import Reason
from features.signals.catalogue import Catalogue
from features.signals.known.place import distance_km
from features.signals.people import UserBlock, user_block
from recsys.dataset import Dataset
from recsys.ranking.exploration import Exploration, chance_weights, explored
from recsys.ranking.top_k import MISSING

__all__ = [
    "Reason",
    "Recommendation",
    "Request",
    "answer",
    "answers",
    "distances_km",
    "recommended",
    "visitor_block",
    "wanted",
]


EXPLORATION = "exploration"
"""Source of a place that was drawn."""

POOL = 90
"""Places are drawn from so many that follow the list."""


@dataclass(frozen=True)
class Request:
    """What a request asks for; None asks for nothing in particular.

    Attributes:
        k: Length of the list.
        lat: Where the person is now, degrees WGS-84.
        lon: The same.
        max_km: Greatest distance from there, or from home where `lat` is None.
        starts_from: First start wanted.
        starts_until: Starts before this instant are wanted.
        category: The only category wanted.
        kind: The only kind of activity wanted.
        region_id: Only sessions in or under this region.
    """

    k: int = 10
    lat: float | None = None
    lon: float | None = None
    max_km: float | None = None
    starts_from: pd.Timestamp | None = None
    starts_until: pd.Timestamp | None = None
    category: str | None = None
    kind: str | None = None
    region_id: str | None = None


@dataclass(frozen=True)
class Recommendation:
    """One line of an answer.

    Attributes:
        rank: From 1.
        activity_id: What is recommended.
        session_id: The session of it that can be booked.
        score: Falls with the rank; comparable within this list only.
        source: What made the list.
        reasons: Strongest first; may be empty.
        distance_km: From where the person is or lives; None where unknown.
        places_left: None for no limit.
        propensity: Probability with which the place was drawn, given those before it; 1 for a place that was not.
    """

    rank: int
    activity_id: str
    session_id: str
    score: float
    source: str
    reasons: tuple[Reason, ...]
    distance_km: float | None
    places_left: int | None
    propensity: float = 1.0


def visitor_block(
    catalogue: Catalogue, dataset: Dataset, requests: Sequence[Request], at: pd.Timestamp | None = None
) -> UserBlock:
    """People of whom only their requests are known, at an instant or at the catalogue's; their ids are empty."""
    rows = dataset.users.iloc[:0].reindex(range(len(requests))).assign(personalised=True)
    rows = rows.assign(
        user_id=[str(num) for num in range(len(requests))],
        lat=[request.lat for request in requests],
        lon=[request.lon for request in requests],
    )
    rows = rows.astype(dataset.users.dtypes.to_dict())
    bookings, feedback, sessions = (frame.iloc[:0] for frame in (dataset.bookings, dataset.feedback, dataset.sessions))
    block = user_block(catalogue, rows, bookings, feedback, sessions, at=at)
    return replace(block, user_ids=np.full(len(requests), "", dtype=object))


def answer(
    model: RankingModel, catalogue: Catalogue, block: UserBlock, request: Request, policy: Policy = PLAIN
) -> list[Recommendation]:
    """The list for a block of one person.

    Raises:
        UnknownIdError: the request names a region that is not in the tree.
    """
    return answers(model, catalogue, block, [request], policy)[0]


def answers(
    model: RankingModel,
    catalogue: Catalogue,
    block: UserBlock,
    requests: Sequence[Request],
    policy: Policy = PLAIN,
    among: NDArray[np.bool_] | None = None,
) -> list[list[Recommendation]]:
    """The lists of several people, each the same as alone; together they take a fraction of the time.

    Args:
        model: The model.
        catalogue: Candidates at the instant of the answer.
        block: People.
        requests: What each asks for: lists of one length.
        policy: What is done after scoring.
        among: (n_users, n_candidates) False for candidates that are left out beside what the requests leave out.

    Raises:
        UnknownIdError: a request names a region that is not in the tree.
        ValueError: the lists asked for are of several lengths.
    """
    k = requests[0].k
    if any(request.k != k for request in requests):
        raise ValueError(f"lists of {sorted({request.k for request in requests})}, expected one length")
    distances = np.stack([distances_km(catalogue, block, request, row) for row, request in enumerate(requests)])
    keep = np.stack([wanted(catalogue, request, km) for request, km in zip(requests, distances, strict=True)])
    if among is not None:
        keep &= among
    n_listed = k + (POOL if policy.exploration is not None else 0)
    lists = rank_block(model, catalogue, block, n_listed, keep, policy)
    ranked = [columns[columns != MISSING] for columns in lists.columns]
    drawn = [
        _places(catalogue, str(user_id), columns, lists.is_buried, k, policy.exploration)
        for user_id, columns in zip(block.user_ids, ranked, strict=True)
    ]
    places = np.concatenate([of for of, _ in drawn])
    rows = np.repeat(np.arange(len(block)), [len(of) for of, _ in drawn])
    chosen = lists.columns[rows, places]
    is_elsewhere = [_is_elsewhere(block, request, row) for row, request in enumerate(requests)]
    reasons = reasons_for(model, catalogue, block, rows, chosen, lists, keep, is_elsewhere)
    found: list[list[Recommendation]] = [[] for _ in requests]
    propensities = np.concatenate([of for _, of in drawn]).tolist()
    for row, column, place, propensity, why in zip(rows, chosen, places, propensities, reasons, strict=True):
        source = EXPLORATION if propensity < 1.0 else str(lists.sources[row])
        score, km = lists.scores[row, place], distances[row, column]
        found[row].append(recommended(catalogue, len(found[row]) + 1, column, score, source, why, km, propensity))
    return found


def recommended(
    catalogue: Catalogue,
    rank: int,
    column: int,
    score: float,
    source: str,
    reasons: tuple[Reason, ...],
    km: float = np.nan,
    propensity: float = 1.0,
) -> Recommendation:
    """A candidate as a line of an answer; `km` is NaN where the distance is unknown."""
    sessions = catalogue.sessions
    left = sessions.places_left[column]
    return Recommendation(
        rank=rank,
        activity_id=str(sessions.activity_ids[column]),
        session_id=str(sessions.session_ids[column]),
        score=float(score),
        source=source,
        reasons=reasons,
        distance_km=None if np.isnan(km) else float(km),
        places_left=None if np.isnan(left) else int(left),
        propensity=propensity,
    )


def _is_elsewhere(block: UserBlock, request: Request, row: int) -> bool:
    """Whether the request names a place that is not the home."""
    return request.lat is not None and (request.lat, request.lon) != (float(block.lat[row]), float(block.lon[row]))


def _places(
    catalogue: Catalogue,
    user_id: str,
    ranked: NDArray[np.int64],
    is_buried: NDArray[np.bool_],
    k: int,
    exploration: Exploration | None,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Which places of a longer list are answered, in their order, and the propensity of each.

    Draws depend on the person and the day: a list asked for twice is the same list. What operators bury is not drawn:
    it is shown little because they want it so.
    """
    listed = np.arange(min(k, len(ranked)))
    if exploration is None or not len(listed):
        return listed, np.ones(len(listed))
    organisers = catalogue.lookup.keys["organiser"].ids
    nums = catalogue.lookup.of_sessions["organiser"][catalogue.session_nums[ranked]]
    shown = np.array([exploration.n_shown.get(str(organisers[num]), 0.0) if num >= 0 else 0.0 for num in nums])
    pool = chance_weights(shown, (np.arange(len(ranked)) >= k) & ~is_buried[ranked], exploration.enough)
    seed = hashlib.blake2b(f"{user_id} {exploration.day}".encode(), digest_size=8).digest()
    places, propensities = explored(listed, pool, exploration.share, np.random.default_rng(list(seed)))
    order = np.argsort(places)
    return places[order], propensities[order]


def distances_km(catalogue: Catalogue, block: UserBlock, request: Request, row: int = 0) -> NDArray[np.float64]:
    """(n_candidates,) from where a person of the block is, else lives; NaN where either end is unknown.

    A venue without coordinates is somewhere in its region: good enough to rank by, not to name a distance.
    """
    here = (request.lat, request.lon) if request.lat is not None and request.lon is not None else None
    lat, lon = here if here is not None else (block.lat[row], block.lon[row])
    km = distance_km(
        np.asarray(lat, dtype=np.float64), np.asarray(lon, dtype=np.float64), catalogue.places.lat, catalogue.places.lon
    )
    return np.where(catalogue.is_located, km, np.nan)


def wanted(catalogue: Catalogue, request: Request, distances: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(n_candidates,) whether a candidate is what the request asks for; unknown distances are not within `max_km`.

    Raises:
        UnknownIdError: the request names a region that is not in the tree.
    """
    keep = np.ones(len(catalogue), dtype=bool)
    for level, value in (("category", request.category), ("kind", request.kind)):
        if value is not None:
            num = catalogue.lookup.keys[level].nums_or_missing([value])[0]
            keep &= (catalogue.lookup.activity_keys[level][catalogue.activities] == num) & (num >= 0)
    if request.starts_from is not None:
        keep &= catalogue.sessions.starts >= request.starts_from.value
    if request.starts_until is not None:
        keep &= catalogue.sessions.starts < request.starts_until.value
    if request.region_id is not None:
        tree = catalogue.lookup.tree
        keep &= tree.under(int(tree.ids.nums([request.region_id])[0]))[catalogue.places.regions]
    if request.max_km is not None:
        keep &= distances <= request.max_km
    return keep
