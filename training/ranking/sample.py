"""Some of the people, to learn from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from features.signals.people import UserBlock


def evenly(n: int, most: int) -> NDArray[np.int64]:
    """(n_some,) rows out of `n` at even steps, ascending, at most `most` of them."""
    return np.arange(0, n, max(1, -(-n // most)))


def told_people(block: UserBlock) -> NDArray[np.int64]:
    """Rows of people who have a profile or have booked, ascending: not guests who look around and nothing else.

    A year without a booking says nothing of who may not even have an account: taken for people who want nothing, and
    their looks for wishes, guests would drown what the others want.
    """
    has_booked = np.bincount(block.events.rows[block.events.sessions >= 0], minlength=len(block)) > 0
    return np.flatnonzero(block.has_profile | has_booked)


def sampled_people(block: UserBlock, rows: NDArray[np.int64]) -> UserBlock:
    """Profiles and past of the people in some rows; what may be offered and was shown them is left as it is.

    Args:
        block: People.
        rows: (n_some,) ascending.
    """
    place = np.full(len(block), -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    events = block.events.only(place[block.events.rows] >= 0)
    groups = {name: values[rows] for name, values in block.profiles.groups.items()}
    each = ("user_ids", "is_personal", "has_profile", "lat", "lon", "area", "birth_years", "days_known", "interests")
    return replace(
        block,
        events=replace(events, rows=place[events.rows]),
        profiles=replace(block.profiles, groups=groups),
        **{name: getattr(block, name)[rows] for name in each},
    )
