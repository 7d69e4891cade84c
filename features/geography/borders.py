"""Whom venues are for by where they live: those of a county for its people, those of a city for the city's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.geography.positions import Positions
from recsys.regions import RegionTree

LEVELS = ("county", "city", "province")
"""Levels whose regions have borders; a venue is for people of the lowest that holds it."""


@dataclass(frozen=True)
class Borders:
    """Who lives outside the region that a venue is for.

    Attributes:
        home: (n_users,) row of the region in which each user lives.
        area: (n_venues,) row of the region that each venue is for.
        between: (n_homes, n_areas) neither region holds the other, and both are known.
    """

    home: NDArray[np.int64]
    area: NDArray[np.int64]
    between: NDArray[np.bool_]

    @classmethod
    def of(cls, tree: RegionTree, places: Positions) -> Borders:
        """Those of a data set's users and venues."""
        above = [tree.ancestors_at(level) for level in LEVELS]
        area_region = np.zeros(len(places.venue_regions), dtype=np.int64)
        for holds in reversed(above):
            own = holds[places.venue_regions]
            area_region = np.where(own >= 0, own, area_region)
        homes, home = np.unique(places.user_regions, return_inverse=True)
        areas, area = np.unique(area_region, return_inverse=True)
        within = (homes <= 0)[:, None] | (areas == 0)[None, :]
        for holds in above:
            within |= holds[np.maximum(homes, 0)][:, None] == areas[None, :]
            within |= holds[areas][None, :] == homes[:, None]
        return cls(home.ravel(), area.ravel(), ~within)

    def across(self, users: NDArray[np.int64], venues: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether a border lies between user and venue rows, of the shape to which they broadcast."""
        return np.asarray(self.between[self.home[users], self.area[venues]])
