"""Causes of a recommendation, and the person as they would be without one: what reasons are tested by."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from features.signals.catalogue import Catalogue
from features.signals.known.events import Events
from features.signals.known.groups import Profiles
from features.signals.people import UserBlock
from recsys.availability import People

KEYED = ("series", "organiser", "category", "venue")
"""Causes that are a part of the person's own past: what was with the candidate's key of that level."""

WHOLE_PAST = ("title", "company", "habit")
"""Causes that no single booking carries: without them is without any past."""

_HIDDEN_GROUPS: Mapping[str, tuple[str, ...]] = {"age": ("age", "age_gender"), "township": ("township", "county")}


@dataclass(frozen=True)
class Cause:
    """What a person would be without.

    Attributes:
        code: `series`, `organiser`, `category`, `venue`: what they did there; `title`, `company`, `habit`: all
            they did; `distance`: the coordinates of home; `township`: its region; `age`: the year of birth;
            `interest`: a named category; `family`: birth years of those they book for; `popular`: what
            everybody booked.
        key: Key row of the lookup for causes that have one, -1 for others.
    """

    code: str
    key: int = -1


def cause_of(code: str, catalogue: Catalogue, column: int) -> Cause:
    """The cause that a code stands for in the case of one candidate."""
    if code == "venue":
        return Cause(code, int(catalogue.lookup.of_sessions["venue"][catalogue.session_nums[column]]))
    if code in KEYED or code == "interest":
        level = "category" if code == "interest" else code
        return Cause(code, int(catalogue.lookup.activity_keys[level][catalogue.activities[column]]))
    return Cause(code)


def block_without(catalogue: Catalogue, block: UserBlock, causes: Sequence[Cause]) -> UserBlock:
    """One person as often as there are causes, each time without one of them.

    What may be offered is left as it is: who takes back what they did has still booked it.
    """
    n = len(causes)
    person = np.arange(n)

    def kept(events: Events) -> Events:
        parts = [_kept_events(catalogue, events, cause, row) for row, cause in enumerate(causes)]
        return Events(
            **{name: np.concatenate([getattr(part, name) for part in parts]) for name in Events.__dataclass_fields__}
        )

    def per_cause(values: NDArray[np.float64], *codes: str) -> NDArray[np.float64]:
        is_gone = np.array([cause.code in codes for cause in causes], dtype=bool)
        return np.where(is_gone, np.nan, np.repeat(values, n))

    return UserBlock(
        at=block.at,
        user_ids=np.repeat(block.user_ids, n),
        is_personal=np.repeat(block.is_personal, n),
        has_profile=np.repeat(block.has_profile, n),
        people=_repeated(block.people, causes),
        events=kept(block.events),
        shown=kept(block.shown),
        lat=per_cause(block.lat, "distance"),
        lon=per_cause(block.lon, "distance"),
        area=np.column_stack([per_cause(block.area[:, axis], "township") for axis in (0, 1)]),
        birth_years=per_cause(block.birth_years, "age"),
        days_known=np.repeat(block.days_known, n),
        profiles=Profiles({name: _groups(name, groups, causes) for name, groups in block.profiles.groups.items()}),
        interests=_interests(block.interests, causes, person),
    )


def _kept_events(catalogue: Catalogue, events: Events, cause: Cause, row: int) -> Events:
    kept = np.ones(len(events.rows), dtype=bool)
    if cause.code in KEYED:
        # A candidate without a venue is not what events without one have in common.
        kept = (events.keys(catalogue.lookup, cause.code) != cause.key) | (cause.key < 0)
    elif cause.code in WHOLE_PAST:
        kept[:] = False
    found = events.only(kept)
    for_others = np.zeros_like(found.for_others) if cause.code == "family" else found.for_others
    return replace(found, rows=np.full(len(found.rows), row, dtype=np.int64), for_others=for_others)


def _groups(name: str, groups: NDArray[np.int64], causes: Sequence[Cause]) -> NDArray[np.int64]:
    is_gone = np.array([name in _HIDDEN_GROUPS.get(cause.code, ()) for cause in causes], dtype=bool)
    return np.where(is_gone, -1, np.repeat(groups, len(causes))).astype(np.int64)


def _interests(interests: sparse.csr_array, causes: Sequence[Cause], person: NDArray[np.int64]) -> sparse.csr_array:
    rows = interests[np.zeros(len(causes), dtype=np.int64)].toarray()
    gone = np.array([cause.key if cause.code == "interest" else -1 for cause in causes])
    rows[person[gone >= 0], gone[gone >= 0]] = 0.0
    return sparse.csr_array(rows)


def _repeated(people: People, causes: Sequence[Cause]) -> People:
    """One person's row for each cause; without family nobody is booked for."""
    n = len(causes)

    def tiled(values: NDArray[Any]) -> NDArray[Any]:
        return np.tile(values, n)

    def rows(values: NDArray[Any]) -> NDArray[np.int64]:
        return np.repeat(np.arange(n), len(values))

    child_rows = rows(people.child_years)
    with_family = np.array([cause.code != "family" for cause in causes], dtype=bool)[child_rows]
    return People(
        birth_years=tiled(people.birth_years),
        booked_rows=rows(people.booked_ids),
        booked_ids=tiled(people.booked_ids),
        held_rows=rows(people.held_starts),
        held_starts=tiled(people.held_starts),
        held_ends=tiled(people.held_ends),
        child_rows=child_rows[with_family],
        child_years=tiled(people.child_years)[with_family],
    )


Tested = Callable[[Catalogue, UserBlock, NDArray[np.int64], NDArray[np.int64]], NDArray[np.float64]]
"""Scores of pairs: catalogue, people, (n_pairs,) person, (n_pairs,) candidate -> (n_pairs,)."""


def scores_without(
    catalogue: Catalogue, block: UserBlock, pairs: Sequence[tuple[Cause, int]], score: Tested
) -> NDArray[np.float64]:
    """(n_pairs,) score of each candidate for the person without the cause.

    Args:
        catalogue: Candidates.
        block: One person.
        pairs: Causes, and candidates by column.
        score: What scores people and candidates.
    """
    columns = np.array([column for _, column in pairs], dtype=np.int64)
    is_popular = np.array([cause.code == "popular" for cause, _ in pairs], dtype=bool)
    result = np.full(len(pairs), np.nan)
    causes = list(dict.fromkeys(cause for cause, _ in pairs if cause.code != "popular"))
    if causes:
        at = {cause: row for row, cause in enumerate(causes)}
        rows = np.array([at[cause] for cause, _ in pairs if cause.code != "popular"], dtype=np.int64)
        result[~is_popular] = score(catalogue, block_without(catalogue, block, causes), rows, columns[~is_popular])
    if is_popular.any():
        nobody = catalogue.without_crowd
        result[is_popular] = score(nobody, block, np.zeros(int(is_popular.sum()), dtype=np.int64), columns[is_popular])
    return result
