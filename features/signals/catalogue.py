"""The catalogue at an instant: what can be booked, and what everybody's past says of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from features.profiles import PROFILE
from features.signals.candidates.crowd import Signals, crowd_signals, rival_signals
from features.signals.candidates.facts import CROWD_FACTS, session_facts
from features.signals.candidates.filling import Filling, filling_of
from features.signals.candidates.homes import Homes, homes_of
from features.signals.candidates.keys import SLOW_DAYS, KeyColumns, key_columns
from features.signals.candidates.lifts import group_lifts
from features.signals.candidates.likeness import Likeness, likeness_of
from features.signals.candidates.offer import Offer, offer_of
from features.signals.candidates.reach import Reach, reach_of
from features.signals.candidates.taste_crowd import Crowd, crowds_of
from features.signals.known.events import Events, events_of
from features.signals.known.groups import AGE_EDGES, Profiles, interests_of, profiles_of
from features.signals.known.lookup import LEARNER_LEVEL, LEVELS, Lookup, lookup_of, take_or_missing
from features.signals.known.place import Places, areas, near_home, places_of, region_spots
from features.signals.known.removed_tags import profiles_less
from features.signals.known.text import TitleWords, title_words
from recsys.ages import local_year
from recsys.dataset import Dataset
from recsys.open_sessions import OpenSessions, open_sessions
from recsys.ranking.key_scores import KeyGroups, KeyScores

COMPANY_DAYS = 240.0
"""Age of the oldest session whose people count as met."""


@dataclass(frozen=True, eq=False)
class Catalogue:
    """Everything that ranking needs besides the people asking; the same for all of them.

    Attributes:
        at: Instant of the answers.
        lookup: Rows of all activities and sessions.
        sessions: Candidates.
        activities: (n_candidates,) activity row.
        session_nums: (n_candidates,) session row.
        levels: Keys by level.
        places: Where the candidates are.
        regions_at: (n_regions, 2) lat and lon of regions: where those live of whom no more is known.
        reach: How far people of each age go.
        venue_lat: (n_venue_keys,) of the lookup's venues, NaN where unknown.
        venue_lon: (n_venue_keys,) the same.
        least_ages: (n_sessions,) youngest age that may come, 0 for all.
        filling: How far the booking of each session has come.
        facts: Name to (n_candidates,) signal of the candidate alone.
        words: Words of titles.
        likeness: To what organisers held before.
        company: Level to (n_sessions, n_keys) of how much those who were at a past session are with a key of the
            candidates, a session's people sharing one unit.
        homes: Where the people of each key live.
        lifts: Grouping and level to log lift of a key among the group's people, see `group_lifts`.
        offer: What was on offer of late.
        crowds: Level of taste to what everybody's past says of its keys.
        titles: (n_activities,) titles, empty where missing.
        venue_names: (n_venue_keys,) names, empty where missing.
        n_people: People with a past.
    """

    at: pd.Timestamp
    lookup: Lookup
    sessions: OpenSessions
    activities: NDArray[np.int64]
    session_nums: NDArray[np.int64]
    levels: dict[str, KeyColumns]
    places: Places
    regions_at: NDArray[np.float64]
    reach: Reach
    venue_lat: NDArray[np.float64]
    venue_lon: NDArray[np.float64]
    least_ages: NDArray[np.float64]
    filling: Filling
    facts: dict[str, NDArray[np.float64]]
    words: TitleWords
    likeness: Likeness
    company: dict[str, sparse.csr_array]
    homes: Homes
    lifts: dict[str, NDArray[np.float32]]
    offer: Offer
    crowds: dict[str, Crowd]
    titles: NDArray[np.object_]
    venue_names: NDArray[np.object_]
    n_people: int

    def __len__(self) -> int:
        return len(self.sessions)

    @cached_property
    def is_located(self) -> NDArray[np.bool_]:
        """(n_candidates,) whether the venue's own coordinates are known."""
        venue = self.lookup.of_sessions["venue"][self.session_nums]
        return np.append(~np.isnan(self.venue_lat + self.venue_lon), False)[venue] & ~np.isnan(self.places.lat)

    @cached_property
    def learner_keys(self) -> KeyGroups:
        """Candidates by their key of `LEARNER_LEVEL`; one without a key has a key of its own."""
        columns = self.levels[LEARNER_LEVEL]
        is_lone = columns.of_candidate < 0
        return KeyGroups.of(np.where(is_lone, len(columns.keys) - 1 + np.cumsum(is_lone), columns.of_candidate))

    @cached_property
    def popularity(self) -> KeyScores:
        """Bookings that a session of each candidate's organiser had of late, shrunk to the mean of all."""
        columns = self.levels["organiser"]
        held, taken = columns.sessions_slow.sum(), columns.taken_slow.sum()
        mean = taken / held if held > 0 else 0.0
        per_session = (columns.taken_slow + mean) / (columns.sessions_slow + 1.0)
        values = np.append(per_session, mean)[columns.of_candidate] + self.facts["booked_so_far"]
        return KeyScores(np.arange(len(self)), {"popularity": values.astype(np.float32)[None, :]})

    @cached_property
    def candidate_signals(self) -> Signals:
        """Signals of candidates alone, float32 of shape (n_candidates,)."""
        facts = {f"fact_{name}": values for name, values in self.facts.items()}
        found = facts | crowd_signals(self.levels) | rival_signals(self.levels, self.sessions.starts)
        return {name: values.astype(np.float32) for name, values in found.items()}

    @cached_property
    def without_crowd(self) -> Catalogue:
        """The catalogue as if nobody had booked anything of late: what a candidate's own popularity is tested by."""
        nothing = ("taken_fast", "taken_slow", "n_users")
        return replace(
            self,
            levels={
                level: replace(columns, **{name: np.zeros_like(getattr(columns, name)) for name in nothing})
                for level, columns in self.levels.items()
            },
            facts={
                name: np.zeros_like(values) if name.startswith(CROWD_FACTS) else values
                for name, values in self.facts.items()
            },
            filling=replace(
                self.filling, so_far=np.zeros_like(self.filling.so_far), due=np.zeros_like(self.filling.due)
            ),
        )


@dataclass(frozen=True)
class _Public:
    """All people, as far as what they told of themselves may be used.

    Attributes:
        users: Contract rows less the tags that people removed, nothing of those who opted out.
        profiles: Their groups.
        regions_at: See `Catalogue`.
        near: (n_users, 2) lat and lon of the home, else of its region; NaN where neither is known.
    """

    users: pd.DataFrame
    profiles: Profiles
    regions_at: NDArray[np.float64]
    near: NDArray[np.float64]

    @classmethod
    def of(cls, known: Dataset, lookup: Lookup, at: pd.Timestamp) -> _Public:
        """Everybody of a data set."""
        told = profiles_less(known.users, known.removed_tags)
        users = told.assign(**{column: told[column].where(told["personalised"]) for column in PROFILE})
        regions_at = region_spots(known, users, lookup.tree)
        homes = users[["lat", "lon"]].to_numpy(dtype=np.float64)
        near = near_home(homes, areas(users, lookup.tree, regions_at))
        profiles = profiles_of(users, lookup.tree, local_year(at, lookup.timezone))
        return cls(users, profiles, regions_at, near)


def catalogue_of(
    dataset: Dataset, at: pd.Timestamp, window_days: float | None = None, taken: pd.Series | None = None
) -> Catalogue:
    """The catalogue at `at`, from what `dataset` knew by then.

    Args:
        dataset: What is known; cut at `at` first where it reaches further.
        at: Instant of the answers; may lie after the data set's end, as when serving.
        window_days: Candidates start before `at` + window_days; None for no end.
        taken: Places by session_id, newer than the data set's bookings; None to count those.
    """
    known = dataset.known_at(at) if dataset.data_until > at else dataset
    lookup = lookup_of(known)
    sessions = open_sessions(known, at, window_days, taken)
    everybody = events_of(known.bookings, known.feedback, known.users["user_id"].to_numpy(dtype=object), lookup, at)
    activities = lookup.activities.nums(sessions.activity_ids)
    session_nums = lookup.sessions.nums(sessions.session_ids)
    levels = {level: key_columns(level, session_nums, lookup, everybody, at) for level in LEVELS}
    public = _Public.of(known, lookup, at)
    venues = known.venues.set_index("venue_id").reindex(pd.Index(lookup.keys["venue"].ids, dtype=object))
    spots = venues[["lat", "lon"]].to_numpy(dtype=np.float64)
    words = title_words(known.activities, activities)
    filling = filling_of(known.sessions, lookup, everybody, at)
    reach = reach_of(public.profiles.groups["age"], public.near, everybody, lookup, spots, len(AGE_EDGES))
    return Catalogue(
        at=at,
        lookup=lookup,
        sessions=sessions,
        activities=activities,
        session_nums=session_nums,
        levels=levels,
        places=places_of(known, lookup.tree, session_nums, public.regions_at),
        regions_at=public.regions_at,
        reach=reach,
        venue_lat=spots[:, 0],
        venue_lon=spots[:, 1],
        least_ages=np.nan_to_num(known.activities["min_age"].to_numpy(dtype=np.float64))[lookup.session_activity],
        filling=filling,
        facts=session_facts(known, sessions, session_nums, lookup, everybody, filling, at),
        words=words,
        likeness=likeness_of(lookup, session_nums, words, at.value),
        company={level: met_at(everybody, lookup, levels[level], level) for level in ("programme", "series")},
        homes=homes_of(public.users, everybody, lookup, levels["programme"]),
        lifts=group_lifts(public.profiles, everybody, lookup, levels),
        offer=offer_of(known, lookup, at, float(everybody.days.max(initial=0.0)), public.near, spots, reach),
        crowds=crowds_of(everybody, public.profiles, interests_of(public.users["interests"], lookup), lookup),
        titles=_texts(known.activities["title"]),
        venue_names=_texts(venues["name"]),
        n_people=int(np.count_nonzero(np.bincount(everybody.rows))),
    )


def _texts(column: pd.Series) -> NDArray[np.object_]:
    """A column's texts, empty where missing."""
    return column.astype(object).fillna("").to_numpy(dtype=object)


def met_at(everybody: Events, lookup: Lookup, columns: KeyColumns, level: str) -> sparse.csr_array:
    """(n_sessions, n_keys): mean decayed past with each candidate key of the people who were at each session."""
    took = everybody.is_taking & (everybody.days < COMPANY_DAYS)
    n_users = int(everybody.rows.max(initial=-1)) + 1
    sessions = np.where(took, everybody.sessions, -1)
    present = everybody.matrix(sessions, (n_users, len(lookup.sessions)), np.ones(len(sessions)))
    size = np.asarray(present.sum(axis=0)).ravel()
    share = sparse.diags_array(np.divide(1.0, size, out=np.zeros(len(size)), where=size > 0))
    places = take_or_missing(columns.place_of_key, everybody.keys(lookup, level))
    past = everybody.matrix(places, (n_users, len(columns.keys)), everybody.decayed(SLOW_DAYS))
    met = sparse.csr_array(share @ (present.T @ past))
    met.sort_indices()
    return met
