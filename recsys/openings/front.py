"""Reach against evenness: plans that none beats in both, found by exchanges from the plan of most people."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.openings.access import Access, By, access_of, places_of
from recsys.openings.inputs import OpeningInputs
from recsys.openings.question import Choice, Choices, Question
from recsys.openings.search import Search
from recsys.openings.suggest import solve, totals
from recsys.openings.value import Audience, Opening

LOSSES = np.concatenate([np.arange(0.0, 0.05, 0.0025), np.arange(0.05, 0.1, 0.005), np.arange(0.1, 0.251, 0.01)])
"""Lower edges of the bands of reach lost, in each of which the most even plan is kept and gone on from.

Fine where planners look (a quarter of a per cent up to 5 %), coarser beyond, and no further than a quarter: who gives
up more asks for floors.
"""

PER_BAND = 3
"""Exchanges of a plan tried exactly in each band: both are known to first order only, so not the best alone."""

COLUMNS = ["expected_attendance", "newly_reached", "gini", "classes", "opens"]

Classes = tuple[Opening, ...]


@dataclass(frozen=True)
class Front:
    """Plans from most reach to most even.

    Attributes:
        table: Rows as in `COLUMNS`; `opens` are the plan's classes as choices.
        gini_now: Gini coefficient before any opening.
        access: What is measured.
        is_complete: False where the time ran out while exchanges still helped.
    """

    table: pd.DataFrame
    gini_now: float
    access: Access
    is_complete: bool


def pareto_front(
    inputs: OpeningInputs,
    question: Question,
    n_points: int = 20,
    by: By = "township",
    catchment_km: float | None = None,
    seconds: float = 4.0,
) -> Front:
    """Reach (expected attendance) against the Gini coefficient of accessibility, none worse in both than another.

    Pareto local search (Paquete, Chiarandini & Stützle 2004): from the plan of most people, one class exchanged for
    another; in each band of reach lost the most even plan is kept and gone on from. People live together in it
    (`Condensed`); plans of the front are then valued person by person. Weights, floors and samples of the question are
    left aside: here evenness is what is weighed.

    Args:
        inputs: What is known.
        question: Limits of every plan.
        n_points: Most plans in the answer.
        by: Groups between which access should be even.
        catchment_km: See `access_of`.
        seconds: Time after which the search ends.
    """
    until = time.monotonic() + seconds
    plain = question.model_copy(
        update={"region_weights": {}, "age_weights": {}, "floors": (), "over_samples": False, "effort": "fast"}
    )
    inputs, opened = solve(inputs, plain)
    asked = plain.model_copy(update={"close": ()})
    access = access_of(inputs, by, catchment_km)
    search = _Exchanges(inputs.together.inputs, asked, access, until)
    # Plans that count the same taken together may differ person by person: the first one stays.
    plans = [tuple(opened), *search.run(tuple(opened))]
    rows = [(*totals(inputs, plan), access.gini(plan), len(plan), _choices(inputs, plan)) for plan in plans]
    table = _thinned(_undominated(pd.DataFrame(rows, columns=COLUMNS)), n_points)
    return Front(table, access.gini(()), access, search.is_complete)


@dataclass(frozen=True)
class _Group:
    """The classes of one category in a plan: what they bring, without each of them, and beside each further one."""

    reach: float
    without: NDArray[np.float64]
    further: Classes


@dataclass(frozen=True)
class _Plan:
    classes: Classes
    reach: float
    gini: float


class _Exchanges:
    """The search of one question."""

    def __init__(self, inputs: OpeningInputs, question: Question, access: Access, until: float) -> None:
        self.inputs = inputs
        self.access = access
        self.until = until
        self.choices = Choices(inputs, question)
        self.search = Search(inputs, self.choices)
        self.is_complete = False
        self._groups: dict[tuple[int, Classes], _Group] = {}
        self._reach: dict[tuple[int, Classes], float] = {}
        self._seen: set[frozenset[tuple[int, int]]] = set()
        self._most = 0.0
        self._bands: list[_Plan | None] = [None] * len(LOSSES)

    def run(self, start: Classes) -> list[Classes]:
        """Plans of all bands."""
        first = self._plan(start)
        self._most, self._bands[0] = max(first.reach, 1e-9), first
        explored: set[_Plan] = set()
        while True:
            waiting = [plan for plan in self._bands if plan is not None and plan not in explored]
            if not waiting or time.monotonic() > self.until:
                self.is_complete = not waiting
                break
            for plan in waiting:
                if time.monotonic() > self.until:
                    break
                explored.add(plan)
                self._explore(plan)
        return [plan.classes for plan in self._bands if plan is not None]

    def _plan(self, classes: Classes) -> _Plan:
        classes = tuple(sorted(classes, key=lambda o: (o.category, o.venue)))
        reach = sum(self._reach_of(c, _of(classes, c)) for c in {o.category for o in classes})
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
        at_venue = {o.slot for o in kept if o.venue == comes.venue}
        if comes.slot in at_venue:
            self.search.slots_used = {(comes.venue, slot) for slot in at_venue}
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
        fits = spent - cost[out][:, None] + cost[new][None, :] <= question.budget + 1e-9
        taught = np.bincount([o.category for o in plan.classes], minlength=len(cost))
        fits &= (out[:, None] == new[None, :]) | (taught + 1 <= choices.teachers)[new][None, :]
        n_venues = len(self.inputs.venues)
        at = np.bincount([o.venue for o in plan.classes], minlength=n_venues)
        free = self.search.free - at >= 1
        from_venue, to_venue = np.array([o.venue for o in leaving]), np.array([o.venue for o in coming])
        fits &= (from_venue[:, None] == to_venue[None, :]) | free[to_venue][None, :]
        return np.asarray(fits & (np.array([o.attendance for o in coming]) >= question.min_attendance)[None, :])

    def _reach_of(self, category: int, classes: Classes) -> float:
        key = category, classes
        if key not in self._reach:
            audience, reach = Audience(self.inputs), 0.0
            for o in classes:
                reach += audience.opening(category, o.venue, o.slot, o.size).attendance
                audience.take(o)
            self._reach[key] = reach
        return self._reach[key]

    def _group(self, category: int, classes: Classes) -> _Group:
        key = category, classes
        if key not in self._groups:
            reach = self._reach_of(category, classes)
            without = [reach - self._reach_of(category, tuple(x for x in classes if x is not o)) for o in classes]
            self._groups[key] = _Group(reach, np.array(without), self._further(category, classes))
        return self._groups[key]

    def _further(self, category: int, classes: Classes) -> Classes:
        """Every class that may be opened beside those of its category."""
        audience = self.search.audience
        audience.forget(category)
        for o in classes:
            audience.take(o)
        self.search.slots_used = set()
        open_at = {o.venue for o in classes}
        tried = [v for v in np.flatnonzero(self.choices.allowed[category]).tolist() if v not in open_at]
        found = tuple(c for v in tried if (c := self.search.best_at(category, v)) is not None)
        audience.forget(category)
        return found


def _of(classes: Classes, category: int) -> Classes:
    return tuple(o for o in classes if o.category == category)


def _choices(inputs: OpeningInputs, plan: Classes) -> tuple[Choice, ...]:
    venues = inputs.venues["venue_id"].to_numpy(dtype=object)
    ordered = sorted(plan, key=lambda o: -o.attendance)
    return tuple(Choice(category=str(inputs.categories[o.category]), venue_id=str(venues[o.venue])) for o in ordered)


def _undominated(frame: pd.DataFrame) -> pd.DataFrame:
    reach, spread = frame["expected_attendance"].to_numpy(), frame["gini"].to_numpy()
    at_least = (reach[None, :] >= reach[:, None]) & (spread[None, :] <= spread[:, None])
    beaten = at_least & ((reach[None, :] > reach[:, None]) | (spread[None, :] < spread[:, None]))
    front = frame[~beaten.any(axis=1)].drop_duplicates(["expected_attendance", "gini"])
    return front.sort_values("expected_attendance", ascending=False, ignore_index=True)


def _thinned(front: pd.DataFrame, n_points: int) -> pd.DataFrame:
    """About evenly spaced in the Gini coefficient; both ends stay."""
    if len(front) <= n_points:
        return front
    spread = front["gini"].to_numpy()
    wanted = np.linspace(spread[0], spread[-1], max(n_points, 1))
    return front.iloc[np.unique([int(np.argmin(np.abs(spread - w))) for w in wanted])].reset_index(drop=True)
