"""What a plan is chosen from: demand points, venues in reach, and limits."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from recsys.errors import DataError


@dataclass(frozen=True)
class Floor:
    """Elastic least coverage of groups of points (counties, cities, age groups).

    Attributes:
        group: (n_points,) group row, -1 where none.
        least: (n_groups,) people a week that should be covered; see `relative_floor`.
        penalty: Loss of objective for a person short of it: the floor bends where it cannot be met.
    """

    group: NDArray[np.int64]
    least: NDArray[np.float64]
    penalty: float = 5.0


@dataclass(frozen=True)
class PlacementInstance:
    """Choose how many classes of each category each venue runs.

    Maximise `sum w[i, j] x[i, c, j]` (people who come), where `x` people of point i are assigned to category c at
    venue j: at most `demand[i, c]` of a point in all and at each open venue, at most `seats[j]` a class; at most
    `slots[j]` classes a venue, `teachers[c]` a category, and `budget` in all.

    Attributes:
        demand: (n_points, n_categories) people a week who would come to a class next door.
        pair_point: (n_pairs,) point of each pair in reach.
        pair_venue: (n_pairs,) its venue; pairs are sorted by venue.
        pair_weight: (n_pairs,) share of willing people who come over the distance, in (0, 1].
        seats: (n_venues,) places of a class.
        slots: (n_venues,) free weekly slots.
        cost: (n_categories, n_venues) cost of a class.
        budget: Most that may be spent.
        allowed: (n_categories, n_venues) may be opened.
        teachers: (n_categories,) most classes, inf where not limited.
        floors: Elastic floors.
    """

    demand: NDArray[np.float64]
    pair_point: NDArray[np.int64]
    pair_venue: NDArray[np.int64]
    pair_weight: NDArray[np.float64]
    seats: NDArray[np.float64]
    slots: NDArray[np.int64]
    cost: NDArray[np.float64]
    budget: float
    allowed: NDArray[np.bool_]
    teachers: NDArray[np.float64]
    floors: tuple[Floor, ...] = ()
    _starts: NDArray[np.int64] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        n_categories, n_venues = self.allowed.shape
        problems = []
        if (np.diff(self.pair_venue) < 0).any():
            problems.append("pairs must be sorted by venue")
        if self.demand.shape[1] != n_categories or self.cost.shape != self.allowed.shape:
            problems.append("demand, cost and allowed disagree on the number of categories")
        if not (np.isfinite(self.demand).all() and (self.demand >= 0).all()):
            problems.append("demand must be finite and at least 0")
        if len(self.pair_weight) and not ((self.pair_weight > 0).all() and (self.pair_weight <= 1).all()):
            problems.append("weights must lie in (0, 1]")
        if not (self.cost > 0).all():
            problems.append("costs must be above 0")
        if problems:
            raise DataError("placement instance", problems)
        object.__setattr__(self, "_starts", np.searchsorted(self.pair_venue, np.arange(n_venues + 1)))

    @property
    def n_venues(self) -> int:
        """Number of venues."""
        return len(self.seats)

    @property
    def n_categories(self) -> int:
        """Number of categories."""
        return int(self.demand.shape[1])

    def pairs_of(self, venue: int) -> slice:
        """Pairs of a venue."""
        return slice(int(self._starts[venue]), int(self._starts[venue + 1]))

    def most_classes(self) -> NDArray[np.int64]:
        """(n_categories, n_venues) most classes that could fill: the integer ceiling of demand in reach over seats."""
        in_reach = np.zeros((self.n_venues, self.n_categories))
        np.add.at(in_reach, self.pair_venue, self.demand[self.pair_point])
        ceiling = np.ceil(in_reach / np.maximum(self.seats, 1e-9)[:, None] - 1e-9).T
        limit = np.minimum(ceiling, self.slots[None, :])
        affordable = np.floor(self.budget / self.cost + 1e-9)
        limit = np.minimum(np.minimum(limit, affordable), self.teachers[:, None])
        return np.where(self.allowed & (self.seats > 0)[None, :], limit, 0).astype(np.int64)

    def coverable(self, group: NDArray[np.int64], n_groups: int) -> NDArray[np.float64]:
        """(n_groups,) people who would come if every venue in reach could take everybody."""
        best = np.zeros((len(self.demand), self.n_categories))
        for venue in range(self.n_venues):
            pairs = self.pairs_of(venue)
            points = self.pair_point[pairs]
            allowed = self.allowed[:, venue] & (self.slots[venue] > 0) & (self.seats[venue] > 0)
            best[points] = np.maximum(best[points], np.outer(self.pair_weight[pairs], allowed))
        people = (best * self.demand).sum(axis=1)
        inside = group >= 0
        return np.bincount(group[inside], people[inside], minlength=n_groups).astype(np.float64)

    def relative_floor(
        self, group: NDArray[np.int64], shares: NDArray[np.float64], penalty: float = 5.0
    ) -> PlacementInstance:
        """The instance with a floor more: each group at least `shares` of the people it could have covered at all."""
        least = shares * self.coverable(group, len(shares))
        return replace(self, floors=(*self.floors, Floor(group, least, penalty)))


@dataclass(frozen=True)
class Placement:
    """A plan for an instance.

    Attributes:
        classes: (n_categories, n_venues) classes to open.
        people: (n_points,) people a week of each point who come.
        value: People a week in all.
        shortfall: Penalties paid for floors not met.
        bound: No plan has a greater `value - shortfall`.
        seconds: Time taken.
        method: How it was found.
    """

    classes: NDArray[np.int64]
    people: NDArray[np.float64]
    value: float
    shortfall: float
    bound: float
    seconds: float
    method: str

    @property
    def objective(self) -> float:
        """People less penalties."""
        return self.value - self.shortfall

    @property
    def gap(self) -> float:
        """Proven distance to the best possible, relative to the bound."""
        return max(self.bound - self.objective, 0.0) / max(abs(self.bound), 1e-9)


def shortfall(instance: PlacementInstance, people: NDArray[np.float64]) -> float:
    """Penalties of floors for people a week by point."""
    total = 0.0
    for floor in instance.floors:
        inside = floor.group >= 0
        covered = np.bincount(floor.group[inside], people[inside], minlength=len(floor.least))
        total += floor.penalty * float(np.maximum(floor.least - covered, 0.0).sum())
    return total
