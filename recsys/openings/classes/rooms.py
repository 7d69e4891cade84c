"""Rooms of venues at weekly slots, as new classes take them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.openings.classes.slots import start_minutes

LASTS = 90
"""Minutes for which a class needs its room: two that start nearer each other on one day need two rooms."""


def within_a_class(slots: pd.DataFrame) -> NDArray[np.bool_]:
    """(n_slots, n_slots) whether the column's slot starts while a class that starts with the row's is on.

    >>> within_a_class(pd.DataFrame({"weekday": [1, 1, 2], "start_time": ["18:00", "19:00", "18:00"]})).astype(int)
    array([[1, 1, 0],
           [0, 1, 0],
           [0, 0, 1]])
    """
    start, weekday = start_minutes(slots), slots["weekday"].to_numpy()
    later = start[None, :] - start[:, None]
    return np.asarray((weekday[:, None] == weekday[None, :]) & (later >= 0) & (later < LASTS))


def free_slots(venues: pd.DataFrame) -> NDArray[np.float64]:
    """(n_venues,) weekly slots that each has free, inf where it does not tell."""
    return venues["free_slots"].fillna(np.inf).to_numpy(dtype=np.float64, copy=True)


def has_room(venues: pd.DataFrame) -> NDArray[np.bool_]:
    """(n_venues,) whether a class may open there at all: none says that it has no free slot, no room or no seat."""
    rooms, seats = (venues[name].to_numpy(dtype=np.float64) for name in ("rooms", "seats"))
    return np.asarray((free_slots(venues) >= 1) & (rooms != 0) & (seats != 0))


def room_places(venues: pd.DataFrame) -> NDArray[np.float64]:
    """(n_venues,) places of one room, at least 1; inf where a venue does not tell its seats.

    >>> room_places(pd.DataFrame({"rooms": [3.0, np.nan], "seats": [100.0, 100.0]})).tolist()
    [33.0, 100.0]
    """
    rooms, seats = (venues[name].to_numpy(dtype=np.float64) for name in ("rooms", "seats"))
    a_room = seats // np.where(np.isfinite(rooms), np.maximum(rooms, 1.0), 1.0)
    return np.where(np.isnan(seats), np.inf, np.maximum(a_room, 1.0))


def most_places(venues: pd.DataFrame, usual: NDArray[np.floating[Any]], limit: float | None) -> NDArray[np.float64]:
    """(n_categories, n_venues) places that a class can have: of a room, the usual ones where a venue does not tell.

    Args:
        venues: `rooms` and `seats` of each.
        usual: (n_categories,) usual number of places of a class.
        limit: The planner's.
    """
    room = room_places(venues)
    most = np.where(np.isfinite(room), room, usual.astype(np.float64)[:, None])
    return np.minimum(most, limit or np.inf)


class Rooms:
    """Rooms that are left at each venue and slot while classes are opened.

    No instant ever needs more rooms than there are: whichever class of those that are on together was opened last
    found one fewer of the others than rooms. Two new classes never share a slot and venue: who wants both cannot come
    to both, and which hours are wanted is not known for certain.

    Args:
        slots: `weekday` and `start_time` of each.
        spare: (n_venues, n_slots) rooms beside what runs now.
    """

    def __init__(self, slots: pd.DataFrame, spare: NDArray[np.float64]) -> None:
        self.spare = spare
        self._within = within_a_class(slots)
        self._near: NDArray[np.bool_] = self._within | self._within.T
        self.clear()

    def clear(self) -> None:
        """Gives back every room that was taken."""
        self._left = self.spare.copy()
        self._free: dict[int, NDArray[np.bool_]] = {}

    def clear_at(self, venue: int) -> None:
        """Gives back every room that was taken at a venue."""
        self._left[venue] = self.spare[venue]
        self._free.pop(venue, None)

    def take(self, venue: int, slot: int) -> None:
        """A class of that slot takes a room, from slots less than its length before to those after."""
        self._left[venue, self._near[slot]] -= 1
        self._left[venue, slot] = 0
        self._free.pop(venue, None)

    def free(self, venue: int) -> NDArray[np.bool_]:
        """(n_slots,) whether a class may open there; the same array until rooms are taken or given back."""
        if venue not in self._free:
            self._free[venue] = np.asarray(self._left[venue] >= 1)
        return self._free[venue]

    def limits(self) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """What no plan exceeds: sets of slots, and how many new classes may open in one of them at a venue.

        Returns: (n_limits, n_slots) which slots each limit counts; (n_venues, n_limits) the most classes.
        """
        alone = np.eye(len(self._within), dtype=bool)
        # Of classes that are on at one start, the one that opens last needs a room of its own slot.
        most = np.array([self.spare[:, on].max(axis=1, initial=0.0) for on in self._within]).reshape(
            -1, len(self.spare)
        )
        return np.concatenate([alone, self._within]), np.concatenate([np.ones_like(most), most]).T
