"""Which bottom series make up each region's: the summing matrix, over regions and categories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from recsys.dataset import Dataset
from recsys.ids import IdMap
from recsys.regions import RegionTree


@dataclass(frozen=True)
class Hierarchy:
    """Regions that have a series (nodes) as sums of regions that hold venues themselves (bottoms).

    Categories never mix, so one summing matrix over regions serves every category:
    `node_values = summing @ bottom_values` for `bottom_values` of shape (n_bottoms, ...).

    Attributes:
        node_ids: Region id of each node, the root first.
        node_levels: (n_nodes,) level names.
        node_regions: (n_nodes,) row in the region tree.
        bottom_regions: (n_bottoms,) row in the region tree; the root is always among them, for online sessions.
        summing: (n_nodes, n_bottoms) zeros and ones.
        categories: Every category ever offered.
    """

    node_ids: IdMap
    node_levels: NDArray[np.object_]
    node_regions: NDArray[np.int64]
    bottom_regions: NDArray[np.int64]
    summing: sparse.csr_array
    categories: IdMap

    @classmethod
    def of(cls, dataset: Dataset, tree: RegionTree) -> Hierarchy:
        """Every region with a venue in or under it and the root; villages count in their parent's series."""
        venue_regions = tree.ids.nums_or_missing(dataset.venues["region_id"])
        held = tree.series_regions()[venue_regions[venue_regions >= 0]]
        bottoms = np.unique(np.concatenate([[0], held])).astype(np.int64)
        paths = tree.paths()
        pairs = [(above, place) for place, region in enumerate(bottoms) for above in paths[region]]
        nodes = np.unique([above for above, _ in pairs]).astype(np.int64)
        rows = np.searchsorted(nodes, [above for above, _ in pairs])
        columns = np.array([place for _, place in pairs], dtype=np.int64)
        summing = sparse.csr_array((np.ones(len(pairs)), (rows, columns)), shape=(len(nodes), len(bottoms)))
        offered = dataset.activities[dataset.activities["activity_id"].isin(dataset.sessions["activity_id"])]
        return cls(
            node_ids=IdMap(tree.ids.ids[nodes], "region_id"),
            node_levels=tree.levels[nodes],
            node_regions=nodes,
            bottom_regions=bottoms,
            summing=summing,
            categories=IdMap.of(sorted(offered["category"].dropna().unique()), "category"),
        )

    @property
    def n_nodes(self) -> int:
        """Number of regions with a series."""
        return len(self.node_ids)

    @property
    def n_bottoms(self) -> int:
        """Number of regions that hold venues themselves, and the root."""
        return len(self.bottom_regions)

    def sums(self, bottom_values: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n_nodes, ...) sums of (n_bottoms, ...)."""
        flat = bottom_values.reshape(self.n_bottoms, -1)
        return np.asarray(self.summing @ flat).reshape(self.n_nodes, *bottom_values.shape[1:])

    def parents(self) -> NDArray[np.int64]:
        """(n_nodes,) row of the smallest region around each; -1 for the root."""
        inside = sparse.coo_array(self.summing @ self.summing.T)
        around, node = inside.coords
        sizes = np.asarray(self.summing.sum(axis=1)).ravel()
        is_around = (around < node) & (inside.data == sizes[node])
        around, node = around[is_around], node[is_around]
        # The last one written stays: the smallest, and of regions alike the lowest.
        order = np.lexsort((around, -sizes[around]))
        found = np.full(self.n_nodes, -1, dtype=np.int64)
        found[node[order]] = around[order]
        return found

    def bottom_nums(self, tree: RegionTree, regions: NDArray[np.int64]) -> NDArray[np.int64]:
        """(n,) bottom in which something at each region row counts; what has none counts at the root."""
        series = tree.series_regions()[regions]
        found = np.searchsorted(self.bottom_regions, series)
        found = np.minimum(found, self.n_bottoms - 1)
        return np.where(self.bottom_regions[found] == series, found, 0)

    def long_table(
        self, weeks: pd.DatetimeIndex, values: dict[str, NDArray[Any]], kept: NDArray[np.bool_] | None = None
    ) -> pd.DataFrame:
        """`region_id, level, category, week_start` and a column for each (n_nodes, n_categories, n_weeks) array.

        All series, or those that are `kept` (n_nodes, n_categories).
        """
        chosen = np.ones((self.n_nodes, len(self.categories)), dtype=bool) if kept is None else kept
        node, category = np.nonzero(chosen)
        frame = {
            "region_id": np.repeat(self.node_ids.ids[node], len(weeks)),
            "level": np.repeat(self.node_levels[node], len(weeks)),
            "category": np.repeat(self.categories.ids[category], len(weeks)),
            "week_start": np.tile(weeks.to_numpy(), len(node)),
        }
        return pd.DataFrame(frame | {name: array[chosen].reshape(-1) for name, array in values.items()})
