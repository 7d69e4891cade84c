"""What one planned activity may expect, from the same inputs as suggestions."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.openings.inputs import OpeningInputs
from recsys.openings.suggest import interval
from recsys.openings.value import Audience

MIN_PEOPLE = 5
"""Groups behind which fewer people stand are hidden."""

N_ALTERNATIVES = 3
FAR_EDGES_KM = (0.0, 1.5, 3.0, 5.0, 10.0, 20.0, np.inf)


@dataclass(frozen=True)
class Alternative:
    """Another time or place for the same activity."""

    venue: int
    slot: int
    expected: float


@dataclass(frozen=True)
class Appraisal:
    """Expected audience of one session.

    Attributes:
        slot: Weekly slot nearest to the time asked for.
        size: Places.
        expected: People who come and would not have come to this category elsewhere.
        interested: People who would come if places had no end.
        low: 0.1 quantile.
        high: 0.9 quantile.
        newly_reached: Of the expected, people with no attendance in 52 weeks.
        ages: Share of the audience by age group, None where fewer than five people stand behind it.
        rings: Share by distance, (from_km, to_km or None, share or None).
        median_km: Half of the audience lives nearer; None where unknown.
        times: Better times at the venue.
        venues: Better venues at the time.
    """

    slot: int
    size: float
    expected: float
    interested: float
    low: float
    high: float
    newly_reached: float
    ages: list[tuple[str, float | None]]
    rings: list[tuple[float, float | None, float | None]]
    median_km: float | None
    times: list[Alternative]
    venues: list[Alternative]


def nearest_slot(slots: pd.DataFrame, weekday: int, minute: int) -> int:
    """Row of the weekly slot on that weekday (1 = Monday) whose start is nearest to the minute of the day."""
    starts = slots["start_time"].str[:2].astype(int) * 60 + slots["start_time"].str[3:].astype(int)
    away = (starts - minute).abs() + 10_000 * (slots["weekday"] != weekday)
    return int(np.argmin(away.to_numpy()))


def appraise_session(
    inputs: OpeningInputs,
    category: int,
    venue: int,
    local_start: pd.Timestamp,
    capacity: float | None,
    ages: tuple[float | None, float | None] = (None, None),
) -> Appraisal:
    """The audience of a session of a category row at a venue row.

    Args:
        inputs: What is known.
        category: Row of the category.
        venue: Row of the venue.
        local_start: Wall-clock start, without a zone.
        capacity: Places; None for the usual number, at most the venue's seats.
        ages: Least and greatest age admitted.
    """
    audience = Audience(inputs)
    slot = nearest_slot(inputs.slots, local_start.isoweekday(), local_start.hour * 60 + local_start.minute)
    seats = float(inputs.venues["seats"].iloc[venue])
    usual = float(inputs.typical_size[category])
    size = float(capacity) if capacity is not None else max(1.0, min(usual, seats if seats > 0 else usual))
    admitted = _admitted(inputs, ages)
    drawn = audience.drawn(category, venue, slot) * admitted
    total = float(drawn.sum())
    opening = audience.opening(category, venue, slot, size)
    share = total / max(float(audience.drawn(category, venue, slot).sum()), 1e-12)
    show = float(inputs.show[category])
    expected = min(opening.attendance, total * show) if share < 1 else opening.attendance
    low, high = interval(inputs, opening, total)
    return Appraisal(
        slot=slot,
        size=size,
        expected=expected,
        interested=total * show,
        low=min(low, expected),
        high=max(high, expected),
        newly_reached=expected * float(drawn @ inputs.lapsed) / max(total, 1e-12),
        ages=_ages(inputs, drawn),
        rings=_rings(inputs, venue, drawn),
        median_km=_median_km(inputs, venue, drawn),
        times=_best(
            [
                Alternative(venue, s, _expected(audience, category, venue, s, size, admitted))
                for s in range(len(inputs.slots))
                if s != slot
            ],
            expected,
        ),
        venues=_best(
            [
                Alternative(v, slot, _expected(audience, category, v, slot, size, admitted))
                for v in range(len(inputs.venues))
                if v != venue
            ],
            expected,
        ),
    )


def _expected(
    audience: Audience, category: int, venue: int, slot: int, size: float, admitted: NDArray[np.float32]
) -> float:
    drawn = float((audience.drawn(category, venue, slot) * admitted).sum()) * float(audience.inputs.show[category])
    return min(drawn, audience.opening(category, venue, slot, size).attendance)


def _best(found: list[Alternative], beside: float) -> list[Alternative]:
    better = [a for a in found if a.expected > beside * 1.02]
    return sorted(better, key=lambda a: (-a.expected, a.venue, a.slot))[:N_ALTERNATIVES]


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


def _ages(inputs: OpeningInputs, drawn: NDArray[np.float32]) -> list[tuple[str, float | None]]:
    n_groups = len(inputs.age_groups)
    weight = np.bincount(inputs.age_group, drawn, minlength=n_groups)
    people = np.bincount(inputs.age_group, inputs.size * (drawn > 0), minlength=n_groups)
    total = max(float(weight.sum()), 1e-12)
    return [
        (name, round(float(w) / total, 4) if n >= MIN_PEOPLE else None)
        for name, w, n in zip(inputs.age_groups, weight, people, strict=True)
        if n > 0
    ]


def _rings(
    inputs: OpeningInputs, venue: int, drawn: NDArray[np.float32]
) -> list[tuple[float, float | None, float | None]]:
    km = inputs.km[:, venue].astype(np.float64)
    known = np.isfinite(km)
    total = max(float(drawn[known].sum()), 1e-12)
    rings: list[tuple[float, float | None, float | None]] = []
    for low, high in pairwise(FAR_EDGES_KM):
        inside = known & (km >= low) & (km < high)
        n_people = float(inputs.size[inside & (drawn > 0)].sum())
        share = round(float(drawn[inside].sum()) / total, 4) if n_people >= MIN_PEOPLE or n_people == 0 else None
        rings.append((low, None if np.isinf(high) else high, share))
    return rings


def _median_km(inputs: OpeningInputs, venue: int, drawn: NDArray[np.float32]) -> float | None:
    km = inputs.km[:, venue].astype(np.float64)
    known = np.isfinite(km) & (drawn > 0)
    if not known.any():
        return None
    order = np.argsort(km[known], kind="stable")
    share = np.cumsum(drawn[known][order]) / float(drawn[known].sum())
    return round(float(km[known][order][min(int(np.searchsorted(share, 0.5)), len(order) - 1)]), 2)
