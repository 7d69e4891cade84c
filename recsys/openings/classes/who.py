"""Who an audience is: by age, township and distance, small groups hidden."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.groups import in_words
from recsys.openings.learned.inputs import OpeningInputs
from recsys.openings.learned.points import DISTANCES_KM
from recsys.regions import RegionTree
from recsys.sentences import Sentence

SMALLEST_GROUP = 5
"""Groups behind which fewer persons stand are hidden."""

OTHER = "other"

BANDS = (
    *(f"{a:g}-{b:g} km" for a, b in itertools.pairwise((0.0, *DISTANCES_KM))),
    f"over {DISTANCES_KM[-1]:g} km",
    "distance unknown",
)
"""Names of the rows of `Points.band`."""


@dataclass(frozen=True)
class Group:
    """Part of an audience.

    Attributes:
        by: `age`, `distance` or `township`.
        name: The age group, the distance or the township's region id; `OTHER` for all hidden groups together.
        people: People a week.
    """

    by: str
    name: str
    people: float


def who(inputs: OpeningInputs, people: NDArray[np.float32], venue: int) -> list[Group]:
    """Parts of an audience; those of each kind add up to the whole.

    A group behind which fewer than `SMALLEST_GROUP` persons stand goes into `OTHER`, with the next smallest until
    enough stand behind that: no difference singles anybody out.
    """
    region = inputs.regions_at("township")
    none, ids = len(inputs.tree), inputs.tree.ids.ids
    township = np.where(region >= 0, region, none)
    standing = inputs.size.astype(np.float64) * (people > 0)
    of_points = people.astype(np.float64), standing
    groups = _parts("age", inputs.age_group, lambda n: inputs.age_groups[n], *of_points)
    groups += _parts("distance", inputs.points.band(venue), BANDS.__getitem__, *of_points)
    return groups + _parts("township", township, lambda n: "unknown" if n == none else str(ids[n]), *of_points)


def aged(group: str) -> Sentence | None:
    """An age group in words; None for those whose age nobody knows.

    >>> aged("30-44")
    Sentence(zh='30 至 44 岁', en='30-44')
    """
    return None if group == "age unknown" else in_words("age", group)


def label_of(tree: RegionTree, by: str, name: str) -> Sentence:
    """A group in words; a region by its name."""
    num = -1 if by in ("age", "distance") else int(tree.ids.nums_or_missing([name])[0])
    return in_words("region" if num >= 0 else by, name if num < 0 else str(tree.names[num]))


def median_km(inputs: OpeningInputs, people: NDArray[np.float32], venue: int) -> float | None:
    """Half of an audience lives nearer; None where no distance is known."""
    km = inputs.km[:, venue].astype(np.float64)
    known = np.isfinite(km) & (people > 0)
    if not known.any():
        return None
    return float(np.quantile(km[known], 0.5, weights=people[known], method="inverted_cdf"))


def _parts(
    by: str,
    code: NDArray[np.integer],
    name_of: Callable[[int], str],
    people: NDArray[np.float64],
    standing: NDArray[np.float64],
) -> list[Group]:
    """Groups by (n_points,) code; `standing` are persons of whom somebody comes."""
    total, behind = np.bincount(code, people), np.bincount(code, standing)
    some = np.flatnonzero(behind > 0)
    hidden = (behind < SMALLEST_GROUP) & (behind > 0)
    if hidden.any():
        for n in some[np.argsort(behind[some], kind="stable")]:
            if behind[hidden].sum() >= SMALLEST_GROUP:
                break
            hidden[n] = True
    groups = [Group(by, name_of(n), float(total[n])) for n in some.tolist() if not hidden[n]]
    return [*groups, Group(by, OTHER, float(total[hidden].sum()))] if hidden.any() else groups
