"""Without a bundle: what was booked most, counted from the store; and what can be said of anything that is open."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.ranking.answers import Reason, Recommendation, Request, distances_km, recommended, wanted
from features.signals.catalogue import Catalogue
from features.signals.people import UserBlock
from recsys.availability import earliest_of_each_activity, may_be_offered
from recsys.ranking.top_k import MISSING, top_k

SOURCE = "popular-from-store"


def popular(catalogue: Catalogue, block: UserBlock, request: Request, among: NDArray[np.bool_]) -> list[Recommendation]:
    """One person's list: by recent bookings of the activity, its programme and its category, then the soonest.

    Args:
        catalogue: Candidates.
        block: The person.
        request: What is asked for.
        among: (n_candidates,) False for what is left out beside that.
    """
    distances = distances_km(catalogue, block, request)
    allowed = may_be_offered(catalogue.sessions, block.people) & wanted(catalogue, request, distances) & among
    allowed = earliest_of_each_activity(catalogue.sessions, allowed)
    booked = _recent(catalogue, "activity")
    scores = np.log1p(booked) + 0.5 * np.log1p(_rate(catalogue, "programme")) + 0.2 * _rate(catalogue, "category")
    scores = scores - 1e-4 * catalogue.facts["lead_days"]
    columns = top_k(scores[None, :], allowed, request.k)[0]
    return [
        recommended(
            catalogue, rank, column, scores[column], SOURCE, (what_is_so(catalogue, column),), distances[column]
        )
        for rank, column in enumerate(columns[columns != MISSING].tolist(), start=1)
    ]


def what_is_so(catalogue: Catalogue, column: int) -> Reason:
    """What is true of a candidate, whoever asks; no cause of its place in a list."""
    if _recent(catalogue, "activity")[column] >= 1:
        return Reason("已有人预订", "Others have booked it", "booked")
    if _rate(catalogue, "programme")[column] > 0:
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
