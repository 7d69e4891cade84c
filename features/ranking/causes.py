"""Causes of a recommendation, and the person as they would be without one: what reasons are tested by."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

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

_NO_KEY = -2
"""No key of an event: one that has none has -1."""


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


def block_without(catalogue: Catalogue, block: UserBlock, without: Sequence[tuple[int, Cause]]) -> UserBlock:
    """People, each without one cause; what everybody booked is the catalogue's, not theirs.

    What may be offered is left as it is: who takes back what they did has still booked it.

    Args:
        catalogue: Candidates.
        block: People.
        without: Number of a person, and the cause; any person as often as there are causes.
    """
    found = block.take(np.array([person for person, _ in without], dtype=np.int64))
    codes = np.array([cause.code for _, cause in without], dtype=object)
    keys = np.array([cause.key for _, cause in without], dtype=np.int64)

    def is_without(*of: str) -> NDArray[np.bool_]:
        return np.isin(codes, of)

    is_alone, has_no_place = is_without("family"), is_without("distance")
    hidden = {name: is_without(code) for code, names in _HIDDEN_GROUPS.items() for name in names}
    groups = found.profiles.groups.items()
    return replace(
        found,
        people=_without_children(found.people, is_alone),
        events=_kept_events(catalogue, found.events, codes, keys, is_alone),
        shown=_kept_events(catalogue, found.shown, codes, keys, is_alone),
        lat=np.where(has_no_place, np.nan, found.lat),
        lon=np.where(has_no_place, np.nan, found.lon),
        area=np.where(is_without("township")[:, None], np.nan, found.area),
        birth_years=np.where(is_without("age"), np.nan, found.birth_years),
        profiles=Profiles({n: np.where(hidden[n], -1, values) if n in hidden else values for n, values in groups}),
        interests=_interests(found.interests, np.where(is_without("interest"), keys, -1)),
    )


def _kept_events(
    catalogue: Catalogue,
    events: Events,
    codes: NDArray[np.object_],
    keys: NDArray[np.int64],
    is_alone: NDArray[np.bool_],
) -> Events:
    """Events less those that are a person's cause; those without family have booked for nobody else."""
    kept = ~np.isin(codes, WHOLE_PAST)[events.rows]
    for level in set(KEYED) & set(codes):
        # A candidate without a venue is not what events without one have in common.
        gone = np.where((codes == level) & (keys >= 0), keys, _NO_KEY)
        kept &= events.keys(catalogue.lookup, level) != gone[events.rows]
    found = events.only(kept)
    return replace(found, for_others=found.for_others & ~is_alone[found.rows])


def _without_children(people: People, is_alone: NDArray[np.bool_]) -> People:
    kept = ~is_alone[people.child_rows]
    return replace(people, child_rows=people.child_rows[kept], child_years=people.child_years[kept])


def _interests(interests: sparse.csr_array, gone: NDArray[np.int64]) -> sparse.csr_array:
    """Named categories, each row's less the one that is gone from it; -1 for none."""
    rows = interests.toarray()
    of = np.flatnonzero(gone >= 0)
    rows[of, gone[of]] = 0.0
    return sparse.csr_array(rows)


Tested = Callable[[Catalogue, UserBlock, NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]], NDArray[np.float64]]
"""Scores of pairs: catalogue, people, (n_people,) whom each of them was, (n_pairs,) person, (n_pairs,) candidate
-> (n_pairs,)."""


def scores_without(
    catalogue: Catalogue, block: UserBlock, tried: Sequence[tuple[int, Cause, int]], score: Tested
) -> NDArray[np.float64]:
    """(n_tried,) score of each candidate for the person without the cause.

    Args:
        catalogue: Candidates.
        block: People.
        tried: Number of a person, a cause, and a candidate's column.
        score: What scores people and candidates.
    """
    columns = np.array([column for _, _, column in tried], dtype=np.int64)
    is_popular = np.array([cause.code == "popular" for _, cause, _ in tried], dtype=bool)
    result = np.full(len(tried), np.nan)
    for of_crowd in (False, True):
        places = np.flatnonzero(is_popular == of_crowd).tolist()
        if not places:
            continue
        seen = catalogue.without_crowd if of_crowd else catalogue
        pairs = [tried[place][:2] for place in places]
        at = {pair: row for row, pair in enumerate(dict.fromkeys(pairs))}
        people = np.array([person for person, _ in at], dtype=np.int64)
        rows = np.array([at[pair] for pair in pairs], dtype=np.int64)
        result[places] = score(seen, block_without(catalogue, block, list(at)), people, rows, columns[places])
    return result
