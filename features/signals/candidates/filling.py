"""How a session fills: the bookings it can be expected to have in all, by now, and still to come.

A session without a booking may be unloved or may have opened an hour ago. What tells the two apart is how long it could
be booked, and what sessions like it have by then.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.demand.booking_window import booking_window, stages
from features.signals.known.events import Events
from features.signals.known.lookup import Lookup
from recsys.instants import NS_PER_DAY

HELD_DAYS = 365.0
"""Age of the oldest session that sessions are compared with."""

ALIKE_LEVELS = ("kind", "theme", "slot", "venue", "organiser", "programme", "series")
"""Keys whose sessions draw more or fewer than others, the series' effect being within all others."""

_PRIOR_BOOKINGS = 6.0
"""Expected bookings that weigh as much as a key being like any other."""
_SWEEPS = 8
_PRIOR_SESSION = 2.0
"""Bookings expected by now that weigh as much as a session being like those it is compared with."""
_SHARES = np.linspace(0.0, 1.0, 21)
_LEADS = np.array([0, 0.25, 0.5, 1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 17, 21, 28, 42, 90.0])
"""Shares of the time that a session can be booked, and days before its start, between which curves run straight."""


@dataclass(frozen=True)
class Filling:
    """How far the booking of each session has come.

    Attributes:
        so_far: (n_sessions,) bookings, whatever became of them.
        due: (n_sessions,) share of all its bookings that it should have by now; 1 for sessions that have begun.
        opened: (n_sessions,) days until it can be booked, negative if it can, NaN if unknown.
        closed: (n_sessions,) days until it no longer can.
        held: (n_sessions,) whether it is one of those that are compared with.
    """

    so_far: NDArray[np.float64]
    due: NDArray[np.float64]
    opened: NDArray[np.float64]
    closed: NDArray[np.float64]
    held: NDArray[np.bool_]


def filling_of(table: pd.DataFrame, lookup: Lookup, everybody: Events, at: pd.Timestamp) -> Filling:
    """How far booking has come.

    Args:
        table: Contract rows of all sessions in the order of the lookup.
        lookup: Activities and sessions.
        everybody: What people did.
        at: Instant.
    """
    # Who gave back, stayed away or found no place wanted to come all the same; few are told of sessions ahead.
    booked = everybody.only(everybody.sessions >= 0)
    so_far = np.bincount(booked.sessions, minlength=len(lookup.sessions)).astype(np.float64)
    age = (at.value - lookup.session_start) / NS_PER_DAY
    held = (age >= 0) & (age < HELD_DAYS) & table["cancelled_at"].isna().to_numpy(dtype=bool)
    opened, closed = booking_window(table, at)
    due = due_by_now(booked.only(held[booked.sessions]), opened, closed, -age)
    return Filling(so_far, np.where(age >= 0, 1.0, due), opened, closed, held)


def filling_facts(filling: Filling, session_nums: NDArray[np.int64], lookup: Lookup) -> dict[str, NDArray[np.float64]]:
    """Name to (n_candidates,) signal; times that are not known give NaN.

    `filled_lift` is the logarithm of the bookings so far over those expected by now, both with a few added.

    Args:
        filling: How far booking has come.
        session_nums: (n_candidates,) session row.
        lookup: Activities and sessions.
    """
    total = expected_total(filling.so_far, filling.held, lookup)[session_nums]
    due = filling.due[session_nums]
    expected = total * due
    lift = np.log((filling.so_far[session_nums] + _PRIOR_SESSION) / (expected + _PRIOR_SESSION))
    return {
        "days_bookable": -filling.opened[session_nums],
        "share_bookable": stages(filling.opened, filling.closed, np.zeros(len(filling.opened)))[session_nums],
        "expected_total": total,
        "expected_by_now": expected,
        "expected_rest": total * (1.0 - due) * np.exp(lift),
        "filled_lift": lift,
    }


def due_by_now(
    booked: Events, opened: NDArray[np.float64], closed: NDArray[np.float64], lead_days: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(n_sessions,) share of a session's bookings that held sessions had at the same stage.

    The stage is the share of the time for booking that has gone by; where that time is unknown, the days to the start.

    Args:
        booked: Bookings of held sessions.
        opened: (n_sessions,) days until it can be booked, negative if it can, NaN if unknown.
        closed: (n_sessions,) days until it no longer can.
        lead_days: (n_sessions,) days until it starts.
    """
    of = booked.sessions
    stage = stages(opened[of], closed[of], -booked.days)
    gone = np.histogram(stage[~np.isnan(stage)], _SHARES)[0] + 1.0
    by_stage = np.append(0.0, np.cumsum(gone) / gone.sum())
    lead = np.clip(lead_days[of] + booked.days, 0.0, _LEADS[-1] - 1e-6)
    ahead = np.histogram(lead, _LEADS)[0].astype(np.float64)
    by_lead = np.append(np.cumsum(ahead[::-1])[::-1], 0.0) / max(ahead.sum(), 1.0)
    share = stages(opened, closed, np.zeros(len(opened)))
    return np.where(np.isnan(share), np.interp(lead_days, _LEADS, by_lead), np.interp(share, _SHARES, by_stage))


def expected_total(booked: NDArray[np.float64], held: NDArray[np.bool_], lookup: Lookup) -> NDArray[np.float64]:
    """(n_sessions,) bookings a session can be expected to have in all, from those held that are like it.

    A product of effects of its keys, each learned beside the others and drawn to 1 like the mean of a gamma.

    Args:
        booked: (n_sessions,) bookings so far.
        held: (n_sessions,) sessions to learn from.
        lookup: Keys.
    """
    seen = booked[held]
    mean = (seen.sum() + 1.0) / (len(seen) + 1.0)
    expected = np.full(len(held), mean)
    keys = {level: lookup.of_sessions[level] for level in ALIKE_LEVELS}
    effects = {level: np.ones(len(lookup.keys[level]) + 1) for level in ALIKE_LEVELS}
    for _ in range(_SWEEPS):
        for level, key in keys.items():
            without = expected / effects[level][key]
            observed = np.bincount(key[held] + 1, seen, len(effects[level]))[1:]
            due = np.bincount(key[held] + 1, without[held], len(effects[level]))[1:]
            effects[level] = np.append((observed + _PRIOR_BOOKINGS) / (due + _PRIOR_BOOKINGS), 1.0)
            expected = without * effects[level][key]
    return expected
