"""What real platforms deliver at their worst: the forecast stays whole, ordered and of the usual size."""

import numpy as np
import pandas as pd
import pytest

from recsys.dataset import Dataset
from tests.training.demand.test_forecast import CONFIG, NOW, check_table, small_town
from training.demand.forecast import forecast_demand

Tables = dict[str, pd.DataFrame]
WEEKS = 4


def known_town() -> Tables:
    """The town as a platform would know it now."""
    return small_town().known_at(NOW).tables()


def forecast_of(tables: Tables) -> pd.DataFrame:
    table = forecast_demand(Dataset.from_tables(tables, NOW), WEEKS, CONFIG).table
    check_table(table)
    assert not table.duplicated(["region_id", "category", "week_start", "target"]).any()
    return table


def totals(table: pd.DataFrame) -> pd.Series:
    return table[table["level"] == "county"].groupby("target")["mean"].sum()


@pytest.fixture(scope="module")
def usual() -> pd.Series:
    return totals(forecast_of(known_town()))


def with_sessions(tables: Tables, sessions: pd.DataFrame) -> Tables:
    bookings = tables["bookings"][tables["bookings"]["session_id"].isin(sessions["session_id"])]
    return {**tables, "sessions": sessions, "bookings": bookings}


@pytest.mark.parametrize("seed", range(3))
def test_one_week_of_history(seed: int, usual: pd.Series) -> None:
    tables = small_town(seed=seed).known_at(NOW).tables()
    recent = tables["sessions"][tables["sessions"]["starts_at"] >= NOW - pd.Timedelta(days=7)]
    found = totals(forecast_of(with_sessions(tables, recent)))
    # Places on hand in sessions ahead must not blow up a level that nothing has been seen to fill.
    assert 0.5 * usual["demand"] < found["demand"] < 2 * usual["demand"]
    assert found["demand"] < 1.5 * found["bookings"]


def test_a_category_that_never_occurs_has_no_row_and_moves_nothing() -> None:
    tables = known_town()
    one_more = pd.DataFrame({"activity_id": ["never"], "category": ["never"]})
    activities = pd.concat([tables["activities"], one_more], ignore_index=True)
    pd.testing.assert_frame_equal(forecast_of({**tables, "activities": activities}), forecast_of(tables))


def test_a_category_offered_once_and_never_booked_is_next_to_nothing(usual: pd.Series) -> None:
    tables = known_town()
    activity = pd.DataFrame({"activity_id": ["once"], "category": ["once"]})
    session = tables["sessions"].iloc[:1].assign(session_id="once", activity_id="once")
    both = {"activities": activity, "sessions": session}
    merged = {name: pd.concat([tables[name], rows], ignore_index=True) for name, rows in both.items()}
    table = forecast_of({**tables, **merged})
    assert totals(table[table["category"] == "once"])["demand"] < 0.02 * usual["demand"]


def test_all_zeros() -> None:
    tables = known_town()
    found = totals(forecast_of({**tables, "bookings": tables["bookings"].iloc[:0]}))
    assert found["demand"] < 1


def _odd_capacities(sessions: pd.DataFrame) -> pd.DataFrame:
    return sessions.assign(capacity=np.resize([-5.0, 0.0, 1e12, 8.0, np.nan], len(sessions)))


def test_negative_and_absurd_capacities(usual: pd.Series) -> None:
    tables = known_town()
    found = totals(forecast_of({**tables, "sessions": _odd_capacities(tables["sessions"])}))
    assert 0.6 * usual["bookings"] < found["bookings"] < 1.5 * usual["bookings"]


def test_two_regions_with_one_name_stay_two() -> None:
    tables = known_town()
    named_alike = tables["regions"].assign(name="Chengguan")
    pd.testing.assert_frame_equal(forecast_of({**tables, "regions": named_alike}), forecast_of(tables))


def test_two_categories_with_one_code_are_one() -> None:
    tables = known_town()
    merged = tables["activities"].assign(category=tables["activities"]["category"].replace("y", "x"))
    table = forecast_of({**tables, "activities": merged})
    assert set(table["category"]) == {"x", "z"}
    assert totals(table)["bookings"] == pytest.approx(totals(forecast_of(tables))["bookings"], rel=0.15)


@pytest.mark.parametrize("capacity", [8.0, 20_000.0], ids=["beyond its capacity", "within its capacity"])
def test_a_week_with_ten_thousand_people(capacity: float, usual: pd.Series) -> None:
    tables = known_town()
    sessions = tables["sessions"]
    week = sessions["starts_at"].between(NOW - pd.Timedelta(days=21), NOW - pd.Timedelta(days=14))
    crowded = sessions.loc[week, "session_id"].iloc[0]
    sizes = tables["bookings"]["party_size"].where(tables["bookings"]["session_id"] != crowded, 2_500.0)
    changed = sessions.assign(capacity=sessions["capacity"].where(sessions["session_id"] != crowded, capacity))
    bookings = tables["bookings"].assign(party_size=sizes)
    assert bookings.loc[bookings["session_id"] == crowded, "party_size"].sum() >= 5_000
    found = totals(forecast_of({**tables, "sessions": changed, "bookings": bookings}))
    assert found["bookings"] < 1.5 * usual["bookings"]


@pytest.fixture(scope="module", params=[50, 1000], ids=["few bookings", "all bookings"])
def thinned(request: pytest.FixtureRequest) -> tuple[Tables, pd.Series]:
    """The town with about so many bookings at least, or all, of sessions that are over; and its usual totals."""
    tables = known_town()
    past = tables["sessions"]["session_id"][tables["sessions"]["starts_at"] < NOW - pd.Timedelta(days=14)]
    bookings = tables["bookings"][tables["bookings"]["session_id"].isin(past)]
    bookings = bookings.iloc[:: max(1, len(bookings) // request.param)].reset_index(drop=True)
    return {**tables, "bookings": bookings}, totals(forecast_of({**tables, "bookings": bookings}))


@pytest.mark.parametrize("status", ["booked", "waitlisted"])
@pytest.mark.parametrize("n_giants", [1, 3])
def test_bookings_for_ten_thousand_people_move_next_to_nothing(
    thinned: tuple[Tables, pd.Series], status: str, n_giants: int
) -> None:
    tables, usual = thinned
    is_giant = tables["bookings"].index.isin(20 + 7 * np.arange(n_giants))
    party_sizes, statuses = np.where(is_giant, 10_000, 1), np.where(is_giant, status, "booked")
    crowded = tables["bookings"].assign(party_size=party_sizes, status=statuses)
    found = totals(forecast_of({**tables, "bookings": crowded}))
    for target in ("bookings", "demand"):
        # Each is left for ten: three of fifty are half as many people again.
        assert 0.7 * usual[target] < found[target] < (1.4 if n_giants == 1 else 1.7) * usual[target]


def test_what_a_giant_party_took_stands_in_the_history() -> None:
    tables = known_town()
    sizes = np.where(tables["bookings"].index == 0, 10_000, 1)
    dataset = Dataset.from_tables({**tables, "bookings": tables["bookings"].assign(party_size=sizes)}, NOW)
    history = forecast_demand(dataset, WEEKS, CONFIG).history
    assert history["places"].max() > 10_000
    assert history["demand"].max() < 200


def test_large_halls_are_no_outliers() -> None:
    tables = known_town()
    sessions = tables["sessions"]
    halls = sessions["session_id"][sessions["activity_id"] == "a3"]
    bookings = tables["bookings"].assign(
        party_size=tables["bookings"]["party_size"].where(~tables["bookings"]["session_id"].isin(halls), 300.0)
    )
    changed = sessions.assign(capacity=sessions["capacity"].where(~sessions["session_id"].isin(halls), 3_000.0))
    found = forecast_of({**tables, "sessions": changed, "bookings": bookings})
    assert totals(found[found["category"] == "z"])["bookings"] > 10_000
