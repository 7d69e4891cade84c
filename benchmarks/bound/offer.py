"""What a platform may offer to whom in a simulated county, and of whom it may know anything."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.tables import read_folder
from features.ranking.two_stages import offered
from features.signals.catalogue import catalogue_of
from features.signals.people import user_block
from recsys.simulation.scoring.judged import Judged
from recsys.simulation.truth.oracle import Truth


def may_be_listed(folder: Path, truth: Truth, judged: Judged, window_days: int) -> NDArray[np.bool_]:
    """(n_users, n_activities) what lists may hold: the oracle knows who has a child, a platform who booked for one.

    Args:
        folder: The county's tables.
        truth: The county's.
        judged: People and activities in question.
        window_days: Within so many days sessions start.
    """
    known = read_folder(folder, "Asia/Shanghai").known_at(pd.Timestamp(truth.manifest["as_of"]))
    catalogue = catalogue_of(known, known.data_until, window_days)
    users = known.users.set_index("user_id", drop=False).loc[judged.users["user_id"]].reset_index(drop=True)
    block = user_block(catalogue, users, known.bookings, known.feedback, known.sessions)
    activity = judged.activities.nums_or_missing(catalogue.lookup.activities.ids[catalogue.activities])
    listed = np.zeros((len(users), len(judged.activities) + 1), dtype=bool)
    np.logical_or.at(listed, (slice(None), activity), offered(catalogue, block))
    return judged.allowed & listed[:, :-1]


def strangers_alike(
    chances: NDArray[np.floating], is_stranger: NDArray[np.bool_], is_usual: NDArray[np.bool_]
) -> NDArray[np.floating]:
    """(n_users, n_activities) chances with strangers' replaced by the mean of usual people.

    Who opted out is ranked as somebody of whom nothing is known, whatever they did: by the mean chance nobody does
    better.

    Args:
        chances: (n_users, n_activities) chance to book.
        is_stranger: (n_users,) of whom nothing may be known.
        is_usual: (n_users,) people drawn at random.
    """
    return np.where(is_stranger[:, None], chances[is_usual & ~is_stranger].mean(axis=0), chances)
