"""How quickly sessions filled: one that was full at once turned more people away than one full on its last day."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.demand.booking_window import booking_window, stages
from recsys.dataset import Dataset
from recsys.demand.speed import Speed
from recsys.instants import NS_PER_DAY, nanoseconds
from recsys.schema import TAKING_STATUSES

_MOST_TAKEN = 0.9
"""Share of the places that tells how quickly a session filled: the last ones may be given back and taken again."""

_STAGES = np.linspace(0.0, 1.0, 101)
_LEAST_FULL = 0.5
"""The usual course is that of sessions with room that were at least so full."""

_MOST_AT_ONCE = 0.5
"""Times say nothing where so much of the usual course comes at one stage."""

_PRIOR_PLACES = 50.0


def speed_of(
    dataset: Dataset, sessions: pd.DataFrame, places: NDArray[np.float64], has_room: NDArray[np.bool_]
) -> Speed:
    """How quickly each session filled, beside the usual course of those that ended with room.

    A stage is a share of the time from when a session can be booked to when it no longer can, or starts. Where that
    time is not stated, or bookings all come at one stage (times of booking were not kept), nothing is known.

    Args:
        dataset: What is known.
        sessions: Contract rows.
        places: (n_sessions,) places taken.
        has_room: (n_sessions,) past sessions that ended with places for any party.
    """
    row, stage, size = _kept_bookings(dataset, sessions)
    n = len(sessions)
    # Without a stated capacity it is not known to be half full.
    share = places / np.maximum(sessions["capacity"].to_numpy(dtype=float), 1.0)
    course = _usual_course(stage, size, has_room[row], has_room[row] & (share[row] >= _LEAST_FULL))
    taken = pd.Series(size).groupby(row).cumsum().to_numpy(dtype=float)
    is_last = np.append(row[1:] != row[:-1], True)[: len(row)]
    enough = np.flatnonzero(taken >= np.ceil(_MOST_TAKEN * places[row]))
    told, first = np.unique(row[enough], return_index=True)
    at = enough[first]
    reached, due, last_due = np.zeros(n), np.full(n, np.nan), np.full(n, np.nan)
    reached[told] = taken[at]
    due[told] = np.interp(stage[at], _STAGES, course)
    last_due[row[is_last]] = np.interp(stage[is_last], _STAGES, course)
    sums, squares = (np.bincount(row, weights=size**power, minlength=n) for power in (1, 2))
    return Speed(reached, due, last_due, np.divide(squares, sums, out=np.ones(n), where=sums > 0))


def _kept_bookings(
    dataset: Dataset, sessions: pd.DataFrame
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Session row, stage and places of each booking that was kept, by session and time."""
    kept = dataset.bookings[dataset.bookings["status"].isin(TAKING_STATUSES)]
    row = pd.Index(sessions["session_id"]).get_indexer(kept["session_id"])
    day = (nanoseconds(kept["booked_at"]) - dataset.data_until.value) / NS_PER_DAY
    order = np.lexsort((day, row))
    order = order[row[order] >= 0]
    row, day, size = row[order], day[order], kept["party_size"].to_numpy(dtype=float)[order]
    opened, closed = booking_window(sessions, dataset.data_until)
    return row.astype(np.int64), stages(opened[row], closed[row], day), size


def _usual_course(
    stage: NDArray[np.float64], size: NDArray[np.float64], has_room: NDArray[np.bool_], is_alike: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """(n_stages,) share of the places in the end that are taken by each; NaN where nothing tells.

    By sessions that are at least half full, drawn to that of all with room.
    """
    known = np.isfinite(stage)
    rooms, alike = (
        np.histogram(stage[some & known], _STAGES, weights=size[some & known])[0] for some in (has_room, is_alike)
    )
    came = alike + _PRIOR_PLACES * rooms / max(float(rooms.sum()), 1.0)
    shares = np.append(0.0, np.cumsum(came) / max(float(came.sum()), 1.0))
    tells = came.any() and np.diff(shares).max() < _MOST_AT_ONCE
    return shares if tells else np.full(len(_STAGES), np.nan)
