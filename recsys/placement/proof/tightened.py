"""The linear model of all blocks together, tightened by cuts: prices for the search of single blocks."""

from __future__ import annotations

import highspy
import numpy as np
from numpy.typing import NDArray

from recsys.placement.blocks.cuts import WHOLE, Cut, add_rows
from recsys.placement.blocks.model import BlockModel
from recsys.placement.instance import PlacementInstance
from recsys.placement.whole.prices import Prices
from recsys.placement.whole.tight import Columns, model


class TightenedModel:
    """Blocks side by side with the rows that they share; cuts are found block by block and kept there too."""

    def __init__(self, instance: PlacementInstance, blocks: list[BlockModel]) -> None:
        self.instance = instance
        self.blocks = blocks
        n_open = np.array([b.n for b in blocks])
        n_flows = np.array([len(b.people) for b in blocks])
        self._opening = np.concatenate([[0], np.cumsum(n_open)])
        self._flow = self._opening[-1] + np.concatenate([[0], np.cumsum(n_flows)])
        self._category = category = np.repeat([b.category for b in blocks], n_open)
        self._venue = np.concatenate([b.venues for b in blocks])
        columns = Columns.of(instance, category, self._venue, np.concatenate([b.most for b in blocks]))
        rows, limits = columns.rows(instance, with_shared=True)
        self._first_shared = rows.shape[0] - instance.n_venues - instance.n_categories - 1
        people = columns.flow_demand * columns.flow_weight
        upper = np.concatenate([columns.most, np.ones(len(people))]).astype(float)
        self._highs = model(np.concatenate([np.zeros(len(category)), people]), upper, 0, rows, limits)

    def solve(self, seconds: float) -> tuple[float, Prices, NDArray[np.float64]]:
        """Value, prices of the shared rows, and the point.

        The value is infinite where `seconds` ran out: the prices serve all the same.
        """
        self._highs.setOptionValue("time_limit", float(self._highs.getRunTime()) + max(seconds, 0.1))
        self._highs.run()
        solution = self._highs.getSolution()
        instance, k = self.instance, self._first_shared
        dual = np.maximum(np.array(solution.row_dual), 0.0)
        slots = dual[k : k + instance.n_venues]
        teachers = dual[k + instance.n_venues : k + instance.n_venues + instance.n_categories]
        budget = float(dual[k + instance.n_venues + instance.n_categories])
        is_solved = self._highs.getModelStatus() == highspy.HighsModelStatus.kOptimal
        value = float(self._highs.getInfo().objective_function_value) if is_solved else np.inf
        return value, Prices(budget, slots, teachers, []), np.array(solution.col_value)

    def classes(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n_categories, n_venues) classes of a point, parts of classes among them."""
        wanted = np.zeros(self.instance.allowed.shape)
        wanted[self._category, self._venue] = z[: len(self._category)]
        return wanted

    def tighten(self, z: NDArray[np.float64]) -> int:
        """Adds the cuts that a point breaks; how many."""
        cuts = []
        for t, block in enumerate(self.blocks):
            classes = z[self._opening[t] : self._opening[t + 1]]
            if np.abs(classes - np.round(classes)).max() < WHOLE:
                continue
            share = z[self._flow[t] : self._flow[t + 1]]
            found = block.finder.broken(np.concatenate([classes, share]), together=True)
            block.cuts += found
            cuts += [self._of_all(t, cut) for cut in found]
        add_rows(self._highs, cuts)
        return len(cuts)

    def _of_all(self, t: int, cut: Cut) -> Cut:
        n = self.blocks[t].n
        index = np.where(cut.index < n, cut.index + self._opening[t], cut.index - n + self._flow[t])
        return Cut(index.astype(np.int32), cut.value, cut.limit)
