"""Openings as rows of padded arrays over the points in their reach: what is best for each alone, all at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recsys.placement.whole.tight import Columns


class Reach:
    """Padded arrays of a block's flows, one row an opening.

    Attributes:
        demand: (n_openings, most points) demand of each point in reach, 0 beyond the last.
        flow: Its flow, -1 beyond the last.
    """

    def __init__(self, columns: Columns, seats: NDArray[np.float64]) -> None:
        self.seats = seats
        n, n_flows = len(seats), len(columns.flow_demand)
        degree = np.bincount(columns.flow_opening, minlength=n)
        place = np.arange(n_flows) - (np.cumsum(degree) - degree)[columns.flow_opening]
        self._at = (columns.flow_opening, place)
        self.demand = np.zeros((n, int(degree.max(initial=1))))
        self.demand[self._at] = columns.flow_demand
        self.flow = np.full(self.demand.shape, -1)
        self.flow[self._at] = np.arange(n_flows)
        self._first = np.arange(n)[:, None] * self.demand.shape[1]

    def spread(self, of_flow: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n_openings, most points) numbers of flows; -1 beyond the last."""
        padded = np.full(self.demand.shape, -1.0)
        padded[self._at] = of_flow
        return padded

    def best_first(self, padded: NDArray[np.float64]) -> NDArray[np.int64]:
        """(n_openings, most points) places in the flattened arrays, the largest number of each row first."""
        return np.argsort(-padded, axis=1, kind="stable") + self._first

    def knapsacks(self, worth: NDArray[np.float64], counts: NDArray[np.int64]) -> NDArray[np.float64]:
        """(n_openings, counts) what each number of classes brings an opening that has all people.

        Args:
            worth: (n_flows,) of a person.
            counts: Numbers of classes.
        """
        padded = self.spread(worth)
        order = self.best_first(padded)
        padded = padded.ravel()[order]
        demand = np.where(padded > 0, self.demand.ravel()[order], 0.0)
        room = (counts * self.seats[:, None])[:, :, None] - (np.cumsum(demand, axis=1) - demand)[:, None, :]
        taken = np.minimum(np.maximum(room, 0.0), demand[:, None, :])
        return np.asarray((taken @ padded[:, :, None])[:, :, 0])
