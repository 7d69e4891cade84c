"""Plans that trade reach for evenness, made better by exchanging one class for another."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.openings.classes.value import Audience, Opening
from recsys.openings.evenness.access import Access, places_of
from recsys.openings.learned.inputs import OpeningInputs
from recsys.openings.plans.search import Search
from recsys.openings.question import Choices, Question

LOSSES = np.concatenate([np.arange(0.0, 0.05, 0.0025), np.arange(0.05, 0.1, 0.005), np.arange(0.1, 0.251, 0.01)])
"""Lower edges of the bands of reach lost, in each of which the most even plan is kept and gone on from.

Fine where planners look (a quarter of a per cent up to 5 %), coarser beyond, and no further than a quarter: who gives
up more asks for floors.
"""

PER_BAND = 3
"""Exchanges of a plan tried exactly in each band: both are known to first order only, so not the best alone."""

Classes = tuple[Opening, ...]


@dataclass(frozen=True)
class _Group:
    """The classes of one category in a plan: what each of them adds, and what each further one would."""

    without: NDArray[np.float64]
    further: Classes


@dataclass(frozen=True)
class _Plan:
    classes: Classes
    reach: float
    gini: float


class Exchanges:
    """The most even plan known of each band of reach lost, against the plan of most people known.

    Pareto local search (Paquete, Chiarandini & Stützle 2004): one class is exchanged for another, and the plans that
    are kept are gone on from. What an exchange brings is guessed on people who live together (`Condensed`), what a plan
    brings is counted person by person.
    """

    def __init__(self, exact: OpeningInputs, question: Question, access: Access) -> None:
        self.inputs = inputs = exact.together.inputs
        self.access = access
        self.choices = Choices(inputs, question)
        self.search = Search(inputs, self.choices)
        self._groups: dict[tuple[int, Classes], _Group] = {}
        self._reach: dict[tuple[int, int, Classes], float] = {}
        self._exact, self._near = Audience(exact), Audience(inputs)
        self._seen: set[frozenset[tuple[int, int]]] = set()
        self._most = 1e-9
        self._bands: list[_Plan | None] = [None] * len(LOSSES)

    def run(self, until: float) -> bool:
        """Exchanges while they help, until a time (`time.monotonic`); False where that ended it."""
        explored: set[_Plan] = set()
        while True:
            waiting = [plan for plan in self._bands if plan is not None and plan not in explored]
            if not waiting or time.monotonic() > until:
                return not waiting
            for plan in waiting:
                if time.monotonic() > until:
                    break
                explored.add(plan)
                self._explore(plan)

    @property
    def kept(self) -> list[Classes]:
        """The plans, most reach first."""
        return [plan.classes for plan in self._bands if plan is not None]

    @property
    def most(self) -> float:
        """People a week of the plan of most people."""
        return self._most

    def offer(self, classes: Classes) -> float:
        """Keeps a plan if it is more even than every plan with as much reach; people a week who come."""
        plan = self._plan(classes)
        self._offer(plan)
        return plan.reach

    def lowest_at(self, loss: float) -> float:
        """The least Gini coefficient of plans that lose no more than a share of the reach."""
        inside = [p.gini for p in self._bands if p is not None and p.reach >= (1 - loss) * self._most]
        return min(inside, default=np.inf)

    def _plan(self, classes: Classes) -> _Plan:
        classes = tuple(sorted(classes, key=lambda o: (o.category, -o.size, o.venue)))
        reach = sum(self._reach_of(c, _of(classes, c), self._exact) for c in {o.category for o in classes})
        return _Plan(classes, reach, self.access.gini(classes))

    def _offer(self, plan: _Plan) -> None:
        """Keeps a plan that is more even than every plan with as much reach."""
        if plan.reach > self._most:
            self._most = plan.reach
            kept, self._bands = [p for p in self._bands if p is not None], [None] * len(LOSSES)
            for other in [plan, *kept]:
                self._offer(other)
            return
        band = self._band(np.array([plan.reach]))[0]
        if band < 0:
            return
        if all(p is None or plan.gini < p.gini - 1e-12 for p in self._bands[: band + 1]):
            self._bands[band] = plan

    def _band(self, reach: NDArray[np.float64]) -> NDArray[np.int64]:
        loss = np.maximum(1 - reach / self._most, 0.0)
        band = np.searchsorted(LOSSES, loss, side="right") - 1
        return np.where(loss <= LOSSES[-1] + 0.01, band, -1)

    def _explore(self, plan: _Plan) -> None:
        """Offers the best exchanges of each band, judged to first order, then exactly."""
        fixed = set(self.choices.fixed)
        stays = np.array([(o.category, o.venue) in fixed for o in plan.classes], dtype=bool)
        leaving = [o for o, is_fixed in zip(plan.classes, stays, strict=True) if not is_fixed]
        coming = [o for c in range(len(self.inputs.categories)) for o in self._group(c, _of(plan.classes, c)).further]
        if not leaving or not coming:
            return
        lost = np.concatenate(
            [self._group(c, _of(plan.classes, c)).without for c in sorted({o.category for o in plan.classes})]
        )[~stays]
        reach = plan.reach - lost[:, None] + np.array([o.attendance for o in coming])[None, :]
        reach = np.where(self._fits(plan, leaving, coming), reach, -np.inf)
        for leaves, comes in self._better(plan, leaving, coming, reach):
            self._exchange(plan, leaving[leaves], coming[comes])

    def _lowest(self) -> NDArray[np.float64]:
        """(n_bands,) least Gini coefficient of plans that lose no more than a band."""
        return np.minimum.accumulate([np.inf if p is None else p.gini for p in self._bands])

    def _better(
        self, plan: _Plan, leaving: list[Opening], coming: list[Opening], reach: NDArray[np.float64]
    ) -> list[tuple[int, int]]:
        """Pairs that promise more reach than any plan, or to be the most even of a band: the best few of each."""
        n_venues = len(self.inputs.venues)
        places, band, lowest = places_of(plan.classes, n_venues), self._band(reach), self._lowest()
        slope = self.access.slope(places)
        out, new = (np.array([slope[o.venue] * o.size for o in side]) for side in (leaving, coming))
        # To first order the coefficient is never above the true one: it is convex where the mean stays.
        even = plan.gini + new[None, :] - out[:, None]
        leaves, comes = np.nonzero((band >= 0) & (even < lowest[band]))
        order = np.lexsort((even[leaves, comes], band[leaves, comes]))
        leaves, comes = leaves[order], comes[order]
        of_band = band[leaves, comes]
        few = np.arange(len(of_band)) - np.searchsorted(of_band, of_band) < PER_BAND
        leaves, comes, of_band = leaves[few], comes[few], of_band[few]
        after = np.tile(places, (len(leaves), 1))
        for n, (gone, new_one) in enumerate(zip(leaves.tolist(), comes.tolist(), strict=True)):
            after[n, leaving[gone].venue] -= leaving[gone].size
            after[n, coming[new_one].venue] += coming[new_one].size
        good = self.access.ginis(after) < lowest[of_band]
        more = np.argsort(-reach, axis=None)[:PER_BAND]
        more = more[reach.ravel()[more] > self._most]
        pairs = zip(leaves[good].tolist(), comes[good].tolist(), strict=True)
        return [*pairs, *(divmod(int(k), len(coming)) for k in more)]

    def _exchange(self, plan: _Plan, leaves: Opening, comes: Opening) -> None:
        kept = tuple(o for o in plan.classes if o is not leaves)
        pairs = frozenset((o.category, o.venue) for o in (*kept, comes))
        if pairs in self._seen:
            return
        self._seen.add(pairs)
        self.search.rooms.clear()
        for o in kept:
            self.search.rooms.take(o.venue, o.slot)
        if not self.search.rooms.free(comes.venue)[comes.slot]:
            instead = self.search.best_at(comes.category, comes.venue)
            if instead is None:
                return
            comes = instead
        self._offer(self._plan((*kept, comes)))

    def _fits(self, plan: _Plan, leaving: list[Opening], coming: list[Opening]) -> NDArray[np.bool_]:
        """(n_leaving, n_coming) within the budget, the teachers, the free slots and the least attendance."""
        question, choices = self.choices.question, self.choices
        out, new = np.array([o.category for o in leaving]), np.array([o.category for o in coming])
        cost = choices.costs
        spent = float(cost[[o.category for o in plan.classes]].sum())
        fits = spent - cost[out][:, None] + cost[new][None, :] <= choices.spendable
        taught = np.bincount([o.category for o in plan.classes], minlength=len(cost))
        fits &= (out[:, None] == new[None, :]) | (taught + 1 <= choices.teachers)[new][None, :]
        n_venues = len(self.inputs.venues)
        at = np.bincount([o.venue for o in plan.classes], minlength=n_venues)
        free = self.search.free - at >= 1
        from_venue, to_venue = np.array([o.venue for o in leaving]), np.array([o.venue for o in coming])
        fits &= (from_venue[:, None] == to_venue[None, :]) | free[to_venue][None, :]
        return np.asarray(fits & (np.array([o.attendance for o in coming]) >= question.min_attendance)[None, :])

    def _reach_of(self, category: int, classes: Classes, of: Audience) -> float:
        key = id(of), category, classes
        if key not in self._reach:
            of.forget(category)
            reach = 0.0
            for o in classes:
                reach += of.opening(category, o.venue, o.slot, o.size).attendance
                of.take(o)
            of.forget(category)
            self._reach[key] = reach
        return self._reach[key]

    def _group(self, category: int, classes: Classes) -> _Group:
        key = category, classes
        if key not in self._groups:
            reach = self._reach_of(category, classes, self._near)
            others = [tuple(x for x in classes if x is not o) for o in classes]
            without = [reach - self._reach_of(category, some, self._near) for some in others]
            self._groups[key] = _Group(np.array(without), self._further(category, classes))
        return self._groups[key]

    def _further(self, category: int, classes: Classes) -> Classes:
        """Every class that may be opened beside those of its category."""
        audience = self.search.audience
        audience.forget(category)
        for o in classes:
            audience.take(o)
        self.search.rooms.clear()
        open_at = {o.venue for o in classes}
        tried = [v for v in np.flatnonzero(self.choices.allowed[category]).tolist() if v not in open_at]
        found = tuple(c for v in tried if (c := self.search.best_at(category, v)) is not None)
        audience.forget(category)
        return found


def _of(classes: Classes, category: int) -> Classes:
    return tuple(o for o in classes if o.category == category)
