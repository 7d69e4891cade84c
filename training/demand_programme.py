"""The programme as driver: weekly means from sessions under way, published and still to be published."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.panel_sessions import SessionBook
from recsys.hierarchy import Hierarchy
from training.forecasters.boosting import BoostingConfig
from training.forecasters.published import PublishedForecaster, PublishedRows, fit_published, published_rows
from training.forecasters.unpublished import (
    UnpublishedForecaster,
    UnpublishedRows,
    fit_unpublished,
    unpublished_rows,
    weekly_totals,
)


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
class ProgrammeForecaster:
    """Means of a week: begun, published and unpublished sessions apart, then added."""

    published: PublishedForecaster
    unpublished: UnpublishedForecaster

    def means(self, data: ProgrammeData, origin: int, *, is_capped: bool) -> NDArray[np.float64]:
        """(n_bottoms, n_categories, horizon) places of whole weeks, seen from an origin."""
        _, n_bottoms, n_categories, horizon = data.shape
        at = np.flatnonzero(data.published.origin == origin)
        rows = PublishedRows(**{name: getattr(data.published, name)[at] for name in PublishedRows.__dataclass_fields__})
        means = self.published.means(data.book, rows, is_capped=is_capped)
        series = data.book.bottom[rows.session] * n_categories + data.book.category[rows.session]
        flat = np.bincount(series * horizon + rows.ahead, weights=means, minlength=n_bottoms * n_categories * horizon)
        to_come = self.unpublished.means(data.unpublished, origin)
        return data.begun[origin] + flat.reshape(n_bottoms, n_categories, horizon) + to_come


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
        begun=_begun(book, values, shape),
    )


def fit_programme(
    data: ProgrammeData, cut_origin: int, config: BoostingConfig, rng: np.random.Generator
) -> ProgrammeForecaster:
    """Learns from what was over by origin `cut_origin`, so that later origins are an honest test."""
    return ProgrammeForecaster(
        published=fit_published(data.book, data.published, data.values, cut_origin, config, rng),
        unpublished=fit_unpublished(data.unpublished, data.totals, cut_origin, config, rng),
    )


def _begun(book: SessionBook, values: NDArray[np.float64], shape: tuple[int, int, int, int]) -> NDArray[np.float64]:
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
