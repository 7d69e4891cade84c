"""The simulator's choice model for many guesses of tastes at once; `tests` hold it against the simulator's own."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.simulation.bookings.choice import (
    CHILD,
    GRAVITY_KM,
    GRAVITY_POWER,
    Crowd,
    allowed,
    appeal,
    at_home,
    nests,
    saturated,
    seasons,
)
from recsys.simulation.config import Shape
from recsys.simulation.setting.catalogue import CATEGORIES
from recsys.simulation.setting.tastes import Floats, Ints, Own, Population, child_hours, habits

N_NESTS = 2 * len(CATEGORIES)
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Choice:
    """Sessions that people choose among, and which of the people may go.

    Attributes:
        sessions: Sorted by nest, then week; index 0..n.
        nest: (n,) what competes, within a week.
        first: First session of each nest and week; `of_first`: (n,) which of them a session belongs to.
        may: (n, n_people) 1 where the session is for the person and in the county.
        km: (n_venues, n_people).
        appeal: (n,) log-attraction that is the same for all.
        season: (n,) factor on wishes.
    """

    shape: Shape
    sessions: pd.DataFrame
    nest: Ints
    first: Ints
    of_first: Ints
    may: Floats
    km: Floats
    appeal: Floats
    season: Floats

    @classmethod
    def of(cls, crowd: Crowd, sessions: pd.DataFrame, shape: Shape) -> Choice:
        """Sessions of whole weeks, with `week_num`."""
        nest, week = nests(sessions), sessions["week_num"].to_numpy()
        order = np.lexsort((week, nest))
        ordered = sessions.iloc[order].reset_index(drop=True)
        key = nest[order] * 100_000 + week[order]
        is_first = np.append(True, key[1:] != key[:-1])
        return cls(
            shape,
            ordered,
            nest[order],
            np.flatnonzero(is_first),
            is_first.cumsum() - 1,
            (allowed(crowd, ordered) & at_home(crowd, ordered)).astype(np.float32),
            np.ascontiguousarray(crowd.km.T),
            appeal(ordered, shape).astype(np.float32),
            seasons(ordered, shape).astype(np.float32),
        )

    def for_guesses(self, copies: int) -> Choice:
        """The same with `copies` columns a person, one copy of all people after the other."""
        return replace(self, may=np.tile(self.may, copies), km=np.tile(self.km, copies))

    def bookings_a_wish(self, population: Population, own: Own, more: Floats | None = None) -> Floats:
        """(n, n_people) chance that a week's wish for the category ends in the session, times the season.

        Args:
            population: What the people share.
            own: Guesses of what is their own.
            more: (n,) added to the sessions' appeal.
        """
        slots, kinds, styles, reach = habits(population, own)
        venue, slot = self.sessions["venue_num"].to_numpy(), self.sessions["slot"].to_numpy()
        for_child = (self.sessions["audience_num"] == CHILD).to_numpy()
        hours = slots.T[slot]
        hours[for_child] = child_hours(self.shape)[slot[for_child]][:, None]
        log = kinds.T[self.sessions["kind_num"].to_numpy()]
        log += styles.T[self.sessions["style_num"].to_numpy()]
        log += hours
        log += (self.appeal if more is None else self.appeal + more)[:, None]
        near = self.km / reach
        decay = (
            near if self.shape == "logit" else np.float32(GRAVITY_POWER) * np.log1p(self.km / np.float32(GRAVITY_KM))
        )
        if self.shape == "gravity":
            decay = np.where(near <= 1, decay, np.float32(np.inf))
        log[venue >= 0] -= decay[venue[venue >= 0]]
        attraction = np.exp(log, out=log)
        attraction *= self.may
        total = np.add.reduceat(attraction, self.first, axis=0)
        share = saturated(total, self.shape) / np.maximum(total, np.float32(1e-12))
        attraction *= share[self.of_first]
        attraction *= self.season[:, None]
        return attraction

    def by_nest(self, values: Floats) -> Floats:
        """(N_NESTS, n_people) sums over the sessions of a nest."""
        first = np.flatnonzero(np.append(True, self.nest[1:] != self.nest[:-1]))
        sums = np.zeros((N_NESTS, values.shape[1]), dtype=np.float32)
        sums[self.nest[first]] = np.add.reduceat(values, first, axis=0)
        return sums


def together(alone: Floats, along: Floats) -> Floats:
    """Chance to book of who books alone or comes along with a companion."""
    return alone + along - alone * along
