"""A block's linear model, which grows by cuts, and what openings lose at its duals."""

from __future__ import annotations

from dataclasses import dataclass, replace

import highspy
import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from recsys.placement.blocks.block import Block
from recsys.placement.blocks.cuts import Cut, Cuts, add_rows
from recsys.placement.blocks.reach import Reach
from recsys.placement.instance import PlacementInstance
from recsys.placement.whole.tight import model

ROUNDS = 8
"""Times that a model is solved at most, with the cuts that its point breaks added in between."""

ALIKE = 0.1
"""Distance (1 less the cosine of what they could take of each point) up to which venues are alike."""


@dataclass(frozen=True)
class Solved:
    """What the linear model found: value, point, and duals."""

    value: float
    z: NDArray[np.float64]
    column_dual: NDArray[np.float64]
    row_dual: NDArray[np.float64]


class BlockModel:
    """Maximise people less the price of classes over z = (counts of classes, shares of people) of a block.

    `cuts` may be added to from outside: they are rows from the next time on that the model is solved. `groups` are
    venues that reach much the same people, each with a row that limits their classes together.
    """

    def __init__(self, instance: PlacementInstance, block: Block) -> None:
        self.instance = instance
        self.category, self.venues, self.most, self.columns = block.category, block.venues, block.most, block.columns
        self.n = len(self.venues)
        self.counts = np.arange(int(self.most.max()) + 1)
        self.seats = instance.seats[self.venues]
        self.people = self.columns.flow_demand * self.columns.flow_weight
        _, point = np.unique(self.columns.flow_point, return_inverse=True)
        self.reach = Reach(self.columns, self.seats)
        self.finder = Cuts(self.columns, self.reach, point)
        self.cuts: list[Cut] = []
        self.groups = _alike(self.finder.by_point(self.people))
        self._highs: highspy.Highs | None = None
        self._limited: dict[bytes, int] = {}
        self._n_pushed = 0
        self._index = np.arange(self.n, dtype=np.int32)

    def learn_from(self, part: BlockModel) -> None:
        """Takes over the cuts of a model whose venues are some of these: they speak of these venues' seats alone."""
        opening = np.searchsorted(self.venues, part.venues)
        flow = self.n + np.searchsorted(self.columns.flow_pair, part.columns.flow_pair)
        to = np.concatenate([opening, flow]).astype(np.int32)
        self.cuts += [replace(cut, index=to[cut.index]) for cut in part.cuts]

    def limit(self, limits: list[tuple[NDArray[np.int64], float, float]]) -> None:
        """Least and most classes of openings together, each a row of the model; what was limited before is free."""
        highs = self._grown()
        for row in self._limited.values():
            highs.changeRowBounds(row, -highspy.kHighsInf, highspy.kHighsInf)
        for index, low, high in limits:
            key = index.tobytes()
            if key not in self._limited:
                self._limited[key] = int(highs.getNumRow())
                highs.addRow(low, high, len(index), index.astype(np.int32), np.ones(len(index)))
            highs.changeRowBounds(self._limited[key], low, high)

    def set_price(self, price: NDArray[np.float64]) -> None:
        """Prices of a class, (n,)."""
        self._grown().changeColsCost(self.n, self._index, -price)

    def value(self, low: NDArray[np.float64], high: NDArray[np.float64]) -> float:
        """The value with numbers of classes within limits; -inf where there is no point at all.

        Args:
            low: (n + groups,) least classes of each opening and each of `groups`.
            high: (n + groups,) most classes.
        """
        highs = self._grown()
        highs.changeColsBounds(self.n, self._index, low[: self.n], high[: self.n])
        for k in range(self.n, len(low)):
            highs.changeRowBounds(self._first_group + k - self.n, low[k], high[k])
        highs.run()
        is_solved = highs.getModelStatus() == highspy.HighsModelStatus.kOptimal
        return float(highs.getInfo().objective_function_value) if is_solved else -np.inf

    def solve(
        self, low: NDArray[np.float64], high: NDArray[np.float64], target: float, together: bool
    ) -> Solved | None:
        """The model within limits, with the cuts that it needs; None where no plan reaches the target.

        Args:
            low: (n + groups,) least classes of each opening and each of `groups`.
            high: (n + groups,) most classes.
            target: Value of interest.
            together: Look for cuts of several venues too.
        """
        for k in range(ROUNDS):
            value = self.value(low, high)
            if value < target:
                return None
            solution = self._grown().getSolution()
            z = np.array(solution.col_value)
            cuts = self.finder.broken(z, together) if k < ROUNDS - 1 else []
            if not cuts:
                break
            self.cuts += cuts
        return Solved(value, z, np.array(solution.col_dual), np.array(solution.row_dual))

    def losses(
        self, solved: Solved, low: NDArray[np.float64], high: NDArray[np.float64]
    ) -> tuple[float, NDArray[np.float64]]:
        """A bound within limits, and (n, counts) what it loses where an opening has a given number of classes.

        With every row priced but an opening's own, each opening is a knapsack for itself, solved exactly for each
        number of classes: much sharper than its reduced cost. `low` and `high` as in `solve`.
        """
        opening, n_flows = self.columns.flow_opening, len(self.people)
        share = solved.row_dual[:n_flows]
        seat = solved.row_dual[n_flows : n_flows + self.n]
        net = (solved.column_dual[self.n :] + share) / self.columns.flow_demand + seat[opening]
        of_class = solved.column_dual[: self.n] - np.bincount(opening, share, minlength=self.n) - self.seats * seat
        worth = self.reach.knapsacks(net, self.counts) + self.counts * of_class[:, None]
        worth[(self.counts < low[: self.n, None]) | (self.counts > high[: self.n, None])] = -np.inf
        most = worth.max(axis=1)
        rest = solved.value - float(solved.z @ solved.column_dual)
        return rest + float(most.sum()), most[:, None] - worth

    def first_gains(self) -> NDArray[np.float64]:
        """(n,) people of one class alone: in no plan does a class bring more."""
        return self.reach.knapsacks(self.columns.flow_weight, self.counts[1:2])[:, 0]

    def _grown(self) -> highspy.Highs:
        """The model with all cuts so far; made when first asked for: many blocks never are."""
        if self._highs is None:
            rows, limits = self.columns.rows(self.instance, with_shared=False)
            upper = np.concatenate([self.most, np.ones(len(self.people))]).astype(float)
            self._highs = model(np.concatenate([np.zeros(self.n), self.people]), upper, 0, rows, limits)
            self._first_group = rows.shape[0]
            for group in self.groups:
                self._highs.addRow(0.0, highspy.kHighsInf, len(group), group, np.ones(len(group)))
            self._highs.setOptionValue("presolve", "off")
            self._highs.setOptionValue("solver", "simplex")
        add_rows(self._highs, self.cuts[self._n_pushed :])
        self._n_pushed = len(self.cuts)
        return self._highs


def _alike(taken: NDArray[np.float64]) -> list[NDArray[np.int32]]:
    """Groups of two or more venues that reach much the same people (average linkage): one stands in for another.

    Args:
        taken: (n_venues, n_points) people whom each could take.
    """
    if len(taken) < 2:
        return []
    length = np.linalg.norm(taken, axis=1)
    distance = np.maximum(1 - (taken @ taken.T) / np.outer(length, length), 0.0)
    np.fill_diagonal(distance, 0.0)
    label = fcluster(linkage(squareform(distance, checks=False), "average"), ALIKE, "distance")
    groups = [np.flatnonzero(label == k).astype(np.int32) for k in np.unique(label)]
    return [group for group in groups if len(group) > 1]
