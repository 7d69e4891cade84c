"""What training people have within reach, and how evenly: floating catchments of the places that classes offer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from recsys.catchment import DEFAULT_KM, LEAST_KM, MOST_KM, USUAL_SHARE, gaussian_weight
from recsys.evenness import gini, ginis
from recsys.openings.classes.value import Opening
from recsys.openings.learned.inputs import OpeningInputs

By = Literal["city", "county", "township", "village"]


@dataclass(frozen=True)
class Access:
    """Training places a week for each resident within reach, by group, and what a further place anywhere adds.

    Attributes:
        by: Level of the groups; `region` for the smallest regions known.
        people: (n_groups,) people.
        now: (n_groups,) places a week for each of them, of the classes that run.
        per_place: (n_groups, n_venues) what one more place a week at a venue adds.
        catchment_km: From here on nothing counts.
    """

    by: str
    people: NDArray[np.float64]
    now: NDArray[np.float64]
    per_place: NDArray[np.float64]
    catchment_km: float

    def after(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n_groups,) or (n, n_groups): with (n_venues,) or (n, n_venues) more places a week."""
        return np.asarray(self.now + places @ self.per_place.T)

    def ginis(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n,) Gini coefficients, weighted by people, with (n, n_venues) more places a week."""
        return ginis(self.after(places), self.people)

    def gini(self, opened: Sequence[Opening]) -> float:
        """Gini coefficient, weighted by people, once a plan runs."""
        return gini(self.after(places_of(opened, self.per_place.shape[1])), self.people)

    def slope(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n_venues,) by how much one more place a week changes the Gini coefficient, to first order."""
        access = self.after(places)
        order = np.argsort(access, kind="stable")
        rank = np.empty(len(access))
        rank[order] = np.cumsum(self.people[order]) - 0.5 * self.people[order]
        people, total = float(self.people.sum()), max(float(access @ self.people), 1e-12)
        by_group = self.people * (2 * rank / max(people, 1e-12) - 1 - gini(access, self.people)) / total
        return np.asarray(by_group @ self.per_place)


def places_of(opened: Sequence[Opening], n_venues: int) -> NDArray[np.float64]:
    """(n_venues,) places a week that a plan adds."""
    return np.bincount([o.venue for o in opened], [o.size for o in opened], minlength=n_venues).astype(np.float64)


def usual_km(inputs: OpeningInputs) -> float:
    """Kilometres from within which nine of ten of those come who come to what runs now, within bounds."""
    category, venue = np.nonzero(inputs.runs_now)
    if not len(category):
        return DEFAULT_KM
    running = np.unique(venue)
    willing = np.stack([inputs.rate[:, category[venue == v]].sum(axis=1) * inputs.reach[:, v] for v in running], axis=1)
    km = inputs.km[:, running].astype(np.float64)
    known = np.isfinite(km)
    if not willing[known].sum() > 0:
        return DEFAULT_KM
    usual = np.quantile(km[known], USUAL_SHARE, weights=willing[known], method="inverted_cdf")
    return float(np.clip(usual, LEAST_KM, MOST_KM))


def access_of(inputs: OpeningInputs, by: By = "township", catchment_km: float | None = None) -> Access:
    """Gaussian enhanced two-step floating catchments of training places.

    A class that runs offers its category's usual number of places. Each venue's places are shared by the people in
    its catchment, the near ones counting more; a person has the sum of the shares that can be reached. Places of a
    plan are linear in it. Source: Luo & Qi 2009, Health & Place 15(4); weights: `gaussian_weight`.

    Args:
        inputs: What is known.
        by: Groups; where fewer than two of this level have people, the smallest regions.
        catchment_km: From here on nothing counts; without it `usual_km`.
    """
    catchment_km = usual_km(inputs) if catchment_km is None else catchment_km
    group = inputs.regions_at(by)
    is_level = len(np.unique(group[group >= 0])) > 1
    group = group if is_level else inputs.point_region
    inside = group >= 0
    _, row = np.unique(group[inside], return_inverse=True)
    size = inputs.size.astype(np.float64)
    people = np.bincount(row, size[inside]).astype(np.float64)
    per_place = np.zeros((len(people), len(inputs.venues)))
    for venue in range(per_place.shape[1]):
        weight = gaussian_weight(inputs.km[:, venue].astype(np.float64), catchment_km)
        shared = float(weight @ size)
        if shared > 0:
            reached = np.bincount(row, (weight * size)[inside], minlength=len(people))
            per_place[:, venue] = reached / people / shared
    now = per_place @ (inputs.runs_now.T @ inputs.typical_size.astype(np.float64))
    return Access(by if is_level else "region", people, now, per_place, catchment_km)
