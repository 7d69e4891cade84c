"""Everything needed to answer where to open classes: arrays that serving loads and a planner's question reads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from recsys.dataset import TEXT
from recsys.errors import DataError
from recsys.openings.learned.alone import Alone
from recsys.openings.learned.hours import kinds_of
from recsys.openings.learned.points import Points
from recsys.openings.learned.saturation import Saturation
from recsys.regions import RegionTree
from recsys.sums import sums_by

FOLLOWED = {
    "category": TEXT,
    "venue_id": TEXT,
    "opened_on": TEXT,
    "predicted": "float64",
    "q0.1": "float64",
    "q0.9": "float64",
}
"""Columns of openings that were made and their types; `opened_on` is a local date, the rest people at one session."""


@dataclass(frozen=True)
class OpeningInputs:
    """People as demand points, venues, time slots, and what runs now.

    A point is a person, or people alike taken together (`recsys.openings.learned.alike`). Expected people a week of
    point p at a class of category c at venue v in slot s, beside access `x` that it has already, is
    `rate[p, c] * (used(x + a) - used(x))`, `a = reach[p, v] * slot_fit[age_group[p], s]`, `used` the saturation:
    classes near each other share people, and what runs already takes its share first.

    Attributes:
        categories: Category names by row.
        venues: One row a venue: `venue_id`, `name`, `region_num`, `seats` (NaN unknown), `free_slots` (NaN unknown),
            `rooms` (NaN unknown).
        slots: One row a weekly slot: `weekday` (1 = Monday), `start_time` (`HH:MM`).
        tree: The regions.
        age_groups: Names of age groups by row.
        rate: (n_points, n_categories) people a week who would book a class next door at a mean time.
        reach: (n_points, n_venues) willingness by distance, in [0, 1].
        km: (n_points, n_venues) distance, NaN where unknown.
        age_group: (n_points,) row of `age_groups`.
        lapsed: (n_points,) share of people with no attendance in 52 weeks.
        size: (n_points,) people.
        point_region: (n_points,) region row, -1 where unknown.
        access: (n_points, n_categories) access to what runs now: that beside which a usual class is worth what it is in
            the mean of the weeks.
        taken: (n_points, n_categories) people a week whom what runs now takes, in the mean of the weeks.
        slot_fit: (n_age_groups, n_slots) fit of a slot.
        runs_now: (n_categories, n_venues) a training session within 28 days.
        busy: (n_venues, n_slots) sessions a week in or across the slot.
        show: (n_categories,) share of people with a place who come.
        typical_size: (n_categories,) usual number of places of a class.
        group_gain: (n_age_groups, n_categories, n_venues) people gained by a class at a mean time, to first order.
        group_bend: (n_age_groups, n_categories, n_venues) how fast that falls off: at a fit `f` of the time a class
            gains about `f * group_gain / (1 + f * group_bend)`.
        run_fit: (n_age_groups, n_categories, n_venues) fit of what runs there now, summed over its weekly sessions.
        taught: Categories that have ever run as training; all where none has.
        saturation: See above.
        bias: Real over predicted attendance of past openings, 1 where unknown.
        spread: Standard deviation of the logarithm of real over predicted, beyond counting noise.
        data_until: First instant not used, ISO 8601.
        outlook: (n_categories, n_weeks) how much training is wanted in each of the weeks ahead, 1 in the mean.
        drawn_levels: (n_draws, n_categories) factors on rates that may be true as well, 1 in the mean.
        drawn_slots: (n_draws, n_slots) the same of the fit of slots.
        followed: Openings that were made lately as `FOLLOWED`, predicted from what was known before.
    """

    categories: NDArray[np.object_]
    venues: pd.DataFrame
    slots: pd.DataFrame
    tree: RegionTree
    age_groups: tuple[str, ...]
    rate: NDArray[np.float32]
    reach: NDArray[np.float32]
    km: NDArray[np.float16]
    age_group: NDArray[np.int64]
    lapsed: NDArray[np.float32]
    size: NDArray[np.float32]
    point_region: NDArray[np.int64]
    access: NDArray[np.float32]
    taken: NDArray[np.float32]
    slot_fit: NDArray[np.float32]
    runs_now: NDArray[np.bool_]
    busy: NDArray[np.int64]
    show: NDArray[np.float32]
    typical_size: NDArray[np.float32]
    group_gain: NDArray[np.float32]
    group_bend: NDArray[np.float32]
    run_fit: NDArray[np.float32]
    taught: NDArray[np.bool_]
    saturation: Saturation
    bias: float
    spread: float
    data_until: str
    outlook: NDArray[np.float32]
    drawn_levels: NDArray[np.float32]
    drawn_slots: NDArray[np.float32]
    followed: pd.DataFrame

    def __post_init__(self) -> None:
        n_points, n_categories, n_venues = len(self.size), len(self.categories), len(self.venues)
        n_groups, n_slots = len(self.age_groups), len(self.slots)
        expected = {
            "rate": (n_points, n_categories),
            "reach": (n_points, n_venues),
            "km": (n_points, n_venues),
            "access": (n_points, n_categories),
            "taken": (n_points, n_categories),
            "slot_fit": (n_groups, n_slots),
            "runs_now": (n_categories, n_venues),
            "busy": (n_venues, n_slots),
            "group_gain": (n_groups, n_categories, n_venues),
            "group_bend": (n_groups, n_categories, n_venues),
            "run_fit": (n_groups, n_categories, n_venues),
            "drawn_levels": (len(self.drawn_slots), n_categories),
            "drawn_slots": (len(self.drawn_slots), n_slots),
        }
        problems = [
            f"{name} has shape {getattr(self, name).shape}, expected {shape}"
            for name, shape in expected.items()
            if getattr(self, name).shape != shape
        ]
        if problems:
            raise DataError("opening inputs", problems)

    @cached_property
    def together(self) -> Condensed:
        """People who live together taken together; made once."""
        return _together(self)

    @cached_property
    def points(self) -> Points:
        """Columns of `reach`, `km` and `slot_fit` by point; each is made once."""
        return Points(self.reach, self.km, self.age_group, self.slot_fit)

    @cached_property
    def spare_rooms(self) -> NDArray[np.float64]:
        """(n_venues, n_slots) rooms beside what runs now; one where a venue does not tell how many it has."""
        spare = self.venues["rooms"].to_numpy(dtype=np.float64)[:, None] - self.busy
        return np.where(np.isnan(spare), 1.0, spare)

    @cached_property
    def slot_gain(self) -> NDArray[np.float64]:
        """(n_categories, n_venues, n_slots) about the gain of each hour, -1 where no room is; made once."""
        gain = np.zeros((*self.runs_now.shape, len(self.slots)))
        for group_gain, bend, fit in zip(self.group_gain, self.group_bend, self.slot_fit, strict=True):
            gain += group_gain[:, :, None] * fit / (1 + bend[:, :, None] * fit)
        return np.where((self.spare_rooms < 1)[None], -1.0, gain)

    @cached_property
    def alone(self) -> Alone:
        """What each class would bring were it the only new one; worked out once."""
        people = sums_by(self.age_group, self.rate.sum(axis=1), len(self.age_groups))
        kinds = kinds_of(self.slot_fit, self.spare_rooms >= 1, people)
        return Alone(
            self.slot_gain, self.bias, self.rate, self.access, self.points, self.saturation, self.age_group, kinds
        )

    def regions_at(self, level: str) -> NDArray[np.int64]:
        """(n_points,) region row on `level` that each point lies in, -1 where there is none; made once a level."""
        if level not in self._regions_at:
            above = self.tree.ancestors_at(level)
            self._regions_at[level] = np.where(self.point_region >= 0, above[np.maximum(self.point_region, 0)], -1)
        return self._regions_at[level]

    @cached_property
    def _regions_at(self) -> dict[str, NDArray[np.int64]]:
        return {}


@dataclass(frozen=True)
class Condensed:
    """People who live together taken together.

    Attributes:
        inputs: Points of one region, age group and nearest venue as one point; rates add up, the rest are means by
            rate.
        means: (n_new_points, n_points) weights of those means.
    """

    inputs: OpeningInputs
    means: sparse.csr_array

    def of(self, values: NDArray[np.float32] | None) -> NDArray[np.float32] | None:
        """(n_new_points,) means by rate of (n_points,) values."""
        return None if values is None else np.asarray(self.means @ values, dtype=np.float32)


def _together(inputs: OpeningInputs) -> Condensed:
    """The same question in a tenth of the time, for comparing many plans."""
    n_points = len(inputs.size)
    if not n_points:
        return Condensed(inputs, sparse.csr_array((0, 0)))
    nearest = inputs.reach.argmax(axis=1) if inputs.reach.shape[1] else np.zeros(n_points, dtype=np.int64)
    first, cell = np.unique(
        np.stack([inputs.point_region, inputs.age_group, nearest]), axis=1, return_index=True, return_inverse=True
    )[1:]
    rate = inputs.rate.sum(axis=1, dtype=np.float64) + 1e-12
    adds = sparse.csr_array((np.ones(n_points), (cell, np.arange(n_points))))
    means = sparse.csr_array((rate / (adds @ rate)[cell], (cell, np.arange(n_points))))
    size = adds @ inputs.size
    merged = replace(
        inputs,
        rate=(adds @ inputs.rate).astype(np.float32),
        reach=(means @ inputs.reach).astype(np.float32),
        km=(means @ inputs.km.astype(np.float32)).astype(np.float16),
        age_group=inputs.age_group[first],
        lapsed=(adds @ (inputs.lapsed * inputs.size) / np.maximum(size, 1e-12)).astype(np.float32),
        size=size.astype(np.float32),
        point_region=inputs.point_region[first],
        access=(means @ inputs.access).astype(np.float32),
        taken=(adds @ inputs.taken).astype(np.float32),
    )
    return Condensed(merged, means)
