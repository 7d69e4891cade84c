"""One planned class: its audience with an interval, who comes, better times and places, effect on others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.errors import DataError
from recsys.ids import IdMap
from recsys.openings.classes.attendance import filled
from recsys.openings.classes.rooms import has_room, room_places
from recsys.openings.classes.slots import nearest_slots
from recsys.openings.classes.value import Audience, Opening
from recsys.openings.classes.who import Group, median_km, who
from recsys.openings.learned.inputs import OpeningInputs
from recsys.openings.suggest import interval

N_ALTERNATIVES = 5


@dataclass(frozen=True)
class PlannedSession:
    """One session that may be held.

    Attributes:
        category: Category row.
        venue: Venue row.
        slot: Slot row.
        size: Places.
        admitted: (n_points,) 1 for people of an age that is admitted.
    """

    category: int
    venue: int
    slot: int
    size: float
    admitted: NDArray[np.float32]


@dataclass(frozen=True)
class Figures:
    """People at a session; `low` and `high` bound four weeks of five.

    Attributes:
        expected: People who come.
        low: 0.1 quantile.
        high: 0.9 quantile.
        interested: Who would come if places had no end.
        new_people: Of the expected, who would not have come to the category elsewhere.
        newly_reached: Of the new, who attended nothing in 52 weeks.
    """

    expected: float
    low: float
    high: float
    interested: float
    new_people: float
    newly_reached: float

    @property
    def from_others(self) -> float:
        """People taken from what runs now."""
        return self.expected - self.new_people


@dataclass(frozen=True)
class Alternative:
    """Another time or place for the same session."""

    venue: int
    slot: int
    expected: float


@dataclass(frozen=True)
class Appraisal:
    """What one planned session would bring: figures, who comes, and times and places that would bring more.

    `times` are those at which a room of the venue is free, `venues` those with a room free at the time.
    """

    planned: PlannedSession
    figures: Figures
    who: list[Group]
    median_km: float | None
    times: list[Alternative]
    venues: list[Alternative]


def appraise(
    inputs: OpeningInputs,
    category: str,
    venue_id: str,
    local_start: pd.Timestamp,
    capacity: float | None = None,
    ages: tuple[float | None, float | None] = (None, None),
) -> Appraisal:
    """The audience of a session.

    Args:
        inputs: What is known.
        category: Its category.
        venue_id: Its venue.
        local_start: Wall-clock start; the weekly slot nearest to it stands for it.
        capacity: Places; None for the usual number, at most the venue's seats.
        ages: Least and greatest age admitted.

    Raises:
        UnknownIdError: the category or the venue is not known.
        DataError: no time of the week is known, or the capacity is not above 0.
    """
    c = int(IdMap.of(inputs.categories, "category").nums([category])[0])
    v = int(IdMap.of(inputs.venues["venue_id"], "venue_id").nums([venue_id])[0])
    if capacity is not None and not capacity > 0:
        raise DataError("appraisal", [f"capacity is {capacity}, expected above 0"])
    if not len(inputs.slots):
        raise DataError("appraisal", ["no time of the week is known"])
    weekday, minute = local_start.isoweekday(), local_start.hour * 60 + local_start.minute
    slot = int(nearest_slots(inputs.slots, np.array([weekday]), np.array([minute]))[0])
    size = float(capacity) if capacity is not None else _usual_size(inputs, c, v)
    planned = PlannedSession(c, v, slot, size, _admitted(inputs, ages))
    audience = Audience(inputs)
    figures, coming = _figures(audience, planned)
    is_free = inputs.spare_rooms >= 1
    times = [(v, s) for s in np.flatnonzero(is_free[v]).tolist() if s != slot]
    venues = [(n, slot) for n in np.flatnonzero(is_free[:, slot] & has_room(inputs.venues)).tolist() if n != v]
    return Appraisal(
        planned=planned,
        figures=figures,
        who=who(inputs, coming, v),
        median_km=median_km(inputs, coming, v),
        times=_better(audience, planned, times, figures.expected),
        venues=_better(audience, planned, venues, figures.expected),
    )


def _figures(audience: Audience, planned: PlannedSession) -> tuple[Figures, NDArray[np.float32]]:
    """The figures, and (n_points,) people of each point who come."""
    inputs, show = audience.inputs, float(audience.inputs.show[planned.category])
    wants, new = _wanting(audience, planned)
    total = float(wants.sum())
    admitted = float(filled(total, planned.size, inputs.spread)) / max(total, 1e-12)
    coming = wants * np.float32(admitted * show)
    expected, new_people = float(coming.sum()), float(new.sum()) * admitted * show
    opening = Opening(planned.category, planned.venue, planned.slot, planned.size, expected, expected)
    low, high = interval(inputs, opening, total)
    lapsed = float(new @ inputs.lapsed) / max(float(new.sum()), 1e-12)
    figures = Figures(
        expected=expected,
        low=min(low, expected),
        high=max(high, expected),
        interested=total * show,
        new_people=min(new_people, expected),
        newly_reached=min(new_people, expected) * lapsed,
    )
    return figures, coming


def _wanting(audience: Audience, planned: PlannedSession) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(n_points,) people who want a place, and those of them who would not have come to the category elsewhere."""
    inputs = audience.inputs
    given, before = audience.given(planned.venue, planned.slot), audience.access(planned.category)
    taken = inputs.saturation.part(before + given, given)
    rate = np.float32(inputs.bias) * inputs.rate[:, planned.category] * planned.admitted
    new = audience.drawn(planned.category, planned.venue, planned.slot) * planned.admitted
    return np.maximum(rate * taken, new), new


def _better(
    audience: Audience, planned: PlannedSession, elsewhere: list[tuple[int, int]], than: float
) -> list[Alternative]:
    """The best of other times and places where at least 2 % more would come; a room elsewhere may hold fewer."""
    inputs, found, most = audience.inputs, [], room_places(audience.inputs.venues)
    for venue, slot in elsewhere:
        size = planned.size if venue == planned.venue else min(planned.size, float(most[venue]))
        there = PlannedSession(planned.category, venue, slot, size, planned.admitted)
        total = float(_wanting(audience, there)[0].sum())
        coming = float(filled(total, size, inputs.spread)) * float(inputs.show[planned.category])
        if coming > than * 1.02:
            found.append(Alternative(venue, slot, coming))
    return sorted(found, key=lambda a: (-a.expected, a.venue, a.slot))[:N_ALTERNATIVES]


def _usual_size(inputs: OpeningInputs, category: int, venue: int) -> float:
    seats = float(inputs.venues["seats"].iloc[venue])
    usual = float(inputs.typical_size[category])
    return max(1.0, min(usual, seats) if seats > 0 else usual)


def _admitted(inputs: OpeningInputs, ages: tuple[float | None, float | None]) -> NDArray[np.float32]:
    """(n_points,) 0 for people of age groups that lie wholly outside the ages."""
    low, high = ages
    keep = np.ones(len(inputs.age_groups), dtype=np.float32)
    for num, name in enumerate(inputs.age_groups):
        first, last = _bounds(name)
        if (low is not None and last < low) or (high is not None and first > high):
            keep[num] = 0.0
    return keep[inputs.age_group]


def _bounds(name: str) -> tuple[float, float]:
    """First and last age of a group's name: `under 18`, `30-44`, `75 and over`.

    >>> _bounds("30-44"), _bounds("75 and over")
    ((30.0, 44.0), (75.0, inf))
    """
    words = name.replace("-", " ").split()
    numbers = [float(w) for w in words if w.isdecimal()]
    if len(numbers) == 2:
        return numbers[0], numbers[1]
    if len(numbers) == 1:
        return (0.0, numbers[0] - 1) if words[0] == "under" else (numbers[0], np.inf)
    return 0.0, np.inf
