"""The most even plans of a reach, classes in part: a linear programme with a column for each set of a category."""

from __future__ import annotations

import time
from collections.abc import Iterable

import highspy
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from recsys.errors import FitError, RecsysError
from recsys.openings.evenness.access import Access, places_of
from recsys.openings.evenness.class_sets import ClassSet, ClassSets, Hour
from recsys.openings.evenness.pricing import EPS, Array, Duals, best_sets

LEVELS = 20
"""Parts in which the people are taken from the least access to the most: the coefficient is a sum over them."""

MOST_ROUNDS = 60
TWICE = 0.01
"""Part of a class by which an hour's rooms may be exceeded."""

INF = highspy.kHighsInf


class TimeUpError(RecsysError):
    """The time that a programme was given ended before it was solved."""


class EvenProgramme:
    """Least Gini coefficient at a least reach, over mixtures of sets of classes, one set a category.

    The mean difference between people is four times the integral, over shares t of the people, of the mean pinball
    loss at the t-th quantile of access, which a linear programme finds; the integral is concave in t, so that sums of
    its trapezoids are never above it. The ratio that the coefficient is becomes linear by differences (Dinkelbach 1967,
    Management Science 13(7)): `ratio` is the coefficient against which plans are held.

    Columns are priced by greedy: sets of classes that would make the programme's plan more even.
    """

    def __init__(self, sets: ClassSets, access: Access, plan: Iterable[ClassSet]) -> None:
        self.sets = sets
        self.access = access
        self.columns: list[ClassSet] = []
        self._known: set[tuple[int, frozenset[Hour]]] = set()
        self._limit_row: dict[tuple[int, int], int] = {}
        self._weight = access.people / max(float(access.people.sum()), 1e-12)
        self._together, self._most = sets.search.rooms.limits()
        free = sets.search.free
        self._limited = np.flatnonzero(np.isfinite(free))
        self._slot_row = {int(v): n for n, v in enumerate(self._limited)}
        n_groups, n_levels = len(access.people), LEVELS - 1
        self._n_groups, self._n_short = n_groups, n_groups * n_levels
        self.first_column = n_groups + n_levels + self._n_short
        self._reach_row = n_groups + self._n_short
        self._first_slot = self._reach_row + 2
        self._first_category = self._first_slot + len(self._limited)
        self._highs = self._empty(free[self._limited])
        for least in sets.least:
            self.add(least)
            for venue in sets.further(least):
                self.add(sets.with_one(least, venue))
        for one in plan:
            self.add(one)
        self.hold_against(1.0)

    def _empty(self, free: Array) -> highspy.Highs:
        """Columns: access of groups, quantiles, shortfalls of groups below them. Rows: these, then the limits."""
        access, n_levels = self.access, LEVELS - 1
        share = np.arange(1, LEVELS) / LEVELS
        scale = 2.0 / LEVELS
        self._spread_of = scale * share.sum() * self._weight
        cost = np.concatenate([self._spread_of, -scale * share, scale * np.tile(self._weight, n_levels)])
        eye = sparse.eye_array(self._n_groups)
        below = sparse.hstack(
            [
                sparse.vstack([eye] * n_levels),
                -sparse.kron(sparse.eye_array(n_levels), np.ones((self._n_groups, 1))),
                sparse.eye_array(self._n_short),
            ]
        )
        limits = sparse.csr_array((2 + len(free) + len(self.sets.least), self.first_column))
        rest = sparse.csr_array((self._n_groups, self.first_column - self._n_groups))
        rows = sparse.csr_array(sparse.vstack([sparse.hstack([eye, rest]), below, limits], format="csr"))
        must = np.array([1.0 if one.openings else -INF for one in self.sets.least])
        none = np.zeros(self._n_short)
        lower = [access.now, none, np.array([0.0, -INF]), np.full(len(free), -INF), must]
        upper = [access.now, none + INF, np.array([INF, self.sets.choices.spendable]), free, np.ones(len(must))]
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = self.first_column, rows.shape[0]
        lp.col_cost_, lp.col_lower_ = cost, np.zeros(self.first_column)
        lp.col_upper_ = np.full(self.first_column, INF)
        lp.row_lower_, lp.row_upper_ = np.concatenate(lower), np.concatenate(upper)
        lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = rows.indptr, rows.indices, rows.data
        highs = highspy.Highs()  # type: ignore[no-untyped-call]
        highs.setOptionValue("output_flag", False)
        highs.setOptionValue("threads", 1)
        highs.passModel(lp)
        return highs

    def add(self, one: ClassSet | None) -> bool:
        """Adds a set as a column unless it is empty or one of the same hours is there; whether it was added."""
        if one is None or not one.openings or (one.category, frozenset(one.hours)) in self._known:
            return False
        self._known.add((one.category, frozenset(one.hours)))
        adds = self.access.per_place @ places_of(one.openings, self.sets.allowed.shape[1])
        some = np.flatnonzero(adds)
        slots = [self._first_slot + self._slot_row[v] for v in one.venues if v in self._slot_row]
        slots += [row for limit, row in self._limit_row.items() if self._counts(one, *limit)]
        shared = [self._reach_row, self._reach_row + 1, *slots, self._first_category + one.category]
        cost = len(one.openings) * float(self.sets.choices.costs[one.category])
        value = np.concatenate([-adds[some], [one.reach, cost], np.ones(len(slots) + 1)])
        index = np.concatenate([some, shared]).astype(np.int32)
        self._highs.addCol(0.0, 0.0, INF, len(index), index, value)
        self.columns.append(one)
        return True

    def hold_against(self, ratio: float) -> None:
        """Sets the coefficient against which plans are held."""
        self.ratio = ratio
        groups = np.arange(self._n_groups, dtype=np.int32)
        self._highs.changeColsCost(self._n_groups, groups, self._spread_of - ratio * self._weight)

    def at_least(self, reach: float) -> None:
        """Sets the least reach, people a week."""
        self._highs.changeRowBounds(self._reach_row, reach, INF)

    def only(self, most: Array, must: NDArray[np.bool_]) -> None:
        """Bounds the columns' shares above, and says which categories must have classes."""
        n = len(most)
        columns = np.arange(self.first_column, self.first_column + n, dtype=np.int32)
        self._highs.changeColsBounds(n, columns, np.zeros(n), most)
        for category, least in enumerate(self.sets.least):
            fewest = 1.0 if must[category] or least.openings else -INF
            self._highs.changeRowBounds(self._first_category + category, fewest, 1.0)

    def solve(self, until: float = np.inf) -> tuple[float, Array] | None:
        """The coefficient that no plan of the columns is below, to first order about `ratio`, and columns' shares.

        None where no plan is within the limits.

        Args:
            until: Time (`time.monotonic`) after which it is given up.

        Raises:
            TimeUpError: it was given up.
            FitError: HiGHS ended without an answer.
        """
        left = until - time.monotonic()
        if left <= 0:
            raise TimeUpError("no time is left for the programme")
        self._highs.setOptionValue("time_limit", self._highs.getRunTime() + left)
        status = self._run()
        if status == highspy.HighsModelStatus.kInfeasible:
            return None
        if status == highspy.HighsModelStatus.kTimeLimit:
            raise TimeUpError(f"the programme was not solved within {left:.3f} s")
        if status != highspy.HighsModelStatus.kOptimal:
            raise FitError(f"the programme of even plans has no answer: {self._highs.modelStatusToString(status)}")
        values = np.array(self._highs.getSolution().col_value)
        mean = float(self._weight @ values[: self._n_groups])
        less = float(self._highs.getInfo().objective_function_value)
        return self.ratio + less / max(mean, 1e-12), values[self.first_column :]

    def _run(self) -> highspy.HighsModelStatus:
        """How HiGHS ended. From the basis of the last solution it may end without an answer: then without that."""
        self._highs.run()
        if self._highs.getModelStatus() == highspy.HighsModelStatus.kUnknown:
            self._highs.clearSolver()
            self._highs.run()
        return self._highs.getModelStatus()

    def relaxed(self, reach: float, until: float) -> float | None:
        """The least coefficient of mixtures of sets at a reach, found with the sets that make it; None without any.

        Where the time (`time.monotonic`) ends before, that of the sets known so far.

        Raises:
            TimeUpError: the time ended before the sets that are known were looked at.
            FitError: see `solve`.
        """
        self.at_least(reach)
        found = self.solve(until)
        for _ in range(MOST_ROUNDS):
            if found is None:
                return None
            is_near = abs(found[0] - self.ratio) < EPS
            self.hold_against(found[0])
            if time.monotonic() > until:
                break
            is_whole = not self._part_hours(found[1])
            if not self.price() and is_whole and is_near:
                break
            try:
                found = self.solve(until)
            except TimeUpError:
                break
        return self.ratio

    def duals(self) -> Duals:
        """Those of the last solution."""
        dual = np.array(self._highs.getSolution().row_dual)
        n_venues, n_slots = self.sets.search.slot_gain.shape[1:]
        slot = np.zeros(n_venues)
        slot[self._limited] = dual[self._first_slot : self._first_category]
        money = dual[self._reach_row + 1] * self.sets.choices.costs
        hours: dict[int, Array] = {}
        for (venue, limit), row in self._limit_row.items():
            hours.setdefault(venue, np.zeros(n_slots))[self._together[limit]] += dual[row]
        return Duals(
            reach=float(dual[self._reach_row]),
            place=-np.asarray(dual[: self._n_groups] @ self.access.per_place, dtype=np.float64),
            start=money[:, None] + slot[None, :],
            category=dual[self._first_category : self._first_category + len(self.sets.least)],
            hours=hours,
        )

    def price(self) -> bool:
        """Adds sets that make the last solution's plan more even; whether any was found."""
        duals, n_before = self.duals(), len(self.columns)
        for category in range(len(self.sets.least)):
            for one in best_sets(self.sets, duals, category):
                if duals.net(one) > EPS:
                    self.add(one)
        return len(self.columns) > n_before

    def _part_hours(self, shares: Array) -> bool:
        """Limits classes to the rooms there are where the shares of columns need more at an hour."""
        used: dict[int, Array] = {}
        for one, share in zip(self.columns, shares, strict=False):
            for venue, slot in one.hours if share > EPS else ():
                used.setdefault(venue, np.zeros(self._together.shape[1]))[slot] += share
        over = {v: np.flatnonzero(self._together @ of > self._most[v] + TWICE).tolist() for v, of in used.items()}
        more = [(v, n) for v, limits in over.items() for n in limits if (v, n) not in self._limit_row]
        for venue, limit in more:
            inside = [self.first_column + n for n, one in enumerate(self.columns) if self._counts(one, venue, limit)]
            self._limit_row[venue, limit] = int(self._highs.getNumRow())
            most = float(self._most[venue, limit])
            self._highs.addRow(-INF, most, len(inside), np.array(inside, dtype=np.int32), np.ones(len(inside)))
        return bool(more)

    def _counts(self, one: ClassSet, venue: int, limit: int) -> bool:
        """Whether a class of a set counts towards a limit of `Rooms.limits` at a venue."""
        return any(at == venue and self._together[limit, slot] for at, slot in one.hours)
