"""What the sessions that are still to be published will draw, per region, category and week ahead."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.demand.calendar import week_table
from features.demand.sessions import SessionBook
from recsys.shrinkage import shrunk
from training.forecasters.boosting import BoostingConfig, CountBooster, fit_boosting
from training.forecasters.levels import decayed_sums

_LEAST = 0.002
_HALF_LIVES = (3.0, 12.0)
_SHRINKAGE_WEEKS = 0.15
_THIN = 0.6
_TRUST_WEEKS, _TRUST_SESSIONS = 30.0, 200.0
"""Weeks and sessions learned from at which half of what trees say counts: each is seen from many origins, so that trees
take its chance for a rule and say that there are none elsewhere, and few weeks tell neither seasons nor trends."""


@dataclass(frozen=True)
class UnpublishedRows:
    """One row an origin, series that ever had a session, and week ahead, in that order of nesting.

    Attributes:
        shape: (n_origins, n_bottoms, n_categories, horizon).
        series: (n_alive,) bottom x n_categories + category of the series that ever had a session.
        level: (n_rows,) places a week that the series drew before the origin, for as many people as there are now.
        expected: (n_origins, horizon) people of each week ahead, over those of now, as the origin expects them.
        people: (n_origins, horizon) the same as it was; meaningless for weeks not over.
        features: (n_rows, n_features).
        to_come: (n_rows,) places of sessions that were not yet known at the origin; meaningless for weeks not over.
        n_to_come: (n_rows,) how many sessions these were.
        planned: (horizon,) sessions known now of each week ahead, as a share of the usual number a week.
    """

    shape: tuple[int, int, int, int]
    series: NDArray[np.int64]
    level: NDArray[np.float64]
    expected: NDArray[np.float64]
    people: NDArray[np.float64]
    features: NDArray[np.float32]
    to_come: NDArray[np.float64]
    n_to_come: NDArray[np.float64]
    planned: NDArray[np.float64]


@dataclass(frozen=True)
class UnpublishedForecaster:
    """Mean places of sessions to come: a share of the level by week ahead, moved by trees; nothing where all is known.

    The level is that of as many people as there will be. The fewer weeks trees have learned from, the less they move.

    Attributes:
        share: (horizon,) of a week's places that are in sessions not yet published.
        booster: Moves it.
    """

    share: NDArray[np.float64]
    booster: CountBooster

    def means(self, rows: UnpublishedRows, origin: int) -> NDArray[np.float64]:
        """(n_bottoms, n_categories, horizon) places at one origin."""
        _, n_bottoms, n_categories, horizon = rows.shape
        means = np.zeros((n_bottoms * n_categories, horizon))
        if self.share.any():
            size = len(rows.series) * horizon
            part = slice(origin * size, (origin + 1) * size)
            share = np.tile(self.share, len(rows.series))
            people = np.tile(rows.expected[origin], len(rows.series))
            baseline = np.maximum(rows.level[part] * people * share, _LEAST)
            said = np.where(share > 0, self.booster.means(rows.features[part], baseline), 0.0)
            means[rows.series] = said.reshape(-1, horizon)
        return means.reshape(n_bottoms, n_categories, horizon)


def unpublished_rows(
    book: SessionBook,
    values: NDArray[np.float64],
    shape: tuple[int, int, int, int],
) -> UnpublishedRows:
    """Rows for all origins j < shape[0]; `values` (n_sessions,) are what past sessions drew."""
    n_origins, n_bottoms, n_categories, horizon = shape
    series = book.bottom * n_categories + book.category
    n_series = n_bottoms * n_categories
    alive = np.unique(series)
    known = _by_week_ahead(book, series, np.ones(len(book)), shape, is_known=True)
    offered = _by_week_ahead(book, series, np.nan_to_num(book.capacity), shape, is_known=True)
    to_come, n_to_come = (
        _by_week_ahead(book, series, what, shape, is_known=False) for what in (values, np.ones(len(book)))
    )

    def of_alive(array: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.broadcast_to(array, shape).reshape(n_origins, n_series, horizon)[:, alive].ravel()

    columns: list[NDArray[np.float64]] = []
    levels = []
    # What people draw, were there always as many as now: a growing register is not mistaken for a growing wish.
    drawn = values / book.people(0)
    for half_life in _HALF_LIVES:
        level, usual = _weekly(book, series, n_series, n_categories, drawn, n_origins, half_life)
        levels.append(level[alive])
        columns += [_spread(np.log(level[alive] + 0.05), horizon), _spread(usual[alive], horizon)]
    usual_week = usual.T.reshape(n_origins, n_bottoms, n_categories, 1)
    columns += [of_alive(known), of_alive(offered), (of_alive(known) + 0.1) / (of_alive(usual_week) + 0.1)]
    for axis in ((1, 2), (1,), (2,)):
        total_known, usual_total = (array.sum(axis=axis, keepdims=True) for array in (known, usual_week))
        columns.append(of_alive((total_known + 0.5) / (usual_total + 0.5)))
    ahead, origin = np.arange(horizon, dtype=float), np.arange(n_origins, dtype=float)[:, None, None, None]
    level = _spread(0.5 * (levels[0] + levels[1]), horizon)
    category = np.arange(n_categories, dtype=float)[None, None, :, None]
    columns += [of_alive(ahead), of_alive(category)]
    columns += _calendar_columns(book, of_alive(ahead), of_alive(origin))
    features = np.column_stack([np.asarray(column, dtype=np.float32) for column in columns])
    planned = known[0].sum(axis=(0, 1)) / max(float(usual[:, 0].sum()), 1e-9)
    middles = _middles(book, n_origins, horizon)
    expected = book.register.share(middles, seen=np.arange(n_origins, dtype=float)[:, None], over=0)
    people = book.register.share(middles, seen=0, over=0)
    return UnpublishedRows(
        shape, alive, level, expected, people, features, of_alive(to_come), of_alive(n_to_come), planned
    )


def fit_unpublished(
    rows: UnpublishedRows,
    totals: NDArray[np.float64],
    cut_origin: int,
    config: BoostingConfig,
    rng: np.random.Generator,
) -> UnpublishedForecaster:
    """Learns from weeks that were over by origin `cut_origin`; `totals` like `shape` are places of whole weeks."""
    n_origins, _, _, horizon = rows.shape
    grid = (n_origins, len(rows.series), horizon)
    ahead = np.broadcast_to(np.arange(horizon), grid)
    origin = np.broadcast_to(np.arange(n_origins)[:, None, None], grid)
    over = np.flatnonzero((ahead - origin < -cut_origin).ravel())
    came, week = rows.to_come[over], ahead.ravel()[over]
    total = totals.reshape(n_origins, -1, horizon)[:, rows.series].ravel()[over]
    drawn = np.bincount(week, weights=total, minlength=horizon)
    share = np.bincount(week, weights=came, minlength=horizon) / np.where(drawn > 0, drawn, np.nan)
    share = pd.Series(np.clip(share, 0, 1)).ffill().bfill().fillna(0.0).to_numpy(dtype=float)
    if not share.any():
        return UnpublishedForecaster(_thinning(rows.planned), CountBooster(None))
    people = np.broadcast_to(rows.people[:, None], grid).ravel()[over]
    baseline = np.maximum(rows.level[over] * people * share[week], _LEAST)
    booster = fit_boosting(rows.features[over], came, baseline, config, rng)
    n_weeks = n_origins - 1 - cut_origin
    # At one distance each session is seen once.
    n_sessions = float(np.bincount(week, weights=rows.n_to_come[over]).max())
    trust = n_weeks / (n_weeks + _TRUST_WEEKS) * n_sessions / (n_sessions + _TRUST_SESSIONS)
    return UnpublishedForecaster(share, replace(booster, share=trust))


def _thinning(planned: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share still to be published where no time of publishing was ever stated, read off how the plan thins out.

    A timetable that goes on as usual is whole; one that falls under 60 % of the usual week and never recovers is
    only filled so far. The week under way is whole.
    """
    best_after = np.maximum.accumulate(planned[::-1])[::-1]
    share = np.where(best_after < _THIN, 1 - best_after, 0.0)
    share[:1] = 0.0
    return np.clip(share, 0.0, 1.0)


def weekly_totals(
    book: SessionBook, values: NDArray[np.float64], shape: tuple[int, int, int, int]
) -> NDArray[np.float64]:
    """`shape` places of the whole week that lies so many weeks after each origin, as known at `as_of`."""
    series = book.bottom * shape[2] + book.category
    return _by_week_ahead(book, series, values, shape, is_known=None)


def _by_week_ahead(
    book: SessionBook,
    series: NDArray[np.int64],
    values: NDArray[np.float64],
    shape: tuple[int, int, int, int],
    *,
    is_known: bool | None,
) -> NDArray[np.float64]:
    n_origins, n_bottoms, n_categories, horizon = shape
    n_series = n_bottoms * n_categories
    sums = np.zeros((n_origins, n_series, horizon))
    for ahead in range(horizon):
        origin = ahead - book.week
        inside = (origin >= 0) & (origin < n_origins)
        if is_known is True:
            inside &= (book.known_age >= origin) & (book.cancelled_age < origin)
        elif is_known is False:
            inside &= book.known_age < origin
        flat = origin[inside] * n_series + series[inside]
        sums[:, :, ahead] = np.bincount(flat, weights=values[inside], minlength=n_origins * n_series).reshape(
            n_origins, n_series
        )
    return sums.reshape(shape)


def _weekly(
    book: SessionBook,
    series: NDArray[np.int64],
    n_series: int,
    n_categories: int,
    values: NDArray[np.float64],
    n_origins: int,
    half_life: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n_series, n_origins) decayed places and sessions a week before each origin, shrunk to the category's mean."""
    oldest = max(int(book.age.max(initial=1)), 1)
    decay = 0.5 ** (1 / half_life)
    n_weeks = (1 - decay ** np.maximum(oldest - np.arange(n_origins), 0.0)) / (1 - decay)
    ages = np.where(book.is_cancelled, 0, book.age)

    def padded(what: NDArray[np.float64]) -> NDArray[np.float64]:
        sums = decayed_sums(series, ages, what, n_origins, half_life)[:-1]
        whole = np.zeros((n_series, n_origins))
        whole[: len(sums)] = sums
        return whole

    drawn, sessions = padded(values), padded(np.ones(len(book)))
    by_category = drawn.reshape(-1, n_categories, n_origins).mean(axis=0) / np.maximum(n_weeks, 0.5)
    prior = np.tile(by_category, (n_series // n_categories, 1))
    return shrunk(drawn, n_weeks, _SHRINKAGE_WEEKS, prior), sessions / np.maximum(n_weeks, 0.5)


def _middles(book: SessionBook, n_origins: int, horizon: int) -> NDArray[np.float64]:
    """(n_origins, horizon) weeks back from `as_of` to the middle of each week ahead of each origin."""
    into = (book.as_of - book.as_of.normalize()) / pd.Timedelta(weeks=1) + book.as_of.dayofweek / 7
    return into - 0.5 + np.arange(n_origins)[:, None] - np.arange(horizon)


def _spread(by_series: NDArray[np.float64], horizon: int) -> NDArray[np.float64]:
    return np.repeat(by_series.T.ravel(), horizon)


def _calendar_columns(
    book: SessionBook, ahead: NDArray[np.float64], origin: NDArray[np.float64]
) -> list[NDArray[np.float64]]:
    now = book.as_of.normalize() - pd.Timedelta(days=book.as_of.dayofweek)
    offset = (ahead - origin).astype(np.int64)
    first, last = offset.min(initial=0), offset.max(initial=0)
    weeks = pd.DatetimeIndex(now + pd.to_timedelta(np.arange(first, last + 1) * 7, unit="D"))
    table = week_table(weeks)
    names = [name for name in table.columns if name != "is_announced" and not name.startswith(("sin", "cos"))]
    return [table[name].to_numpy(dtype=float)[offset - first] for name in names]
