"""What is known of demand at a cut-off: sessions, what they drew and would have drawn, and the panel of weeks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.demand.outliers import OUTLIER_RATIO, stated_often
from features.demand.panel import DemandPanel, panel_of
from features.demand.session_book import session_book
from features.demand.sessions import SessionBook
from features.demand.spill import Spill, spill_share
from recsys.dataset import Dataset
from recsys.demand.hierarchy import Hierarchy
from recsys.demand.unconstrain import unconstrain_sessions
from recsys.regions import RegionTree
from training.demand.config import DemandConfig

_OVERBOOKED = 1.5
_MOST_ROWS = 2_500_000
"""Series x weeks ahead x origins that are held at once; a province looks back on fewer origins than a county."""


@dataclass(frozen=True)
class KnownDemand:
    """What a data set says, in the forms that the steps of a forecast share.

    Attributes:
        hierarchy: Regions with a series.
        book: Sessions.
        places: (n_sessions,) places taken, slips of the pen cut.
        demand: (n_sessions,) places wanted.
        panel: Whole weeks.
        weeks: Mondays of the weeks ahead.
        n_origins: Past weekly cut-offs to learn from.
        spill: People turned away who took a place elsewhere.
    """

    hierarchy: Hierarchy
    book: SessionBook
    places: NDArray[np.float64]
    demand: NDArray[np.float64]
    panel: DemandPanel
    weeks: pd.DatetimeIndex
    n_origins: int
    spill: Spill


def known_demand(
    dataset: Dataset, tree: RegionTree, hierarchy: Hierarchy, horizon: int, config: DemandConfig
) -> KnownDemand:
    """What a forecast `horizon` weeks ahead starts from."""
    book = session_book(dataset, tree, hierarchy, horizon + 1, config.history_weeks)
    places = without_outliers(book)
    n_alive = len(np.unique(book.bottom * len(hierarchy.categories) + book.category))
    most = min(config.max_origins, max(_MOST_ROWS // max(n_alive * horizon, 1), 4))
    spill = spill_share(dataset)
    demand = session_demand(book, places, spill.share)
    return KnownDemand(
        hierarchy=hierarchy,
        book=book,
        places=places,
        demand=demand,
        panel=panel_of(book, hierarchy, demand),
        weeks=weeks_ahead(book.as_of, horizon),
        n_origins=int(np.clip(book.age.max(initial=0), 1, most)),
        spill=spill,
    )


def weeks_ahead(as_of: pd.Timestamp, horizon: int) -> pd.DatetimeIndex:
    """Mondays from that of the week that holds `as_of` (local, without a zone)."""
    monday = as_of.normalize() - pd.Timedelta(days=as_of.dayofweek)
    return pd.DatetimeIndex(monday + pd.to_timedelta(np.arange(horizon) * 7, unit="D"))


def without_outliers(book: SessionBook) -> NDArray[np.float64]:
    """(n_sessions,) places taken; past figures that nothing explains are cut to what the category could explain.

    Cut is what single bookings are for beyond any usual party, then what is above 25 times the category's median
    session and half again above the stated capacity, as far as three sessions of the category state one: neither a slip
    of the pen nor a single giant crowd moves a forecast of usual sessions. The week that is under way is left as it is.
    """
    places = book.places - book.unexplained
    past = (book.week < 0) & (places > 0)
    medians = pd.Series(places[past]).groupby(book.category[past]).median()
    usual = pd.Series(book.category).map(medians).fillna(np.inf).to_numpy(dtype=float)
    explained = np.minimum(np.nan_to_num(book.capacity), stated_often(book.category, book.capacity))
    most = np.fmax(OUTLIER_RATIO * usual, _OVERBOOKED * explained)
    return np.where(past, np.minimum(places, most), places)


def session_demand(book: SessionBook, places: NDArray[np.float64], spill: float) -> NDArray[np.float64]:
    """(n_sessions,) places wanted: those of sessions that have begun are freed of their limits.

    A share `spill` of those turned away has a place in another session: they are wanted there alone, so that the sum
    counts nobody twice.
    """
    begun = (book.age >= 1) & ~book.is_cancelled
    demand = places.copy()
    chain = [codes[begun] for codes in book.likeness()]
    wanted = unconstrain_sessions(
        places[begun],
        book.capacity[begun],
        book.waiting[begun],
        chain,
        book.week[begun],
        book.speed.where(begun),
    )
    demand[begun] = places[begun] + (1 - spill) * (wanted - places[begun])
    return demand


def unseen(known: KnownDemand, rng: np.random.Generator) -> NDArray[np.float64]:
    """(n_sessions,) demand as uncertain as it is: those turned away unseen are drawn, not their mean.

    Their number is taken as exponential, as the tail of a count is about geometric.
    """
    hidden = np.maximum(known.demand - known.places - known.book.waiting, 0.0)
    return np.round(known.demand + hidden * (rng.exponential(size=len(hidden)) - 1))
