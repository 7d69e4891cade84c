"""Signals of how much each candidate pulls on each person, part by part and in all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.signals.candidates.crowd import Signals
from features.signals.candidates.offer import DAYS_A_WEEK, N_HOURS, hour_kinds
from features.signals.catalogue import Catalogue
from features.signals.known.events import Events
from features.signals.known.lookup import take_or_missing
from features.signals.learned.posterior import own_multiples
from features.signals.learned.pull import Candidates, Pull
from features.signals.learned.whereabouts import Whereabouts, whereabouts
from features.signals.learned.wishes import Seen
from features.signals.people import UserBlock
from recsys.products import row_products


@dataclass(frozen=True)
class Pulled:
    """What pulls on the people of a block.

    Attributes:
        pull: What was learned.
        candidates: What is the same for people of an age.
        hours: (n_users, N_HOURS) log of what each hour leaves, the person's own habits counted.
        whereabouts: What distances leave to those of them without a known home.
    """

    pull: Pull
    candidates: Candidates
    hours: NDArray[np.float64]
    whereabouts: Whereabouts


def pulled(pull: Pull, catalogue: Catalogue, block: UserBlock, seen: Seen, rates: NDArray[np.float64]) -> Pulled:
    """What pulls on a block of people.

    Args:
        pull: What was learned.
        catalogue: Candidates.
        block: People.
        seen: Of the same people.
        rates: (n_users, n_keys) log rates of wishes, NaN for keys not learned.
    """
    hours = own_hours(pull, catalogue, block, seen, rates)
    return Pulled(pull, pull.candidates(catalogue), hours, whereabouts(pull, catalogue, block))


def own_hours(
    pull: Pull, catalogue: Catalogue, block: UserBlock, seen: Seen, rates: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(n_users, N_HOURS) what hours leave: of the age group, times a multiple that is the person's own."""
    due = expected_by_hour(catalogue, seen, rates) * np.exp(pull.hours)[block.profiles.groups["age"]] * pull.hour_scale
    counts = booked_by_hour(block.events, catalogue, len(block))
    own, _ = own_multiples(counts, np.nonzero(counts), due, pull.own)
    return np.asarray(pull.hours[block.profiles.groups["age"]] + np.log(own))


def expected_by_hour(catalogue: Catalogue, seen: Seen, rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n_users, N_HOURS) bookings that rates and sessions near home make, were hours all alike."""
    wanted = np.nan_to_num(np.exp(rates), nan=0.0) * seen.offered
    return row_products(wanted, catalogue.offer.hours)


def booked_by_hour(events: Events, catalogue: Catalogue, n_users: int) -> NDArray[np.float64]:
    """(n_users, N_HOURS) bookings of the weeks whose offer `expected_by_hour` counts."""
    offer = catalogue.offer
    sessions = np.where(events.days <= offer.n_weeks * DAYS_A_WEEK, events.sessions, -1)
    hours = take_or_missing(hour_kinds(catalogue.lookup, offer.is_for_children), sessions)
    return events.table(hours, (n_users, N_HOURS), np.ones(len(hours)))


def pull_signals(
    of_block: Pulled | None, block: UserBlock, rows: NDArray[np.int64], cols: NDArray[np.int64], signals: Signals
) -> Signals:
    """Parts of the pull in logarithms, and with the wish the bookings that are expected of the pair; {} without any.

    Args:
        of_block: What pulls on the people; None where it was not learned.
        block: The people.
        rows: (n_pairs,) person.
        cols: (n_pairs,) candidate.
        signals: At least the distance and the rate of the wish of each pair.
    """
    if of_block is None:
        return {}
    here, ages = of_block.candidates, block.profiles.groups["age"].take(rows)
    from_home = of_block.pull.of_distance(ages, np.asarray(signals["km_from_home"], dtype=np.float64))
    distance = of_block.whereabouts.of_pairs(rows, cols, from_home)
    hour = of_block.hours.ravel().take(rows * of_block.hours.shape[1] + here.hour.take(cols))
    n_ages, width = here.for_ages.shape
    total = distance + hour + here.for_ages.ravel().take(ages % n_ages * width + cols)
    return {
        "pull_distance": distance,
        "pull_hour": hour,
        "pull_draw": here.draw.take(cols),
        "pull_rest": here.rest.take(cols),
        "pull": total,
        "expected": total + signals["score_wish-rate"],
    }
