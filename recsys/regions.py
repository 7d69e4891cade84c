"""The tree of regions, from the province to the village."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.dataset import Dataset
from recsys.errors import DataError
from recsys.ids import IdMap
from recsys.schema import LEVELS

ROOT = "all"
"""Id and level of the root where the regions have none of their own, or several."""


@dataclass(frozen=True)
class RegionTree:
    """Regions as rows, each pointing at its parent.

    Attributes:
        ids: Region ids; parents come before their children.
        names: (n_regions,) names.
        levels: (n_regions,) level names; `all` for an added root, empty where unknown.
        parents: (n_regions,) row of the parent, -1 for the root.
    """

    ids: IdMap
    names: NDArray[np.object_]
    levels: NDArray[np.object_]
    parents: NDArray[np.int64]

    def __post_init__(self) -> None:
        problems = []
        if (self.parents < 0).sum() != 1 or self.parents[0] != -1:
            problems.append("exactly one root, in row 0, is expected")
        if (self.parents[1:] >= np.arange(1, len(self.ids))).any():
            problems.append("parents must come before their children")
        if problems:
            raise DataError("region tree", problems)

    @classmethod
    def of(cls, dataset: Dataset) -> RegionTree:
        """Tree of a data set's regions; a root `all` is added unless there is exactly one.

        Raises:
            DataError: names regions that are their own ancestors.
        """
        regions = dataset.regions
        ids = IdMap.of(regions["region_id"], "region_id")
        parents = ids.nums_or_missing(regions["parent_id"])
        depth = _depths(ids, parents)
        order = np.argsort(depth, kind="stable")
        place = np.empty(len(ids), dtype=np.int64)
        place[order] = np.arange(len(ids))
        sorted_parents = np.where(parents[order] >= 0, place[parents[order]], -1)
        names = regions["name"].fillna("").to_numpy(dtype=object)[order]
        levels = regions["level"].fillna("").to_numpy(dtype=object)[order]
        sorted_ids = ids.ids[order]
        if (sorted_parents < 0).sum() != 1:
            root = ROOT if ROOT not in ids else f"{ROOT}:"
            sorted_ids = np.concatenate([[root], sorted_ids]).astype(object)
            names = np.concatenate([[root], names]).astype(object)
            levels = np.concatenate([[ROOT], levels]).astype(object)
            sorted_parents = np.concatenate([[-1], sorted_parents + 1]).astype(np.int64)
        return cls(IdMap(sorted_ids, "region_id"), names, levels, sorted_parents)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def root_id(self) -> str:
        """Id of the root."""
        return str(self.ids.ids[0])

    def paths(self) -> list[list[int]]:
        """Rows from each region up to the root, itself first."""
        paths: list[list[int]] = []
        for num, parent in enumerate(self.parents):
            paths.append([num, *(paths[parent] if parent >= 0 else [])])
        return paths

    def ancestors_at(self, level: str) -> NDArray[np.int64]:
        """(n_regions,) row of each region's ancestor (or itself) on `level`, -1 where there is none; read-only."""
        if level not in self._ancestors:
            found = np.full(len(self), -1, dtype=np.int64)
            for num, parent in enumerate(self.parents):
                if self.levels[num] == level:
                    found[num] = num
                elif parent >= 0:
                    found[num] = found[parent]
            found.flags.writeable = False
            self._ancestors[level] = found
        return self._ancestors[level]

    @cached_property
    def _ancestors(self) -> dict[str, NDArray[np.int64]]:
        """Level to what `ancestors_at` has found: every list asks, and a province has sixty thousand regions."""
        return {}

    def under(self, region_num: int) -> NDArray[np.bool_]:
        """(n_regions,) True for the region and everything below it."""
        inside = np.zeros(len(self), dtype=bool)
        inside[region_num] = True
        while True:
            grown = inside | ((self.parents >= 0) & inside[self.parents])
            if (grown == inside).all():
                return inside
            inside = grown

    def series_regions(self) -> NDArray[np.int64]:
        """(n_regions,) row of the region in whose series each counts: villages count in their parent."""
        own = np.arange(len(self), dtype=np.int64)
        is_village = (self.levels == LEVELS[-1]) & (self.parents >= 0)
        return np.where(is_village, self.parents, own)


def session_regions(dataset: Dataset, tree: RegionTree) -> NDArray[np.int64]:
    """(n_sessions,) region row of each session: its venue's; the root when online or without one."""
    venue_region = dataset.venues.set_index("venue_id")["region_id"]
    region = dataset.sessions["venue_id"].map(venue_region)
    online = dataset.sessions["activity_id"].map(dataset.activities.set_index("activity_id")["online"])
    nums = tree.ids.nums_or_missing(region)
    return np.where((nums < 0) | online.to_numpy(dtype=bool), 0, nums)


def _depths(ids: IdMap, parents: NDArray[np.int64]) -> NDArray[np.int64]:
    depth = np.zeros(len(ids), dtype=np.int64)
    above = parents.copy()
    for _ in range(len(ids) + 1):
        inner = above >= 0
        if not inner.any():
            return depth
        depth[inner] += 1
        above = np.where(inner, parents[above], -1)
    looping = [str(i) for i in ids.ids[above >= 0][:3]]
    raise DataError("regions", [f"regions {looping} are their own ancestors; mend their parent_id"])


def region_frame(tree: RegionTree) -> pd.DataFrame:
    """The tree as a table: `region_id`, `name`, `level`, `parent_id`."""
    parent = [None if p < 0 else tree.ids.ids[p] for p in tree.parents]
    return pd.DataFrame(
        {"region_id": tree.ids.ids, "name": tree.names, "level": tree.levels, "parent_id": parent}, dtype=object
    )
