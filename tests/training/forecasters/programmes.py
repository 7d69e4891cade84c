"""Weekly series as the programme of a place: what lets forecasters of sessions be asked for series."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.demand.session_book import session_book
from recsys.dataset import Dataset
from recsys.demand.hierarchy import Hierarchy
from recsys.regions import RegionTree
from training.demand.programme import fit_programme, programme_data
from training.forecasters.boosting import BoostingConfig

NOW = pd.Timestamp("2026-01-05T00:00", tz="Asia/Shanghai")
"""A Monday: the first week that is forecast begins now."""

BOOSTING = BoostingConfig(min_rows_in_leaf=5, n_rounds=30)


def programme_forecast(
    history: NDArray[np.float64], horizon: int, *, is_published: bool, registered: pd.DatetimeIndex | None = None
) -> NDArray[np.float64]:
    """(n_series, horizon) means of a category each, which has one session a week.

    Args:
        history: (n_series, n_weeks) places that each session drew, all booked the night before it.
        horizon: Weeks ahead.
        is_published: Whether the sessions ahead are known; without, each is published the night before it starts.
        registered: When each of the platform's people registered; none given: nothing is told of it.
    """
    notice = pd.Timedelta(days=700 if is_published else 0.5)
    dataset = programme(history, horizon if is_published else 0, notice, registered)
    tree = RegionTree.of(dataset)
    hierarchy = Hierarchy.of(dataset, tree)
    book = session_book(dataset, tree, hierarchy, horizon + 1, 160)
    n_origins = int(np.clip(book.age.max(initial=0), 1, 30))
    data = programme_data(book, book.places, hierarchy, n_origins, horizon)
    forecaster = fit_programme(data, 0, BOOSTING, np.random.default_rng(0))
    return forecaster.means(data, 0)[0]


def programme(
    history: NDArray[np.float64], n_ahead: int, notice: pd.Timedelta, registered: pd.DatetimeIndex | None = None
) -> Dataset:
    """One category a series, named in order; one session a week on Tuesday morning."""
    n_series, n_weeks = history.shape
    series, week = (grid.ravel() for grid in np.indices((n_series, n_weeks + n_ahead)))
    starts = NOW + pd.to_timedelta((week - n_weeks) * 7 + 1, unit="D") + pd.Timedelta(hours=10)
    sessions = pd.DataFrame(
        {
            "session_id": [f"s{one}-{at}" for one, at in zip(series, week, strict=True)],
            "activity_id": [f"a{one:03}" for one in series],
            "starts_at": starts,
            "published_at": starts - notice,
        }
    )
    drawn = np.concatenate([history, np.zeros((n_series, n_ahead))], axis=1).ravel()
    taken = drawn > 0
    bookings = pd.DataFrame(
        {
            "booking_id": sessions["session_id"][taken],
            "user_id": "u",
            "session_id": sessions["session_id"][taken],
            "booked_at": starts[taken] - pd.Timedelta(hours=12),
            "status": "attended",
            "party_size": drawn[taken],
        }
    )
    names = [f"{one:03}" for one in range(n_series)]
    activities = pd.DataFrame({"activity_id": [f"a{name}" for name in names], "category": names})
    tables = {"activities": activities, "sessions": sessions, "bookings": bookings}
    if registered is not None:
        ids = ["u", *(f"p{one}" for one in range(1, len(registered)))]
        tables["users"] = pd.DataFrame({"user_id": ids, "registered_at": registered})
    return Dataset.from_tables(tables, NOW)
