"""Those who ask: profile and own past of a block of people, or of one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.signals.catalogue import Catalogue
from features.signals.events import Events, events_of
from features.signals.lookup import SEPARATOR
from recsys.availability import People, people_of


@dataclass(frozen=True)
class UserBlock:
    """People asking, one row each.

    Attributes:
        user_ids: (n_users,) ids.
        is_personal: (n_users,) False for those who opted out: nothing of their past or profile is used.
        people: What decides on what may be offered; it knows the past of those who opted out too.
        events: Own past of those who did not opt out.
        lat: (n_users,) home, NaN where unknown.
        lon: (n_users,) home, NaN where unknown.
        birth_years: (n_users,) NaN where unknown.
    """

    user_ids: NDArray[np.object_]
    is_personal: NDArray[np.bool_]
    people: People
    events: Events
    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    birth_years: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.user_ids)


def user_block(
    catalogue: Catalogue,
    users: pd.DataFrame,
    bookings: pd.DataFrame,
    feedback: pd.DataFrame,
    sessions: pd.DataFrame,
) -> UserBlock:
    """People from contract rows.

    Args:
        catalogue: At the instant of the answer; only what happened before it is used.
        users: Profiles, one a person, in the order of the answers.
        bookings: Theirs, complete; other people's rows are not looked at.
        feedback: Theirs.
        sessions: At least every session the bookings name.
    """
    user_ids = users["user_id"].to_numpy(dtype=object)
    is_personal = users["personalised"].to_numpy(dtype=bool)
    # Ids of their own for those who opted out: their events find nobody.
    hidden = np.where(is_personal, user_ids, [f"{SEPARATOR}{row}" for row in range(len(users))])
    shown = users[["lat", "lon", "birth_year"]].to_numpy(dtype=np.float64)
    shown[~is_personal] = np.nan
    return UserBlock(
        user_ids=user_ids,
        is_personal=is_personal,
        people=people_of(users, bookings, sessions, catalogue.at),
        events=events_of(bookings, feedback, hidden, catalogue.lookup, catalogue.at),
        lat=shown[:, 0],
        lon=shown[:, 1],
        birth_years=shown[:, 2],
    )
