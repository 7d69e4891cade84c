"""Published sessions on the way to their start: how bookings come in, and what those on hand say of the rest."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
from numpy.typing import NDArray

DAYS = 7
LEAST_PLACES = 0.02
"""No mean is lower: its logarithm is taken."""

_OPEN_WEEKS = (0.0, 0.3, 0.7, 1.2, 2.2)
N_STAGES = len(_OPEN_WEEKS) + 2
_PRIOR_PLACES = 50.0
"""Places that shares of a day are drawn by to those of its week, and of a stage to those of its day."""

_UNSEEN_SHARE = 0.5
"""On hand, where no session has been seen to fill: it halves with each week before the start."""

_OWN_VARIANCE = (0.0, 0.015, 0.03, 0.06, 0.12, 0.25, 0.5, 1.0, 2.0)
_UNKNOWN_SHARE = (0.0, 0.25, 0.5, 1.0, 2.0)


@dataclass(frozen=True)
class PublishedRows:
    """One row a published session and origin before its start.

    Attributes:
        session: Row of the session book.
        origin: Weeks back of the origin.
        ahead: Week ahead, 0 being the origin's own week.
        days: Whole days from the origin to the start.
        open_for: Weeks that it could be booked by then, negative before that; NaN where not stated.
        on_hand: Places booked by then.
        level: What sessions like it drew before the origin, in places.
        unknown: Variance of the level's logarithm that the sessions before the origin leave open.
        features: (n_rows, n_features).
    """

    session: NDArray[np.int64]
    origin: NDArray[np.int64]
    ahead: NDArray[np.int64]
    days: NDArray[np.int64]
    open_for: NDArray[np.float64]
    on_hand: NDArray[np.float64]
    level: NDArray[np.float64]
    unknown: NDArray[np.float64]
    features: NDArray[np.float32]

    def where(self, chosen: NDArray[np.int64]) -> PublishedRows:
        """The chosen rows."""
        return PublishedRows(**{one.name: getattr(self, one.name)[chosen] for one in fields(self)})


@dataclass(frozen=True)
class BookingCurve:
    """How bookings come in: by days ahead and by how long a session can be booked.

    Attributes:
        so_far: (n_days, n_stages) places on hand, as a share of those in the end; the rest is to come.
        own_variance: Of the factor by which sessions differ from their level, relative to it.
        unknown_share: How much of what is not known of a session's level is added to that: a single event without a
            past differs more than the ninth date of a course.
    """

    so_far: NDArray[np.float64]
    own_variance: float
    unknown_share: float

    def means(self, rows: PublishedRows) -> NDArray[np.float64]:
        """(n_rows,) final places: on hand, and the rest by a level that what is on hand has moved.

        The mean of a gamma-Poisson session: a factor of mean 1, of which the places on hand tell.
        """
        so_far = self.so_far[rows.days, _stage(rows.open_for)]
        firmness = 1 / np.maximum(self.own_variance + self.unknown_share * rows.unknown, 1e-9)
        factor = (firmness + rows.on_hand) / (firmness + so_far * rows.level)
        return np.maximum(rows.on_hand + (1 - so_far) * rows.level * factor, LEAST_PLACES)


def fit_booking_curve(rows: PublishedRows, drawn: NDArray[np.float64], n_leads: int) -> BookingCurve:
    """Shares by day, drawn to each week's and from there to each stage's own; `drawn` (n_rows,) came in the end.

    Shares are of what came, not of the level: by how much levels of long ago missed says little of today's. The
    variances are those with which the means fit best, as Poisson means; without anything on hand they do not matter.
    """
    so_far = _shares(rows, drawn, DAYS * n_leads)
    stage = _stage(rows.open_for)
    told = np.flatnonzero(so_far[rows.days, stage] > LEAST_PLACES)
    if not len(told):
        return BookingCurve(so_far, 0.0, 0.0)
    known, came = rows.where(told), drawn[told]
    curves = [BookingCurve(so_far, *both) for both in itertools.product(_OWN_VARIANCE, _UNKNOWN_SHARE)]
    losses = []
    for curve in curves:
        mean = curve.means(known)
        losses.append(float((mean - came * np.log(mean)).sum()))
    return curves[int(np.argmin(losses))]


def _shares(rows: PublishedRows, drawn: NDArray[np.float64], n_days: int) -> NDArray[np.float64]:
    """(n_days, N_STAGES)."""
    cell = rows.days * N_STAGES + _stage(rows.open_for)
    on_hand, came = (
        np.bincount(cell, weights=places, minlength=n_days * N_STAGES).reshape(n_days, N_STAGES)
        for places in (rows.on_hand, drawn)
    )
    if not came.any():
        # No bookings have been seen to come in yet: places on hand may not move a level.
        weeks_ahead = np.arange(n_days) // DAYS + 1.0
        return np.repeat(_UNSEEN_SHARE ** weeks_ahead[:, None], N_STAGES, axis=1)
    of_day = [one.sum(axis=1) for one in (on_hand, came)]
    of_week = [np.repeat(one.reshape(-1, DAYS).sum(axis=1), DAYS) for one in of_day]
    # A week without past sessions behaves like the one before it.
    by_week = _filled(of_week[0] / np.where(of_week[1] > 0, of_week[1], np.nan), 0.0)
    by_day = (of_day[0] + _PRIOR_PLACES * by_week) / (of_day[1] + _PRIOR_PLACES)
    return np.clip((on_hand + _PRIOR_PLACES * by_day[:, None]) / (came + _PRIOR_PLACES), 0.0, 1.0)


def _stage(open_for: NDArray[np.float64]) -> NDArray[np.int64]:
    """0: not to be booked yet; 1 and up: for how long; the last: not stated."""
    return np.where(np.isnan(open_for), N_STAGES - 1, np.digitize(open_for, _OPEN_WEEKS))


def _filled(values: NDArray[np.float64], otherwise: float) -> NDArray[np.float64]:
    return pd.Series(values).ffill().bfill().fillna(otherwise).to_numpy(dtype=float)
