"""What a platform has seen of each person, and how likely that is for a guess of their tastes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.bound.choice import N_NESTS, Bools, Choice, together
from recsys.simulation.bookings.choice import CHILD
from recsys.simulation.bookings.counts import early_share
from recsys.simulation.bookings.feedback import VIEWS_PER_WISH
from recsys.simulation.setting.catalogue import CATEGORIES, CATEGORY_NAMES
from recsys.simulation.setting.tastes import Floats, Ints, Own, Population, rates
from recsys.simulation.world import World

_OWN_VIEW_HOURS = 4.0
"""A view so short before the own booking of the activity belongs to the booking, for which 25 minutes are the mean."""
_LEAST = 1e-12


@dataclass(frozen=True)
class Habits:
    """What the hours, kinds, styles and reach of a guess say of the past.

    Attributes:
        powers: (3, N_NESTS, n) sums over sessions of the chance to book a wish, its square and its cube.
        at_booked: (n_booked,) the chance of what was booked.
    """

    powers: Floats
    at_booked: Floats

    def where(self, accepted: Bools, other: Habits, booked_row: Ints) -> Habits:
        """`self` in accepted rows, else `other`."""
        return Habits(
            np.where(accepted, self.powers, other.powers),
            np.where(accepted[booked_row], self.at_booked, other.at_booked),
        )


@dataclass(frozen=True)
class Evidence:
    """All that is seen of some people before `as_of`, and the likelihood's constants.

    Attributes:
        choice: Sessions that could be booked before `as_of`.
        weight: (n_sessions,) factor on the chances: drawn noise, and the share of requests that come before `as_of`.
        booked_row, booked_session: (n_booked,) requests.
        booked_along: (n_booked,) chance to have come along with the companion.
        views: (n, N_NESTS) looks at activities, and `views_a_wish`: how many are expected of a wish a week.
        interests: (n, 4) categories named, in this order; -1 where fewer are.
    """

    choice: Choice
    weight: Floats
    booked_row: Ints
    booked_session: Ints
    booked_along: Floats
    views: Floats
    views_a_wish: Floats
    interests: Ints

    def for_guesses(self, copies: int) -> Evidence:
        """The same with `copies` rows a person, one copy of all people after the other."""
        n = len(self.views)
        rows = np.concatenate([self.booked_row + k * n for k in range(copies)])
        return Evidence(
            self.choice.for_guesses(copies),
            self.weight,
            rows,
            np.tile(self.booked_session, copies),
            np.tile(self.booked_along, copies),
            np.tile(self.views, (copies, 1)),
            np.tile(self.views_a_wish, (copies, 1)),
            np.tile(self.interests, (copies, 1)),
        )

    def habits(self, population: Population, own: Own) -> Habits:
        """The costly part: over all sessions."""
        chance = self.choice.bookings_a_wish(population, own)
        at_booked = chance[self.booked_session, self.booked_row]
        chance *= self.weight[:, None]
        first = self.choice.by_nest(chance)
        square = chance * chance
        second = self.choice.by_nest(square)
        square *= chance
        return Habits(np.stack([first, second, self.choice.by_nest(square)]), at_booked)

    def log_likelihood(self, population: Population, own: Own, habits: Habits) -> NDArray[np.float64]:
        """(n,) of bookings, of sessions not booked, of views and of interests named.

        Sessions not booked: log(1 - p) to the third power of p, and without a companion's part, which hardly depends on
        the person.
        """
        person, child = rates(population, own)
        rate = np.concatenate([person, child], axis=1)
        first, second, third = (power.T for power in habits.powers)
        log = -(rate * (first + rate * (second / 2 + rate * third / 3))).sum(axis=1, dtype=np.float64)
        alone = np.minimum(rate[self.booked_row, self.choice.nest[self.booked_session]] * habits.at_booked, 0.9)
        chance = np.minimum(together(alone, self.booked_along * (alone > 0)) * self.weight[self.booked_session], 0.97)
        # Whoever did book did not miss that session.
        alone = np.minimum(alone * self.weight[self.booked_session], 0.97)
        seen = np.log(np.maximum(chance, _LEAST)) + alone + alone**2 / 2 + alone**3 / 3
        log += np.bincount(self.booked_row, seen, len(log))
        expected = self.views_a_wish * rate
        log += (self.views * np.log(np.maximum(expected, _LEAST)) - expected).sum(axis=1, dtype=np.float64)
        return log + self._naming(person)

    def _naming(self, rate: Floats) -> NDArray[np.float64]:
        """(n,) log-chance to name these categories in this order: the highest of noisy utilities (Plackett-Luce)."""
        liking = rate / rate.sum(axis=1, keepdims=True).clip(1e-9)
        worth = (liking + 1e-4) ** (1 / 0.8)
        left = worth.sum(axis=1, dtype=np.float64)
        log = np.zeros(len(rate))
        for named in self.interests.T:
            one = np.where(named >= 0, worth[np.arange(len(rate)), named], 0.0)
            log += np.where(named >= 0, np.log(np.maximum(one, 1e-30)) - np.log(np.maximum(left, 1e-30)), 0.0)
            left = left - one
        return log


def evidence(world: World, nums: Ints, choice: Choice, along: Floats, noise: Floats) -> Evidence:
    """What is seen of people `nums` of the world.

    Args:
        world: Made again from its knobs.
        nums: (n,) rows of its people.
        choice: Of these people and of sessions that open before `as_of`, with `session_num`.
        along: (n_sessions, n) chance to come along with the companion.
        noise: (n_sessions,) drawn factor on the chances.
    """
    as_of = pd.Timestamp(world.config.as_of)
    sessions = choice.sessions
    is_past = (sessions["starts_at"] < as_of).to_numpy()
    weight = np.where(is_past, 1.0, early_share(sessions, as_of)) * noise
    place = np.full(len(world.programme.sessions), -1)
    place[sessions["session_num"]] = np.arange(len(sessions))
    rows = world.bookings
    early = rows[~rows["is_spill"] & (rows["booked_at"] < as_of)]
    asks = pd.concat([world.wishes.asks[["user_num", "session_num"]], early[["user_num", "session_num"]]])
    row_of = np.full(len(world.people), -1)
    row_of[nums] = np.arange(len(nums))
    session, row = place[asks["session_num"]], row_of[asks["user_num"]]
    # Requests for what is over are all known, also those that clashed and left no booking; else bookings alone are.
    is_early = np.arange(len(asks)) >= len(world.wishes.asks)
    known = (session >= 0) & (row >= 0) & (is_early ^ is_past[session])
    session, row = session[known], row[known]
    return Evidence(
        choice,
        weight.astype(np.float32),
        row,
        session,
        along[session, row],
        _views(world, row_of, len(nums)),
        _views_a_wish(world, nums),
        _interests(world, nums),
    )


def _views(world: World, row_of: Ints, n: int) -> Floats:
    """(n, N_NESTS) looks that do not belong to a booking."""
    feedback, bookings = world.tables["feedback"], world.tables["bookings"]
    views = feedback.loc[feedback["kind"] == "view", ["user_id", "activity_id", "occurred_at"]]
    activity = world.programme.sessions.drop_duplicates("activity_id").set_index("activity_id")
    booked = bookings.assign(
        activity_id=bookings["session_id"].map(world.programme.sessions.set_index("session_id")["activity_id"])
    )
    later = views.reset_index().merge(booked[["user_id", "activity_id", "booked_at"]], on=["user_id", "activity_id"])
    gap = (later["booked_at"] - later["occurred_at"]).dt.total_seconds() / 3600
    views = views.drop(index=later.loc[(gap > 0) & (gap < _OWN_VIEW_HOURS), "index"].unique())
    number = pd.Series(np.arange(len(world.people)), index=world.people.table["user_id"])
    user = views["user_id"].map(number)
    views = views[user.notna()]
    row = row_of[user.dropna().astype(int)]
    seen = activity.loc[views["activity_id"]]
    nest = seen["category_num"].to_numpy() + len(CATEGORIES) * (seen["audience_num"] == CHILD).to_numpy()
    counts = np.zeros((n, N_NESTS), dtype=np.float32)
    np.add.at(counts, (row[row >= 0], nest[row >= 0]), 1)
    return counts


def _views_a_wish(world: World, nums: Ints) -> Floats:
    """(n, N_NESTS) looks expected of a wish a week: over the weeks since registering in which there was something."""
    config, sessions = world.config, world.programme.sessions
    table = world.people.table.iloc[nums]
    nest = sessions["category_num"].to_numpy() + len(CATEGORIES) * (sessions["audience_num"] == CHILD).to_numpy()
    county = sessions["county_id"].to_numpy(dtype=str)
    weeks = np.zeros((len(nums), N_NESTS), dtype=np.float32)
    for week in range(config.weeks):
        begin = pd.Timestamp(config.first_day) + pd.Timedelta(weeks=week)
        opened = (sessions["booking_opens_at"] < begin + pd.Timedelta(days=7)) & (sessions["starts_at"] > begin)
        known = (table["registered_at"] < begin).to_numpy()
        for one in np.unique(table["county_id"]):
            there = np.zeros(N_NESTS, dtype=bool)
            there[nest[opened.to_numpy() & (county == one)]] = True
            weeks += (known & (table["county_id"] == one).to_numpy())[:, None] * there
    return weeks * np.float32(VIEWS_PER_WISH[config.shape] * config.feedback)


def _interests(world: World, nums: Ints) -> Ints:
    users = world.tables["users"].set_index("user_id")["interests"]
    named = users.reindex(world.people.table["user_id"].iloc[nums])
    result = np.full((len(nums), 4), -1)
    for row, text in enumerate(named):
        if isinstance(text, str):
            categories = [CATEGORY_NAMES.index(name) for name in text.split(";")]
            result[row, : len(categories)] = categories
    return result
