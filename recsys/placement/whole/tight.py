"""The whole model, or a block of it, as one tightened mixed-integer programme for HiGHS."""

from __future__ import annotations

import time
from dataclasses import dataclass

import highspy
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from recsys.errors import FitError
from recsys.placement.instance import Placement, PlacementInstance


@dataclass(frozen=True)
class Columns:
    """Variables of a model over some (category, venue) pairs.

    Attributes:
        category: (n_openings,) category of each count of classes.
        venue: (n_openings,) its venue.
        most: (n_openings,) its ceiling.
        flow_opening: (n_flows,) opening that people are assigned to.
        flow_pair: (n_flows,) its pair in the instance.
        flow_point: (n_flows,) point that they come from.
        flow_weight: (n_flows,) share that comes.
        flow_demand: (n_flows,) demand of the point for the category.
    """

    category: NDArray[np.int64]
    venue: NDArray[np.int64]
    most: NDArray[np.int64]
    flow_opening: NDArray[np.int64]
    flow_pair: NDArray[np.int64]
    flow_point: NDArray[np.int64]
    flow_weight: NDArray[np.float64]
    flow_demand: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        instance: PlacementInstance,
        category: NDArray[np.int64],
        venue: NDArray[np.int64],
        most: NDArray[np.int64],
        left: NDArray[np.float64] | None = None,
    ) -> Columns:
        """Columns of the openings given; flows of no demand are left out.

        Args:
            instance: What to choose from.
            category: (n_openings,) categories.
            venue: (n_openings,) venues.
            most: (n_openings,) most classes.
            left: (n_points, n_categories) demand, where it is not the instance's.
        """
        starts = np.searchsorted(instance.pair_venue, np.arange(instance.n_venues + 1))
        counts = (starts[1:] - starts[:-1])[venue]
        opening = np.repeat(np.arange(len(venue)), counts)
        pair = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + starts[venue][opening]
        point = instance.pair_point[pair]
        demand = (instance.demand if left is None else left)[point, category[opening]]
        some = demand > 1e-12
        return cls(
            category,
            venue,
            most,
            opening[some],
            pair[some],
            point[some],
            instance.pair_weight[pair][some],
            demand[some],
        )

    def rows(self, instance: PlacementInstance, with_shared: bool) -> tuple[sparse.csr_array, NDArray[np.float64]]:
        """Rows `A z <= b`, z = (counts of classes, people assigned in shares of the point's demand).

        Tightened: a share is at most the number of classes there (not only all shares by seats), so that the linear
        relaxation must open a venue whole to serve a point whole.
        """
        parts = [self._by_class(), self._by_seats(instance), self._by_point(instance)]
        limits = [np.zeros(len(self.flow_point)), np.zeros(len(self.category)), np.ones(parts[2].shape[0])]
        if with_shared:
            parts.append(self._shared(instance))
            teachers = np.minimum(instance.teachers, 1e9)
            limits.append(np.concatenate([instance.slots.astype(float), teachers, [instance.budget]]))
        return sparse.csr_array(sparse.vstack(parts, format="csr")), np.concatenate(limits)

    def flow_rows(self, instance: PlacementInstance) -> tuple[sparse.csr_array, NDArray[np.float64]]:
        """Those of `rows` that are left where each opening has its `most` classes: of shares alone."""
        rows = sparse.csr_array(sparse.vstack([self._people(), self._shares(instance)], format="csr"))
        n_points = rows.shape[0] - len(self.category)
        return rows, np.concatenate([instance.seats[self.venue] * self.most, np.ones(n_points)])

    def _by_class(self) -> sparse.csr_array:
        """A point's share is at most the number of classes there."""
        n_open, n_flow = len(self.category), len(self.flow_point)
        flows, ones = np.arange(n_flow), np.ones(n_flow)
        classes = sparse.csr_array((-ones, (flows, self.flow_opening)), shape=(n_flow, n_open))
        return sparse.hstack([classes, sparse.csr_array((ones, (flows, flows)), shape=(n_flow, n_flow))])

    def _by_seats(self, instance: PlacementInstance) -> sparse.csr_array:
        """People assigned to an opening have seats in its classes."""
        return sparse.hstack([sparse.diags_array(-instance.seats[self.venue], format="csr"), self._people()])

    def _people(self) -> sparse.csr_array:
        """(n_openings, n_flows) people of a whole share."""
        return _by_row(self.flow_opening, self.flow_demand, len(self.category))

    def _by_point(self, instance: PlacementInstance) -> sparse.csr_array:
        """Shares of a point's demand for a category are at most 1 together."""
        shares = self._shares(instance)
        return sparse.hstack([sparse.csr_array((shares.shape[0], len(self.category))), shares])

    def _shares(self, instance: PlacementInstance) -> sparse.csr_array:
        """(n_points of a category, n_flows) which flows begin there."""
        key = self.flow_point * instance.n_categories + self.category[self.flow_opening]
        _, row = np.unique(key, return_inverse=True)
        return _by_row(row, np.ones(len(row)), int(row.max(initial=-1)) + 1)

    def _shared(self, instance: PlacementInstance) -> sparse.csr_array:
        """Slots of venues, teachers of categories, and the budget."""
        openings, ones = np.arange(len(self.category)), np.ones(len(self.category))
        parts = [
            sparse.csr_array((ones, (self.venue, openings)), shape=(instance.n_venues, len(openings))),
            sparse.csr_array((ones, (self.category, openings)), shape=(instance.n_categories, len(openings))),
            sparse.csr_array(instance.cost[self.category, self.venue][None, :]),
        ]
        shared = sparse.vstack(parts)
        return sparse.hstack([shared, sparse.csr_array((shared.shape[0], len(self.flow_point)))])


def _by_row(row: NDArray[np.int64], values: NDArray[np.float64], n_rows: int) -> sparse.csr_array:
    """(n_rows, n) with one value a column, in its row."""
    order = np.argsort(row, kind="stable")
    ends = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=n_rows))])
    return sparse.csr_array((values[order], order, ends), shape=(n_rows, len(row)))


def model(
    cost: NDArray[np.float64],
    upper: NDArray[np.float64],
    n_integer: int,
    rows: sparse.csr_array,
    limits: NDArray[np.float64],
    seconds: float = np.inf,
    gap: float = 0.0,
) -> highspy.Highs:
    """A maximisation for HiGHS over `0 <= z <= upper`, `rows z <= limits`, the first `n_integer` whole."""
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = rows.shape[1], rows.shape[0]
    lp.sense_ = highspy.ObjSense.kMaximize
    lp.col_cost_, lp.col_lower_, lp.col_upper_ = cost, np.zeros(len(cost)), upper
    lp.row_lower_, lp.row_upper_ = np.full(len(limits), -highspy.kHighsInf), limits
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = rows.indptr, rows.indices, rows.data
    if n_integer:
        lp.integrality_ = [
            highspy.HighsVarType.kInteger if k < n_integer else highspy.HighsVarType.kContinuous
            for k in range(len(cost))
        ]
    highs = highspy.Highs()  # type: ignore[no-untyped-call]
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("threads", 1)
    highs.setOptionValue("random_seed", 1)
    highs.setOptionValue("mip_rel_gap", gap)
    highs.setOptionValue("mip_abs_gap", 1e-7)
    if np.isfinite(seconds):
        highs.setOptionValue("time_limit", float(seconds))
    highs.passModel(lp)
    return highs


def only_prove(highs: highspy.Highs) -> None:
    """Whole plans are sought by branching alone: where models are small, looking for plans costs more than it saves."""
    for option in ("mip_detect_symmetry", "mip_allow_restart", "mip_heuristic_run_feasibility_jump"):
        highs.setOptionValue(option, False)
    highs.setOptionValue("mip_heuristic_effort", 0.0)


def solve_whole(instance: PlacementInstance, seconds: float, gap: float = 1e-6) -> Placement:
    """The whole tightened model in one: slow on large instances, exact on small ones.

    Raises:
        FitError: HiGHS found no plan at all within the time.
    """
    began = time.perf_counter()
    most = instance.most_classes()
    category, venue = np.nonzero(most)
    columns = Columns.of(instance, category, venue, most[category, venue])
    rows, limits = columns.rows(instance, with_shared=True)
    people = columns.flow_demand * columns.flow_weight
    rows, limits, penalties = with_floors(instance, columns, rows, limits, people, len(category))
    cost = np.concatenate([np.zeros(len(category)), people, -penalties])
    upper = np.concatenate([columns.most, np.ones(len(people)), np.full(len(penalties), np.inf)])
    highs = model(cost, upper, len(category), rows, limits, seconds, gap)
    highs.run()
    if highs.getInfo().primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
        raise FitError(f"no plan found within {seconds:g} s: {highs.modelStatusToString(highs.getModelStatus())}")
    solution = np.array(highs.getSolution().col_value)
    classes = np.zeros(most.shape, dtype=np.int64)
    classes[category, venue] = np.round(solution[: len(category)]).astype(np.int64)
    flow = solution[len(category) : len(category) + len(people)] * people
    by_point = np.bincount(columns.flow_point, flow, minlength=len(instance.demand)).astype(np.float64)
    info = highs.getInfo()
    short = float(penalties @ solution[len(category) + len(people) :])
    bound = float(info.mip_dual_bound)
    return Placement(classes, by_point, float(flow.sum()), short, bound, time.perf_counter() - began, "whole model")


def with_floors(
    instance: PlacementInstance,
    columns: Columns,
    rows: sparse.csr_array,
    limits: NDArray[np.float64],
    people: NDArray[np.float64],
    n_open: int,
) -> tuple[sparse.csr_array, NDArray[np.float64], NDArray[np.float64]]:
    """Rows, limits and penalties with the floors: a last column for each group's people short of its least.

    `n_open` is the number of columns before those of shares.
    """
    penalties: list[float] = []
    extra, least = [], []
    n_short = sum(len(f.least) for f in instance.floors)
    for floor in instance.floors:
        group = floor.group[columns.flow_point]
        inside = np.flatnonzero(group >= 0)
        n = len(floor.least)
        covered = sparse.csr_array(
            (-people[inside], (group[inside], n_open + inside)), shape=(n, n_open + len(people) + n_short)
        )
        places = n_open + len(people) + len(penalties) + np.arange(n)
        extra.append(covered - sparse.csr_array((np.ones(n), (np.arange(n), places)), shape=covered.shape))
        least.append(-floor.least)
        penalties += [floor.penalty] * n
    if not extra:
        return rows, limits, np.zeros(0)
    wide = sparse.hstack([rows, sparse.csr_array((rows.shape[0], n_short))])
    whole = sparse.csr_array(sparse.vstack([wide, *extra], format="csr"))
    return whole, np.concatenate([limits, *least]), np.array(penalties)
