"""Learns willingness: people given what they could reach, and circumstances given people, in turn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.geography.positions import Positions
from features.willingness.circumstances import Circumstances
from features.willingness.circumstances_fit import learn_circumstances, with_confirmed_hours
from features.willingness.competition import DILUTION, MIN_SESSIONS, compared, weighed, within_courses
from features.willingness.config import LatentConfig
from features.willingness.exposure import Exposure
from features.willingness.facts import Facts
from features.willingness.people import people_rates
from features.willingness.seasons import outlook
from features.willingness.walk import Walk, turned_away, walk
from recsys.dataset import Dataset, local_times
from recsys.openings.learned.saturation import Saturation
from recsys.regions import RegionTree
from recsys.sums import sums_by

MIN_BOOKINGS = 500
"""Bookings below which the strength of saturation is not learned."""

FEW_PEOPLE = 60.0
"""People that those seen in training must outweigh to change how many are expected there."""


@dataclass(frozen=True)
class Willingness:
    """What was learned of people, distance and time.

    Expected people a week of user u at a training class of category c at venue v in cell s, when nothing else
    is on, is `rate[u, c] * outlook[c, week] * saturation.used(reach[u, v] * fit[group(u), s])`, `reach` as the decay
    of `circumstances` makes it of the distance.

    Attributes:
        exposure: What could be booked.
        circumstances: Distance, time, kind, courses.
        rate: (n_users, n_categories) people a week at a class next door at a mean time of week and year.
        outlook: (n_categories, n_weeks) what training of each category is wanted in the weeks ahead.
        saturation: How interest is used up.
    """

    exposure: Exposure
    circumstances: Circumstances
    rate: NDArray[np.float32]
    outlook: NDArray[np.float64]
    saturation: Saturation

    def fit_of_courses(self, keys: NDArray[np.object_]) -> NDArray[np.float64]:
        """(n,) fit of courses by key (see `features.willingness.offered.courses`); 1 for one not seen yet."""
        nums = self.exposure.course_ids.nums_or_missing(keys)
        return np.append(self.circumstances.course_fit, 1.0)[nums]

    def slot_fit(self, weekday: NDArray[np.int64], cell: NDArray[np.int64]) -> NDArray[np.float64]:
        """(n_age_groups, n_slots) fit of slots given by weekday and cell."""
        return self.circumstances.cell_fit[:, cell] * self.circumstances.weekday_fit[weekday][None, :]

    def new_slot_fit(self, weekday: NDArray[np.int64], cell: NDArray[np.int64]) -> NDArray[np.float64]:
        """The same for classes that are new: slots differ only by what courses left out confirm.

        At the times at which training was held the mean of each age group stays.
        """
        o, power = self.exposure, self.circumstances.confirmed
        training = o.is_training
        if not training.any():
            return self.slot_fit(weekday, cell)
        held = self.slot_fit(o.weekday[training], o.cell[training])
        level = held.mean(axis=1) / (held**power).mean(axis=1)
        return np.asarray(self.slot_fit(weekday, cell) ** power * level[:, None])


@dataclass(frozen=True)
class _Learned:
    rate: NDArray[np.float32]
    circumstances: Circumstances
    expected: NDArray[np.float64]
    inflation: NDArray[np.float64]


def fit_willingness(
    dataset: Dataset, tree: RegionTree, places: Positions, config: LatentConfig, offered: Exposure | None = None
) -> Willingness:
    """Alternates between people given what they could reach, and distance and time given people.

    Everything is a count model with multiplicative effects, each shrunk to 1 (a person's segment, then the person,
    then the person in one category), so an effect nothing is known of is 1.

    Args:
        dataset: What is known; of very many users, some.
        tree: Its regions.
        places: Where its users and venues are.
        config: Settings.
        offered: What its users could have gone to, of all users' bookings; None where it holds all of them.
    """
    facts = Facts.of(dataset, tree, places, config, offered)
    saturation = choose_saturation(facts, config)
    learned = _learned(facts, config, saturation, config.rounds)
    now = with_confirmed_hours(facts, learned.circumstances, learned.expected, learned.rate, learned.inflation)
    today = local_times(pd.Series([dataset.data_until]), dataset.timezone).to_numpy()[0].astype("datetime64[D]")
    ahead = outlook(today, now.wave, now.own_wave, now.holidays)
    return Willingness(facts.offered, now, learned.rate, ahead, saturation)


def choose_saturation(facts: Facts, config: LatentConfig) -> Saturation:
    """Strength of saturation by `features.willingness.competition`, the mean of those tried weighed by likelihood.

    Learned anew under each, as it would look within courses, on users drawn evenly.
    """
    tried = np.array(config.curvatures)
    rows = compared(facts.offered)
    cut = facts.offered.is_full & (not facts.offered.keeps_waiting)
    some = facts.some(config.trial_users)
    if len(tried) == 1 or len(rows) < MIN_SESSIONS or len(some.offered.booking_user) < MIN_BOOKINGS:
        return Saturation(config.family, float(np.median(tried)))
    seen = sums_by(some.offered.booking_session, some.offered.people, len(some.offered.week))
    fits = []
    for k in tried:
        learned = _learned(some, config, Saturation(config.family, k / DILUTION), config.trial_rounds)
        fits.append(within_courses(some.offered, rows, seen, learned.expected.sum(axis=0), cut))
    return Saturation(config.family, weighed(tried, np.array(fits)))


def _learned(facts: Facts, config: LatentConfig, saturation: Saturation, rounds: int) -> _Learned:
    o = facts.offered
    now, inflation = Circumstances.before(o), np.ones(len(o.week))
    asked = sums_by(o.booking_session, o.people, len(o.week))

    def walked(rate: NDArray[np.float32] | None = None) -> Walk:
        return walk(o, facts.homes, now.decay, now.weight(o), now.season(o), saturation, rate)

    def rates() -> NDArray[np.float32]:
        exposed = walked().exposed
        return people_rates(facts.segments, facts.strengths, facts.signals, o.counts(inflation), exposed, config)

    for _ in range(rounds):
        rate = rates()
        expected = walked(rate)
        now = learn_circumstances(facts, now, expected, rate, inflation, config)
        if not o.keeps_waiting:
            inflation = turned_away(o.asked, o.is_full, o.capacity, expected.expected.sum(axis=0) * o.stands_for)
    rate = rates()
    due = walked(rate).expected
    return _Learned(rate * _of_training(o, asked * inflation, due.sum(axis=0)), now, due, inflation)


def _of_training(offered: Exposure, asked: NDArray[np.float64], due: NDArray[np.float64]) -> np.float32:
    """People who asked for places in training over those expected: rates are those of all kinds together.

    Where kinds differ is told by courses, of which large ones count less than by their people; of training, which
    is planned, the sum is kept. Few people change nothing.
    """
    training = offered.is_training
    return np.float32((asked[training].sum() + FEW_PEOPLE) / (due[training].sum() + FEW_PEOPLE))
