"""What is still to be published: who is there to come, and what of the usual plan is not out yet."""

import numpy as np
import pandas as pd

from features.demand.session_book import session_book
from recsys.dataset import Dataset
from recsys.demand.hierarchy import Hierarchy
from recsys.regions import RegionTree
from tests.training.forecasters.programmes import NOW, programme_forecast
from training.forecasters.boosting import BoostingConfig
from training.forecasters.simple import recent_mean
from training.forecasters.unpublished import fit_unpublished, unpublished_rows, weekly_totals

N_WEEKS, HORIZON = 26, 12


def registrations(weeks_back: np.ndarray) -> pd.DatetimeIndex:
    return NOW - pd.to_timedelta(7 * np.sort(weeks_back)[::-1], unit="D")


def test_a_register_that_has_stopped_growing_is_not_taken_to_grow_on() -> None:
    registered = registrations(np.linspace(13.2, N_WEEKS + 4, 600))
    starts = NOW + pd.to_timedelta(7 * (np.arange(N_WEEKS) - N_WEEKS) + 1, unit="D")
    people = np.searchsorted(registered, starts) / len(registered)
    usual = np.array([40.0, 25.0, 60.0, 30.0])
    history = np.round(usual[:, None] * people)
    forecast = programme_forecast(history, HORIZON, is_published=False, registered=registered)
    # The weeks farthest ahead were seen from origins while people still came.
    np.testing.assert_allclose(forecast, np.repeat(usual[:, None], HORIZON, axis=1), rtol=0.02)
    # So many sessions that trees are trusted with what they see.
    unknown = programme_forecast(np.tile(history, (6, 1)), HORIZON, is_published=False)
    assert (unknown[:, -1] > 1.03 * unknown[:, 0]).all()


def test_a_register_that_grows_brings_more() -> None:
    registered = registrations(np.linspace(0.0, 2 * N_WEEKS, 1_000))
    starts = NOW + pd.to_timedelta(7 * (np.arange(N_WEEKS) - N_WEEKS) + 1, unit="D")
    people = np.searchsorted(registered, starts) / len(registered)
    usual = np.array([40.0, 25.0, 60.0, 30.0])
    forecast = programme_forecast(np.round(usual[:, None] * people), HORIZON, is_published=False, registered=registered)
    np.testing.assert_allclose(forecast[:, 8:].mean(axis=1), usual * (1 + 10 / (2 * N_WEEKS)), rtol=0.1)


def test_weeks_that_differ_by_chance_alone_are_told_better_than_by_the_mean_of_eight() -> None:
    usual = np.array([40.0, 25.0, 60.0, 30.0, 10.0, 15.0, 50.0, 20.0])
    off = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        history = rng.negative_binomial(3, 3 / (3 + usual[:, None]), (len(usual), N_WEEKS)).astype(float)
        forecast = programme_forecast(history, HORIZON, is_published=False)
        off.append([np.abs(told / usual[:, None] - 1).mean() for told in (forecast, recent_mean(history, HORIZON))])
    of_trees, of_rule = np.mean(off, axis=0)
    # Trees wholly trusted take what chance did for a rule: 0.18.
    assert of_trees < 0.95 * of_rule


def at_short_notice(seed: int, n_late: int, n_categories: int = 60, n_weeks: int = 60) -> float:
    """Places told a week of sessions at short notice, far ahead, over what those of the past drew a week.

    They are `n_late` among a weekly session of each category that is published long before.
    """
    rng = np.random.default_rng(seed)
    planned = np.arange(-n_weeks, HORIZON)
    frame = pd.DataFrame(
        {
            "week": np.concatenate([np.tile(planned, n_categories), rng.integers(-n_weeks, 0, n_late)]),
            "category": np.append(
                np.repeat(np.arange(n_categories), len(planned)), rng.integers(0, n_categories, n_late)
            ),
            "notice": np.repeat([200, 1], [n_categories * len(planned), n_late]),
        }
    ).sort_values("week", kind="stable", ignore_index=True)
    starts = NOW + pd.to_timedelta(7 * frame["week"] + 2, unit="D")
    ids = pd.Series([f"s{place:05}" for place in range(len(frame))])
    sessions = pd.DataFrame({"session_id": ids, "activity_id": ids, "starts_at": starts})
    sessions["published_at"] = starts - pd.to_timedelta(frame["notice"], unit="D")
    activities = pd.DataFrame({"activity_id": ids, "category": [f"{code:03}" for code in frame["category"]]})
    dataset = Dataset.from_tables({"activities": activities, "sessions": sessions}, NOW)
    tree = RegionTree.of(dataset)
    hierarchy = Hierarchy.of(dataset, tree)
    book = session_book(dataset, tree, hierarchy, HORIZON + 1, 160)
    is_past = (frame["week"] < 0).to_numpy()
    drew = np.where(is_past, rng.negative_binomial(3, 3 / 11, len(frame)), 0).astype(float)
    shape = (n_weeks, hierarchy.n_bottoms, n_categories, HORIZON)
    rows = unpublished_rows(book, drew, shape)
    forecaster = fit_unpublished(rows, weekly_totals(book, drew, shape), 0, BoostingConfig(), rng)
    usual = drew[is_past & (frame["notice"] == 1).to_numpy()].sum() / n_weeks
    return float(forecaster.means(rows, 0).sum(axis=(0, 1))[2:].mean() / usual)


def test_a_few_sessions_at_short_notice_are_expected_again() -> None:
    # Trees learn in which weeks they were: trusted for their many rows, they leave 0.76 of them.
    assert np.mean([at_short_notice(seed, n_late=40) for seed in range(4)]) > 0.85
