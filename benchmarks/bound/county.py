"""A simulated county made again from its manifest, and some of its people with all that is seen of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from benchmarks.bound.choice import Bools, Choice, together
from benchmarks.bound.evidence import Evidence, evidence
from benchmarks.bound.guesses import rows_of
from recsys.errors import DataError
from recsys.simulation.bookings.choice import Crowd
from recsys.simulation.bookings.counts import early_share, week_nums
from recsys.simulation.config import SimulationConfig
from recsys.simulation.scoring.judged import Judged
from recsys.simulation.setting.people import Drawn, draw_people
from recsys.simulation.setting.tastes import Floats, Ints, Own, Population, rates
from recsys.simulation.truth.oracle import Truth
from recsys.simulation.world import World, make_world, streams_of

_SESSIONS_AHEAD_DAYS = 28
"""Booking opens at most 21 days before."""


@dataclass(frozen=True)
class County:
    """A world and where its people's tastes come from."""

    world: World
    drawn: Drawn

    @classmethod
    def of(cls, truth: Truth) -> County:
        """The world of a truth's knobs.

        Raises:
            DataError: other people come out, as when another version of the simulator wrote it.
        """
        config = SimulationConfig.model_validate(truth.manifest["knobs"])
        world = make_world(config)
        streams = streams_of(config)
        drawn = draw_people(world.place, config, streams[1])
        if not np.array_equal(drawn.people.rates, truth.people.rates):
            raise DataError("truth", ["its people are not those of this simulator's seed"])
        return cls(world, drawn)

    @cached_property
    def sessions(self) -> pd.DataFrame:
        """All sessions with `session_num`, `week_num`."""
        sessions = self.world.programme.sessions
        return sessions.assign(session_num=np.arange(len(sessions)), week_num=week_nums(sessions, self.world.config))

    def choice(self, nums: Ints, sessions: pd.DataFrame) -> tuple[Choice, Floats]:
        """The choice of people `nums` among sessions, and (n_sessions, n) how likely they come along."""
        world, config = self.world, self.world.config
        venues = world.place.venues
        choice = Choice.of(Crowd.of(world.people, nums, venues), sessions, config.shape)
        companion = world.people.companion[nums]
        theirs = Choice.of(Crowd.of(world.people, companion, venues), sessions, config.shape)
        population, own = self.drawn.population.of(companion), rows_of(self.drawn.own, companion)
        along = alone(theirs, population, own) * np.float32(config.companion_share)
        along[:, companion == nums] = 0
        return choice, along

    def known(self, nums: Ints) -> Evidence:
        """What is seen of people `nums`."""
        as_of = pd.Timestamp(self.world.config.as_of)
        last = int(self.sessions.loc[self.sessions["starts_at"] < as_of, "week_num"].max()) + 1
        ahead = self.sessions["week_num"] < last + _SESSIONS_AHEAD_DAYS // 7
        choice, along = self.choice(nums, self.sessions[ahead])
        return evidence(self.world, nums, choice, along, self.world.wishes.noise[choice.sessions["session_num"]])


def alone(choice: Choice, population: Population, own: Own, more: Floats | None = None) -> Floats:
    """(n_sessions, n) chance to ask for a place of one's own accord."""
    chance = choice.bookings_a_wish(population, own, more)
    chance *= np.concatenate(rates(population, own), axis=1).T[choice.nest]
    return np.minimum(chance, np.float32(0.9))


@dataclass(frozen=True)
class Ahead:
    """What the people judged may book in the window.

    Attributes:
        choice: All sessions of the window's weeks.
        along: (n_sessions, n) chance to come along.
        late: (n_sessions,) share of the requests still to come.
        offered: Sessions that can be offered, sorted by `activity`, their column in the lists.
        fits: (n_offered, n) allowed, not booked, nothing held at that time.
    """

    choice: Choice
    along: Floats
    late: Floats
    offered: Ints
    activity: Ints
    fits: Bools

    @classmethod
    def of(cls, county: County, nums: Ints, judged: Judged, fits: Bools) -> Ahead:
        """`judged` of people `nums`, `fits` (n, n_sessions) of its sessions."""
        wanted = judged.sessions["session_id"]
        sessions = county.sessions
        weeks = sessions.loc[sessions["session_id"].isin(wanted), "week_num"]
        choice, along = county.choice(nums, sessions[sessions["week_num"].isin(weeks)])
        place = pd.Series(np.arange(len(choice.sessions)), index=choice.sessions["session_id"])
        order = np.argsort(judged.sessions["activity"].to_numpy(), kind="stable")
        late = 1 - early_share(choice.sessions, pd.Timestamp(county.world.config.as_of))
        return cls(
            choice,
            along,
            late.astype(np.float32),
            place[wanted.to_numpy()[order]].to_numpy(),
            judged.sessions["activity"].to_numpy()[order],
            np.ascontiguousarray(fits.T[order]),
        )

    def relevance(self, population: Population, own: Own, more: Floats | None = None) -> Floats:
        """(n, n_activities) chance to book an activity at `as_of` or later, as `Judged.relevance`."""
        by_oneself = alone(self.choice, population, own, more)
        chance = together(by_oneself, self.along * (by_oneself > 0))[self.offered] * self.late[self.offered][:, None]
        log_none = np.log1p(-np.minimum(chance * self.fits, 0.999))
        first = np.flatnonzero(np.append(True, self.activity[1:] != self.activity[:-1]))
        return np.asarray(-np.expm1(np.add.reduceat(log_none, first, axis=0))).T
