"""Tastes of townships and of their county as standard normals: what is drawn with the places of a population."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.simulation.setting.catalogue import CATEGORIES
from recsys.simulation.setting.tastes import COUNTY_SPREAD, TOWNSHIP_SPREAD, Ints, Population


@dataclass(frozen=True)
class Places:
    """A population whose places' tastes are guessed.

    Attributes:
        population: With the true tastes of places.
        township: (n,) number of each person's township; all lie in one county.
        local: (n_townships, n_categories) true tastes of places.
    """

    population: Population
    township: Ints
    local: NDArray[np.float64]

    @classmethod
    def of(cls, population: Population, township_ids: NDArray[np.object_]) -> Places:
        """What of `population` (people of one county) is the places'."""
        township = np.asarray(pd.factorize(township_ids)[0], dtype=np.int64)
        first = np.unique(township, return_index=True)[1]
        likes = np.array([c.likes for c in CATEGORIES]).T
        return cls(population, township, population.child_taste[first] - likes[0])

    def guessed(self, local: NDArray[np.float64]) -> Population:
        """The population were these the tastes of its places."""
        more = (local - self.local)[self.township]
        return replace(
            self.population, taste=self.population.taste + more, child_taste=self.population.child_taste + more
        )

    def split(self, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Standard normals of townships and of the county that give the true tastes, drawn given their sums."""
        own, shared = TOWNSHIP_SPREAD**2, COUNTY_SPREAD**2
        precision = 1 + shared * len(self.local) / own
        mean = COUNTY_SPREAD * self.local.sum(axis=0) / own / precision
        county = mean + rng.normal(size=mean.shape) / np.sqrt(precision)
        return (self.local - COUNTY_SPREAD * county) / TOWNSHIP_SPREAD, county


def tastes(township: NDArray[np.float64], county: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n_townships, n_categories) tastes of places from their standard normals."""
    return TOWNSHIP_SPREAD * township + COUNTY_SPREAD * county
