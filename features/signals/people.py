"""Those who ask: profile and own past of a block of people, or of one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from features.profiles import PROFILE, has_profile
from features.signals.catalogue import Catalogue
from features.signals.known.events import Events, events_of, impressions_of
from features.signals.known.groups import Profiles, interests_of, profiles_of
from features.signals.known.lookup import SEPARATOR, take_or_missing
from features.signals.known.place import areas, near_home
from features.signals.known.removed_tags import is_removed, profiles_less
from recsys.ages import local_year
from recsys.availability import People, people_of
from recsys.instants import NS_PER_DAY, nanoseconds


@dataclass(frozen=True)
class UserBlock:
    """People asking, one row each.

    Attributes:
        at: Instant of the answer.
        user_ids: (n_users,) ids.
        is_personal: (n_users,) False for those who opted out: nothing of their past or profile is used.
        has_profile: (n_users,) whether age, gender, place or interests are known and may be used.
        people: What decides on what may be offered; it knows the past of those who opted out too.
        events: Own past of those who did not opt out.
        shown: What they were shown.
        lat: (n_users,) home, NaN where unknown.
        lon: (n_users,) home, NaN where unknown.
        area: (n_users, 2) lat and lon of the home's region, NaN where unknown.
        birth_years: (n_users,) NaN where unknown.
        days_known: (n_users,) days since the person registered, inf where unknown.
        profiles: Groups by age, gender and place.
        interests: (n_users, n_categories) 1.0 where the person named the category.
    """

    at: pd.Timestamp
    user_ids: NDArray[np.object_]
    is_personal: NDArray[np.bool_]
    has_profile: NDArray[np.bool_]
    people: People
    events: Events
    shown: Events
    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    area: NDArray[np.float64]
    birth_years: NDArray[np.float64]
    days_known: NDArray[np.float64]
    profiles: Profiles
    interests: sparse.csr_array

    def __len__(self) -> int:
        return len(self.user_ids)

    def take(self, users: NDArray[np.int64]) -> UserBlock:
        """Some of the people, by their numbers; any of them more than once."""
        return UserBlock(
            at=self.at,
            user_ids=self.user_ids[users],
            is_personal=self.is_personal[users],
            has_profile=self.has_profile[users],
            people=self.people.take(users),
            events=self.events.take(users),
            shown=self.shown.take(users),
            lat=self.lat[users],
            lon=self.lon[users],
            area=self.area[users],
            birth_years=self.birth_years[users],
            days_known=self.days_known[users],
            profiles=Profiles({name: groups[users] for name, groups in self.profiles.groups.items()}),
            interests=self.interests[users],
        )

    @property
    def near(self) -> NDArray[np.float64]:
        """(n_users, 2) lat and lon of the home, else of its region; NaN where neither is known."""
        return near_home(np.column_stack([self.lat, self.lon]), self.area)

    def child_share(self) -> NDArray[np.float64]:
        """(n_users,) share of the bookings that were made for others, NaN without a booking."""
        booked = self.events.sessions >= 0
        n_all = np.bincount(self.events.rows[booked], minlength=len(self))
        n_others = np.bincount(self.events.rows[booked & self.events.for_others], minlength=len(self))
        return np.divide(n_others, n_all, out=np.full(len(self), np.nan), where=n_all > 0)


def user_block(
    catalogue: Catalogue,
    users: pd.DataFrame,
    bookings: pd.DataFrame,
    feedback: pd.DataFrame,
    sessions: pd.DataFrame,
    removed: pd.DataFrame | None = None,
    at: pd.Timestamp | None = None,
) -> UserBlock:
    """People from contract rows.

    Args:
        catalogue: What may be asked for.
        users: Profiles, one a person, in the order of the answers.
        bookings: Theirs, complete; other people's rows are not looked at.
        feedback: Theirs.
        sessions: At least every session the bookings name.
        removed: Removed tags, `user_id, tag`: what they stand for decides on what may be offered and on nothing else.
        at: Instant of the answer, only what happened before it is used; None for the catalogue's.
    """
    at = catalogue.at if at is None else at
    people = people_of(users, bookings, sessions, at)
    lookup = catalogue.lookup
    if removed is not None and len(removed):
        booked = take_or_missing(lookup.session_activity, lookup.sessions.nums_or_missing(bookings["session_id"]))
        bookings = bookings[~is_removed(bookings["user_id"], booked, lookup, removed)]
        told = lookup.activities.nums_or_missing(feedback["activity_id"])
        feedback = feedback[~is_removed(feedback["user_id"], told, lookup, removed)]
        users = profiles_less(users, removed)
    user_ids = users["user_id"].to_numpy(dtype=object)
    is_personal = users["personalised"].to_numpy(dtype=bool)
    # Ids of their own for those who opted out: their events find nobody.
    hidden = np.where(is_personal, user_ids, [f"{SEPARATOR}{row}" for row in range(len(users))])
    profile = users[[*PROFILE, "registered_at"]]
    if not is_personal.all():
        profile = profile.assign(**{name: profile[name].where(is_personal) for name in profile})
    return UserBlock(
        at=at,
        user_ids=user_ids,
        is_personal=is_personal,
        has_profile=has_profile(profile),
        people=people,
        events=events_of(bookings, feedback, hidden, lookup, at),
        shown=impressions_of(feedback, hidden, lookup, at),
        lat=profile["lat"].to_numpy(dtype=np.float64),
        lon=profile["lon"].to_numpy(dtype=np.float64),
        area=areas(profile, lookup.tree, catalogue.regions_at),
        birth_years=profile["birth_year"].to_numpy(dtype=np.float64),
        days_known=_days_since(profile["registered_at"], at),
        profiles=profiles_of(profile, lookup.tree, local_year(at, lookup.timezone)),
        interests=interests_of(profile["interests"], lookup),
    )


def _days_since(times: pd.Series, at: pd.Timestamp) -> NDArray[np.float64]:
    """(n,) days from each time to `at`, inf where it is missing."""
    return np.where(times.isna(), np.inf, (at.value - nanoseconds(times)) / NS_PER_DAY)
