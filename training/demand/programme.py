"""The programme as driver: weekly means from sessions under way, published and still to be published."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.demand.sessions import SessionBook
from recsys.demand.hierarchy import Hierarchy
from training.forecasters.booking_curve import PublishedRows
from training.forecasters.boosting import BoostingConfig
from training.forecasters.published import PublishedForecaster, fit_published, published_rows
from training.forecasters.unpublished import (
    UnpublishedForecaster,
    UnpublishedRows,
    fit_unpublished,
    unpublished_rows,
    weekly_totals,
)

_LEAST_TO_COME = 1e-4


@dataclass(frozen=True)
class ProgrammeData:
    """What a session book says at every origin, computed once for all fits.

    Attributes:
        values: (n_sessions,) what each session drew: places taken, or demand.
        shape: (n_origins, n_bottoms, n_categories, horizon).
        totals: `shape`, places of whole weeks as known now; final for weeks that are over.
        begun: `shape`, the part of them in sessions that had begun by the origin.
    """

    book: SessionBook
    values: NDArray[np.float64]
    shape: tuple[int, int, int, int]
    published: PublishedRows
    unpublished: UnpublishedRows
    totals: NDArray[np.float64]
    begun: NDArray[np.float64]


@dataclass(frozen=True)
class OpenMeans:
    """What can still come, seen from an origin: a row a published session, then one a series and week to be published.

    Attributes:
        bottom: (n_rows,).
        category: (n_rows,).
        week: (n_rows,) weeks ahead.
        session: (n_rows,) row of the session book; -1: not published.
        mean: (n_rows,) places in the end.
        held: (n_rows,) places on hand.
        unknown: (n_rows,) variance of the logarithm of a session's level that its past leaves open.
    """

    bottom: NDArray[np.int64]
    category: NDArray[np.int64]
    week: NDArray[np.int64]
    session: NDArray[np.int64]
    mean: NDArray[np.float64]
    held: NDArray[np.float64]
    unknown: NDArray[np.float64]

    def weekly(self, shape: tuple[int, int, int], mean: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """(n_bottoms, n_categories, horizon) sums of the means, or of others like them."""
        flat = (self.bottom * shape[1] + self.category) * shape[2] + self.week
        sums = np.bincount(flat, weights=self.mean if mean is None else mean, minlength=int(np.prod(shape)))
        return sums.astype(np.float64).reshape(shape)


@dataclass(frozen=True)
class ProgrammeForecaster:
    """Means of a week: begun, published and unpublished sessions apart, then added."""

    published: PublishedForecaster
    unpublished: UnpublishedForecaster

    def open_means(self, data: ProgrammeData, origin: int) -> OpenMeans:
        """What can still come, seen from an origin."""
        _, _, n_categories, horizon = data.shape
        rows = data.published.where(np.flatnonzero(data.published.origin == origin))
        to_come = self.unpublished.means(data.unpublished, origin).reshape(-1, horizon)
        series, week = np.nonzero(to_come > _LEAST_TO_COME)
        n_series = len(series)
        no_session = np.zeros(n_series)
        return OpenMeans(
            bottom=np.concatenate([data.book.bottom[rows.session], series // n_categories]),
            category=np.concatenate([data.book.category[rows.session], series % n_categories]),
            week=np.concatenate([rows.ahead, week]),
            session=np.concatenate([rows.session, np.full(n_series, -1)]),
            mean=np.concatenate([self.published.means(rows), to_come[series, week]]),
            held=np.concatenate([rows.on_hand, no_session]),
            unknown=np.concatenate([rows.unknown, no_session]),
        )

    def means(self, data: ProgrammeData, origin: int) -> NDArray[np.float64]:
        """(n_bottoms, n_categories, horizon) places of whole weeks, seen from an origin."""
        return data.begun[origin] + self.open_means(data, origin).weekly(data.shape[1:])


def programme_data(
    book: SessionBook, values: NDArray[np.float64], hierarchy: Hierarchy, n_origins: int, horizon: int
) -> ProgrammeData:
    """Features and outcomes at origins 0 (now) to `n_origins` - 1 weeks back."""
    shape = (n_origins, hierarchy.n_bottoms, len(hierarchy.categories), horizon)
    return ProgrammeData(
        book=book,
        values=values,
        shape=shape,
        published=published_rows(book, values, n_origins, horizon),
        unpublished=unpublished_rows(book, values, shape),
        totals=weekly_totals(book, values, shape),
        begun=begun_places(book, values, shape),
    )


def fit_programme(
    data: ProgrammeData, cut_origin: int, config: BoostingConfig, rng: np.random.Generator
) -> ProgrammeForecaster:
    """Learns from what was over by origin `cut_origin`, so that later origins are an honest test."""
    return ProgrammeForecaster(
        published=fit_published(data.book, data.published, data.values, cut_origin, config, rng),
        unpublished=fit_unpublished(data.unpublished, data.totals, cut_origin, config, rng),
    )


def begun_places(
    book: SessionBook, values: NDArray[np.float64], shape: tuple[int, int, int, int]
) -> NDArray[np.float64]:
    """`shape` places in the sessions of the origin's own week that had begun by it."""
    n_origins, n_bottoms, n_categories, horizon = shape
    n_series = n_bottoms * n_categories
    origin = -book.week
    inside = (origin >= 0) & (origin < n_origins) & (book.age > origin)
    flat = origin * n_series + book.bottom * n_categories + book.category
    sums = np.zeros((n_origins, n_series, horizon))
    sums[:, :, 0] = np.bincount(flat[inside], weights=values[inside], minlength=n_origins * n_series).reshape(
        n_origins, n_series
    )
    return sums.reshape(shape)
