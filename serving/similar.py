"""Activities like another: what they are about, who holds them, where."""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.ranking.answers import Reason, Request, recommended, visitor_block
from recsys.availability import earliest_of_each_activity, may_be_offered
from recsys.errors import UnknownIdError
from recsys.ids import IdMap
from recsys.ranking.top_k import MISSING, top_k
from serving.lists import Made
from serving.parts import BundleParts
from serving.rows.live import LiveData
from serving.rows.picture import Picture

SOURCE = "similar-content"


def similar_activities(live: LiveData, parts: BundleParts | None, now: pd.Timestamp, activity_id: str, k: int) -> Made:
    """Open activities by cosine similarity of their features, rare features counting more (idf); itself left out.

    Raises:
        UnknownIdError: no activity has the id.
    """
    offer, checked = live.on_offer()
    if activity_id not in offer.picture.activities.index:
        # It may have been stored since the candidates were made.
        offer = live.offer(fresh=True)
        checked = live.checked(offer)
    picture = offer.picture
    if activity_id not in picture.activities.index:
        raise UnknownIdError("activity_id", [activity_id])
    catalogue = checked.catalogue
    somebody = visitor_block(catalogue, picture.dataset, [Request()], now).people
    allowed = may_be_offered(catalogue.sessions, somebody) & checked.is_open(now)
    allowed &= catalogue.sessions.activity_ids != activity_id
    allowed = earliest_of_each_activity(catalogue.sessions, allowed)
    matrix = picture.similarity
    rows = IdMap.of(picture.dataset.activities["activity_id"], "activity_id")
    of_candidate = rows.nums(catalogue.sessions.activity_ids)
    scores = np.asarray((matrix[of_candidate] @ matrix[rows.nums([activity_id])].T).todense()).ravel()
    # What shares nothing is not similar.
    columns = top_k(scores[None, :], allowed & (scores > 0), k)[0] if len(scores) else np.zeros(0, dtype=np.int64)
    ids = catalogue.sessions.activity_ids
    found = []
    for rank, column in enumerate(columns[columns != MISSING].tolist(), start=1):
        score, why = round(float(scores[column]), 6), _reasons(picture, activity_id, ids[column])
        found.append(recommended(catalogue, rank, column, score, SOURCE, why))
    return Made(found, picture, None if parts is None else parts.name, now, False)


def _reasons(picture: Picture, one: str, other: str) -> tuple[Reason, ...]:
    a, b = picture.activities.loc[one], picture.activities.loc[other]
    shared = [
        ("series_id", "same-series", "同一系列", "same series"),
        ("organiser_id", "same-organiser", "同一主办方", "same organiser"),
        ("category", "same-category", f"同属{b['category']}", f"also {b['category']}"),
    ]
    found = [Reason(zh, en, code) for column, code, zh, en in shared if pd.notna(a[column]) and a[column] == b[column]]
    return tuple(found) or (Reason("标题、对象或地点相近", "similar title, audience or place", "similar-content"),)
