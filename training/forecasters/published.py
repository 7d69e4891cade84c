"""What the sessions that are already published will draw: from what is on hand, and what their like drew."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.demand.calendar import day_table
from features.demand.sessions import SessionBook
from recsys.shrinkage import shrunk
from training.forecasters.booking_curve import DAYS, LEAST_PLACES, BookingCurve, PublishedRows, fit_booking_curve
from training.forecasters.boosting import BoostingConfig, CountBooster, fit_boosting
from training.forecasters.competition import crowding
from training.forecasters.effects import REFIT_WEEKS, effect_means
from training.forecasters.levels import decayed_sums

HALF_LIFE_WEEKS = 10.0
SHRINKAGE_SESSIONS = 3.0
_TREND_HALF_LIVES = (3.0, 16.0)
_TRUST = 0.3
"""How far trees move a session's mean: wholly trusted they carry what a session drew by chance into its like."""


@dataclass(frozen=True)
class PublishedForecaster:
    """Mean places of a published session: by booking curve and level, moved by trees."""

    curve: BookingCurve
    booster: CountBooster

    def means(self, rows: PublishedRows) -> NDArray[np.float64]:
        """(n_rows,) final places."""
        return self.booster.means(rows.features, self.curve.means(rows))


def published_rows(book: SessionBook, values: NDArray[np.float64], n_origins: int, horizon: int) -> PublishedRows:
    """Rows of every session at every origin j < `n_origins` where it was known, open and at most `horizon` weeks ahead.

    `values` (n_sessions,) are what past sessions drew, for the levels; those not yet begun by an origin do not count.
    """
    session, origin = _visible(book, n_origins, horizon)
    lead = origin - book.age[session]
    on_hand = book.on_hand[session, lead].astype(np.float64)
    levels, weights = _levels(book, values, session, origin, n_origins)
    by_effects, unknown = effect_means(book, values, n_origins)
    column = -(-origin // REFIT_WEEKS)
    level = by_effects[session, column]
    ahead = book.week[session] + origin
    open_for = book.opens_age[session] - origin
    weeks = lead + _part_of_week(book, session)
    days = np.floor(DAYS * weeks + 1e-6).astype(np.int64)
    columns = [
        np.clip(open_for, -2.0, 8.0),
        weeks,
        ahead,
        on_hand,
        on_hand / np.maximum(level, LEAST_PLACES),
        book.capacity[session],
        on_hand / book.capacity[session],
        level / book.capacity[session],
        np.minimum(book.known_age[session] - origin, 60.0),
        book.price[session],
        *(np.log(np.maximum(one, LEAST_PLACES)) for one in levels),
        *weights,
        *_trends(book, values, session, origin, n_origins),
        *crowding(book, session, origin, n_origins),
        *(trait[session] for trait in book.traits.values()),
        *(_mean_by(book, book.keys[name], values, origin, session, n_origins) for name in ("kind", "audience")),
        *_calendar_columns(book, session),
    ]
    features = np.column_stack([np.asarray(column, dtype=np.float32) for column in columns])
    level = np.maximum(level, LEAST_PLACES)
    return PublishedRows(session, origin, ahead, days, open_for, on_hand, level, unknown[session, column], features)


def fit_published(
    book: SessionBook,
    rows: PublishedRows,
    values: NDArray[np.float64],
    cut_origin: int,
    config: BoostingConfig,
    rng: np.random.Generator,
) -> PublishedForecaster:
    """Learns from the sessions that had begun by origin `cut_origin`; `values` (n_sessions,) are what they drew."""
    known = np.flatnonzero(book.age[rows.session] > cut_origin)
    part = rows.where(known)
    drawn = values[part.session]
    curve = fit_booking_curve(part, drawn, book.on_hand.shape[1])
    booster = fit_boosting(part.features, drawn, curve.means(part), config, rng)
    return PublishedForecaster(curve, replace(booster, share=_TRUST))


def _visible(book: SessionBook, n_origins: int, horizon: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    n_leads = book.on_hand.shape[1]
    lead = np.arange(n_leads)
    origin = book.age[:, None] + lead
    inside = (origin >= 0) & (origin < n_origins)
    inside &= (book.week[:, None] + origin >= 0) & (book.week[:, None] + origin < horizon)
    inside &= (book.known_age[:, None] >= origin) & (book.cancelled_age[:, None] < origin)
    session, place = np.nonzero(inside)
    return session, origin[session, place]


def _levels(
    book: SessionBook,
    values: NDArray[np.float64],
    session: NDArray[np.int64],
    origin: NDArray[np.int64],
    n_origins: int,
) -> tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]]:
    """Per row, decayed means from the general to the particular, each pulled towards the one before; and counts."""
    ages = np.where(book.is_cancelled, 0, book.age)
    chain = [np.zeros(len(book), dtype=np.int64), *book.likeness()]
    ones = np.ones(len(book))
    prior = np.full(len(session), float(values[ages >= 1].mean()) if (ages >= 1).any() else 1.0)
    levels, weights = [], []
    for codes in chain:
        sums = decayed_sums(codes, ages, values, n_origins, HALF_LIFE_WEEKS)[codes[session], origin]
        counts = decayed_sums(codes, ages, ones, n_origins, HALF_LIFE_WEEKS)[codes[session], origin]
        prior = shrunk(sums, counts, SHRINKAGE_SESSIONS, prior)
        levels.append(prior)
        weights.append(counts)
    return levels, weights


def _trends(
    book: SessionBook,
    values: NDArray[np.float64],
    session: NDArray[np.int64],
    origin: NDArray[np.int64],
    n_origins: int,
) -> list[NDArray[np.float64]]:
    """Log of the recent mean a session over the long one, of all, of the category and of its like nearby."""
    ages = np.where(book.is_cancelled, 0, book.age)
    ones = np.ones(len(book))
    found = []
    for codes in (np.zeros(len(book), dtype=np.int64), *book.likeness()[:2], book.keys["activity"]):
        means = []
        for half_life in _TREND_HALF_LIVES:
            sums = decayed_sums(codes, ages, values, n_origins, half_life)[codes[session], origin]
            counts = decayed_sums(codes, ages, ones, n_origins, half_life)[codes[session], origin]
            means.append((sums + 1.0) / (counts + 0.3))
        found.append(np.log(means[0] / means[1]))
    return found


def _mean_by(
    book: SessionBook,
    codes: NDArray[np.int64],
    values: NDArray[np.float64],
    origin: NDArray[np.int64],
    session: NDArray[np.int64],
    n_origins: int,
) -> NDArray[np.float64]:
    """Log of what sessions of the same code drew before the origin; NaN for an unknown code."""
    ages = np.where(book.is_cancelled, 0, book.age)
    sums = decayed_sums(codes, ages, values, n_origins, HALF_LIFE_WEEKS)[codes[session], origin]
    counts = decayed_sums(codes, ages, np.ones(len(book)), n_origins, HALF_LIFE_WEEKS)[codes[session], origin]
    means = np.log(np.maximum((sums + 1.0) / (counts + 0.3), LEAST_PLACES))
    return np.where(codes[session] >= 0, means, np.nan)


def _part_of_week(book: SessionBook, session: NDArray[np.int64]) -> NDArray[np.float64]:
    exact = (book.starts[session] - np.datetime64(book.as_of)) / np.timedelta64(7, "D")
    return np.asarray(exact + book.age[session], dtype=np.float64)


def _calendar_columns(book: SessionBook, session: NDArray[np.int64]) -> list[NDArray[np.float64]]:
    days = book.starts.astype("datetime64[D]")
    distinct, where = np.unique(days, return_inverse=True)
    table = day_table(distinct)
    starts = pd.DatetimeIndex(book.starts)
    per_session = [
        starts.dayofweek.to_numpy(dtype=float),
        (starts.hour + starts.minute / 60).to_numpy(dtype=float),
        *(table[name].to_numpy(dtype=float)[where] for name in table.columns if name != "is_announced"),
    ]
    return [column[session] for column in per_session]
