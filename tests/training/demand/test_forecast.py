"""The forecast as the contract has it: rows, coherence, order, and what rows after the cut-off may not do."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from recsys.bundle import BundleWriter, load_bundle
from recsys.dataset import Dataset
from recsys.demand.forecast import FORECAST_COLUMNS, TABLE_COLUMNS, DemandForecast, load_demand
from recsys.regions import RegionTree
from training.demand.config import STATISTICAL_FAMILY, DemandConfig
from training.demand.evaluate import evaluate_demand
from training.demand.forecast import forecast_demand
from training.demand.villages import village_shares
from training.forecasters.boosting import BoostingConfig

NOW = pd.Timestamp("2026-11-25T10:00", tz="UTC")
CONFIG = DemandConfig(boosting=BoostingConfig(n_rounds=20), n_boots=20)


def small_town(n_sessions: int = 240, weeks: int = 16, capacity: float | None = 8, seed: int = 0) -> Dataset:
    """Four venues (a township's, a village's, the county's, one nowhere), three categories, one of them online."""
    rng = np.random.default_rng(seed)
    starts = NOW - pd.to_timedelta(rng.uniform(-14, weeks * 7, n_sessions), unit="D")
    sessions = pd.DataFrame(
        {
            "session_id": [f"s{i}" for i in range(n_sessions)],
            "activity_id": [f"a{i % 5}" for i in range(n_sessions)],
            "starts_at": starts,
            "venue_id": [f"v{i % 4}" for i in range(n_sessions)],
            "capacity": capacity,
            "published_at": starts - pd.Timedelta(days=9),
        }
    )
    wanted = rng.poisson(5, n_sessions)
    rows = [
        (f"b{i}-{k}", f"u{k}", f"s{i}", k) for i in range(n_sessions) for k in range(min(wanted[i], capacity or 99))
    ]
    bookings = pd.DataFrame(rows, columns=["booking_id", "user_id", "session_id", "k"])
    lead = pd.to_timedelta(rng.uniform(0, 8, len(bookings)), unit="D")
    start_of = bookings["session_id"].map(dict(zip(sessions["session_id"], starts, strict=True)))
    bookings = bookings.drop(columns="k").assign(booked_at=start_of - lead)
    return Dataset.from_tables(
        {
            "regions": pd.DataFrame(
                {
                    "region_id": ["c", "t1", "t2", "vil"],
                    "name": list("abcd"),
                    "level": ["county", "township", "township", "village"],
                    "parent_id": [None, "c", "c", "t2"],
                }
            ),
            "venues": pd.DataFrame(
                {"venue_id": [f"v{i}" for i in range(4)], "name": list("abcd"), "region_id": ["t1", "vil", "c", None]}
            ),
            "activities": pd.DataFrame(
                {
                    "activity_id": [f"a{i}" for i in range(5)],
                    "category": ["x", "y", "x", "z", "y"],
                    "online": [False, False, False, True, False],
                }
            ),
            "sessions": sessions,
            "bookings": bookings,
        },
        NOW,
    )


@pytest.fixture(scope="module")
def town() -> Dataset:
    return small_town()


@pytest.fixture(scope="module")
def forecast(town: Dataset) -> DemandForecast:
    return forecast_demand(town, 4, CONFIG)


def check_table(table: pd.DataFrame) -> None:
    assert tuple(table.columns) == FORECAST_COLUMNS
    assert not table.isna().to_numpy().any()
    numbers = table[["mean", "q0.1", "q0.5", "q0.9"]].to_numpy()
    assert np.isfinite(numbers).all()
    assert (numbers >= 0).all()
    assert (np.diff(numbers[:, 1:], axis=1) >= 0).all()
    for column in ("mean", "q0.1", "q0.5", "q0.9"):
        by_target = table.pivot_table(index=["region_id", "category", "week_start"], columns="target", values=column)
        assert (by_target["demand"] >= by_target["bookings"] - 1e-9).all(), column


def test_a_row_for_every_region_with_venues_category_week_and_target(forecast: DemandForecast) -> None:
    table = forecast.table
    check_table(table)
    assert set(table["region_id"]) == {"c", "t1", "t2"}
    assert set(table["category"]) == {"x", "y", "z"}
    assert len(table) == 3 * 3 * 4 * 2
    assert table["week_start"].min() == pd.Timestamp("2026-11-23")
    assert table["week_start"].dtype == np.dtype("datetime64[ns]")


def test_means_add_up_over_the_tree(forecast: DemandForecast) -> None:
    means = forecast.table.pivot_table(index=["category", "week_start", "target"], columns="region_id", values="mean")
    assert (means["c"] >= means["t1"] + means["t2"] - 1e-9).all()
    # Online sessions count at the root alone.
    np.testing.assert_allclose(means.loc["z", ["t1", "t2"]], 0, atol=0.2)


def test_what_is_already_taken_is_in_the_first_week(town: Dataset, forecast: DemandForecast) -> None:
    first = town.sessions[
        (town.sessions["starts_at"] >= pd.Timestamp("2026-11-22T16:00", tz="UTC")) & (town.sessions["starts_at"] < NOW)
    ]
    taken = town.bookings["session_id"].isin(first["session_id"]).sum()
    table = forecast.table.query("region_id == 'c' and target == 'bookings'")
    table = table[table["week_start"] == pd.Timestamp("2026-11-23")]
    assert table["mean"].sum() >= taken > 0
    assert table["q0.9"].sum() >= taken


def test_capacity_limits_bookings_and_not_demand() -> None:
    town = small_town(capacity=3)
    table = forecast_demand(town, 2, CONFIG).table
    total = table.query("region_id == 'c'").groupby("target")["mean"].sum()
    assert total["demand"] > 1.1 * total["bookings"]


def test_save_and_load(tmp_path: Path, forecast: DemandForecast) -> None:
    with BundleWriter(tmp_path / "bundle", {}) as writer:
        forecast.save(writer)
    loaded = load_demand(load_bundle(tmp_path / "bundle"))
    pd.testing.assert_frame_equal(loaded.table, forecast.table, check_dtype=False)


def test_the_same_input_gives_the_same_forecast(town: Dataset, forecast: DemandForecast) -> None:
    pd.testing.assert_frame_equal(forecast_demand(town, 4, CONFIG).table, forecast.table)


@pytest.mark.parametrize(
    "tables",
    [
        {"activities": pd.DataFrame({"activity_id": ["a"], "category": ["x"]})},
        {"sessions": pd.DataFrame({"session_id": ["s"], "activity_id": ["a"], "starts_at": [NOW]})},
    ],
    ids=["no session", "no booking"],
)
def test_next_to_nothing_still_gives_a_forecast(tables: dict[str, pd.DataFrame]) -> None:
    forecast = forecast_demand(Dataset.from_tables(tables, NOW), 2, CONFIG)
    if "sessions" in tables:
        check_table(forecast.table)
    else:
        assert forecast.table.empty
        assert tuple(forecast.table.columns) == FORECAST_COLUMNS


@pytest.mark.parametrize(("n_sessions", "weeks", "capacity"), [(5, 1, 8), (60, 4, 10**12), (60, 4, 0), (60, 4, None)])
def test_short_and_odd_histories(n_sessions: int, weeks: int, capacity: float | None) -> None:
    check_table(forecast_demand(small_town(n_sessions, weeks, capacity), 3, CONFIG).table)


def test_where_nothing_has_happened_for_years_nothing_is_expected(town: Dataset) -> None:
    silent = Dataset.from_tables(town.tables(), NOW + pd.Timedelta(weeks=400), "Asia/Shanghai")
    table = forecast_demand(silent, 3, CONFIG).table
    assert len(table) > 0
    assert (table[["mean", "q0.1", "q0.5", "q0.9"]] == 0).all(axis=None)


def test_evaluation_has_baselines_and_what_is_served(town: Dataset) -> None:
    table = evaluate_demand(town, NOW - pd.Timedelta(days=21), 21, CONFIG)
    overall = table[table["segment"].eq("all") & table["window"].eq("all")]
    assert {"programme", "seasonal naive", "last value"} <= set(overall["model"])
    assert {"wape", "pinball", "coverage80"} <= set(overall["metric"])
    assert np.isfinite(overall["mean"]).all()
    assert list(overall.columns) == ["task", "model", "role", "segment", "metric", "window", "mean", "low", "high", "n"]


def test_a_back_test_of_eight_origins_has_every_model_by_level_category_and_week_ahead(town: Dataset) -> None:
    cut_offs = [NOW - pd.Timedelta(days=14 + 7 * i) for i in range(8)]
    config = CONFIG.model_copy(update={"statistical": STATISTICAL_FAMILY, "max_origins": 6, "test_weeks": 2})
    table = evaluate_demand(town, cut_offs, 14, config)
    pooled = table[table["window"].eq("all") & table["metric"].eq("wape")]
    every = {*STATISTICAL_FAMILY, "programme", "seasonal naive", "chosen", "ensemble", "pooled panel", "boosted panel"}
    for segment in ("all", "level:county", "level:township", "category:x", "ahead:0", "ahead:1"):
        part = pooled[pooled["segment"] == segment]
        assert every <= set(part["model"]), segment
        assert (part["low"] <= part["mean"]).all(), segment
        assert (part["mean"] <= part["high"]).all(), segment
        assert (part["low"] < part["high"]).all(), segment
    assert table.loc[table["window"] != "all", "window"].nunique() == 8
    calibration = table[table["metric"].isin(["pit50", "pit80", "pit95"])]
    assert set(calibration["model"]) == {"programme"}
    assert calibration["mean"].between(0, 1).all()


def _without_publishing(*, is_cut: bool) -> pd.DataFrame:
    town = small_town()
    sessions = town.sessions.assign(published_at=pd.NaT)
    if is_cut:
        sessions = sessions[sessions["starts_at"] < NOW]
    tables = {**town.tables(), "sessions": sessions}
    return forecast_demand(Dataset.from_tables(tables, NOW), 4, CONFIG).table


def test_a_plan_that_ends_now_is_taken_as_unfinished() -> None:
    def late(table: pd.DataFrame) -> float:
        rows = table[(table["week_start"] > pd.Timestamp("2026-11-30")) & (table["target"] == "bookings")]
        return float(rows.loc[rows["region_id"] == "c", "mean"].sum())

    usual = 240 / 18 * 2 * 4.7
    assert late(_without_publishing(is_cut=True)) == pytest.approx(usual, rel=0.35)


def test_rows_after_the_cut_off_change_nothing(town: Dataset) -> None:
    earlier = NOW - pd.Timedelta(days=21)
    known = town.known_at(earlier)
    later = town.bookings[town.bookings["booked_at"] >= earlier]
    assert len(later) > 0
    changed = Dataset.from_tables(
        {**town.tables(), "bookings": town.bookings.drop(index=later.index)}, NOW, town.timezone
    ).known_at(earlier)
    pd.testing.assert_frame_equal(forecast_demand(known, 3, CONFIG).table, forecast_demand(changed, 3, CONFIG).table)


def test_the_tables_that_go_with_a_forecast(forecast: DemandForecast) -> None:
    for name, columns in TABLE_COLUMNS.items():
        assert tuple(getattr(forecast, name).columns) == columns
    assert (forecast.gaps["unmet"] >= -1e-9).all()
    assert set(forecast.history["state"]) <= {"open", "sold out", "no session", "holiday", "closed"}
    keys = ["region_id", "category", "week_start"]
    product = forecast.drivers.groupby(keys)["factor"].prod().rename("product").reset_index()
    added = forecast.drivers.groupby(keys)["places"].sum().rename("sum").reset_index()
    means = forecast.table[forecast.table["target"] == "bookings"]
    both = means.merge(product, on=keys).merge(added, on=keys)
    assert len(both) > 0
    np.testing.assert_allclose(both["product"], both["mean"], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(both["sum"], both["mean"], rtol=1e-6, atol=1e-6)


def test_an_outlier_of_ten_thousand_does_not_rule(town: Dataset, forecast: DemandForecast) -> None:
    bookings = town.bookings.assign(party_size=town.bookings["party_size"].where(town.bookings.index != 40, 10_000.0))
    found = forecast_demand(Dataset.from_tables({**town.tables(), "bookings": bookings}, NOW), 4, CONFIG).table
    assert found["mean"].sum() < 1.5 * forecast.table["mean"].sum()


def test_a_region_moved_in_the_tree_moves_its_history_along(town: Dataset) -> None:
    moved = town.regions.assign(
        parent_id=[
            "t2" if one == "t1" else up
            for one, up in zip(town.regions["region_id"], town.regions["parent_id"], strict=True)
        ]
    )
    table = forecast_demand(Dataset.from_tables({**town.tables(), "regions": moved}, NOW), 2, CONFIG).table
    means = table[table["target"] == "bookings"].groupby("region_id")["mean"].sum()
    assert means["t2"] > means["t1"] > 0


def test_months_and_quarters_are_whole_and_hold_their_weeks(town: Dataset) -> None:
    # Weeks from 23 November: Thursdays 26 November to 31 December end both the months and the quarter.
    found = forecast_demand(town, 6, CONFIG)
    starts = found.periods.groupby("period")["period_start"].unique()
    assert starts["month"].tolist() == [pd.Timestamp("2026-11-01"), pd.Timestamp("2026-12-01")]
    assert starts["quarter"].tolist() == [pd.Timestamp("2026-10-01")]
    keys = ["region_id", "category", "target"]
    means = found.periods.pivot_table(index=keys, columns="period", values="mean", aggfunc="sum")
    december = found.table[found.table["week_start"] >= "2026-11-30"].groupby(keys)["mean"].sum()
    of_december = found.periods[found.periods["period_start"] == "2026-12-01"].set_index(keys)["mean"]
    np.testing.assert_allclose(of_december.sort_index(), december.sort_index())
    # October, over by now, is in the quarter alone.
    history = found.history.groupby(["region_id", "category", "week_start"])["places"].sum()
    october = history[
        history.index.get_level_values("week_start").isin(pd.date_range("2026-09-28", periods=5, freq="7D"))
    ]
    both = means.xs("bookings", level="target").join(october.groupby(["region_id", "category"]).sum()).fillna(0.0)
    np.testing.assert_allclose(both["quarter"], both["month"] + both["places"])
    check_table(
        found.periods.drop(columns="period").rename(columns={"period_start": "week_start"})[list(FORECAST_COLUMNS)]
    )


def test_quantiles_of_a_month_are_nearer_than_those_of_its_weeks_added_up(town: Dataset) -> None:
    found = forecast_demand(town, 6, CONFIG)
    weekly = found.table[found.table["week_start"] >= "2026-11-30"]
    month = found.periods[found.periods["period_start"] == "2026-12-01"]
    assert (month["q0.9"] - month["q0.1"]).sum() < 0.9 * (weekly["q0.9"] - weekly["q0.1"]).sum()


def test_accuracy_of_past_forecasts_stands_beside_the_simple_rules(forecast: DemandForecast) -> None:
    held = forecast.accuracy[forecast.accuracy["metric"] == "pit80"]
    assert set(held["model"]) == {"programme"}
    assert held["mean"].between(0, 1).all()
    of_all = held[(held["category"] == "") & held["weeks_ahead"].isna()].set_index("level")
    for apart in (held[held["category"] != ""], held[held["weeks_ahead"].notna()]):
        together = apart.assign(inside=apart["mean"] * apart["n"]).groupby("level")[["inside", "n"]].sum()
        np.testing.assert_allclose(together["inside"] / together["n"], of_all.loc[together.index, "mean"])
    assert {"x", "y"} <= set(held["category"])
    table = forecast.accuracy[forecast.accuracy["metric"] == "wape"]
    assert {"programme", "seasonal naive"} <= set(table["model"])
    is_whole, of_all = table["weeks_ahead"].isna(), table["category"] == ""
    overall, by_week, by_category = table[is_whole & of_all], table[~is_whole], table[is_whole & ~of_all]
    between = (
        by_week.groupby(["level", "model"])["mean"].agg(["min", "max"]).join(overall.set_index(["level", "model"]))
    )
    assert len(between) == len(overall) > 0
    assert (between["mean"].between(between["min"], between["max"])).all()
    assert set(by_week["weeks_ahead"]) == {0.0, 1.0, 2.0, 3.0}
    assert {"x", "y"} <= set(by_category["category"])
    assert not by_week.duplicated(["level", "weeks_ahead", "model"]).any()
    assert not by_category.duplicated(["level", "category", "model"]).any()
    assert (table["mean"] >= 0).all()


def test_an_epidemic_is_said_of_all_categories_together(town: Dataset) -> None:
    known = town.known_at(NOW)
    recent = known.sessions.loc[known.sessions["starts_at"].between(NOW - pd.Timedelta(weeks=4), NOW), "session_id"]
    away = known.bookings["session_id"].isin(recent) & (np.arange(len(known.bookings)) % 8 > 0)
    found = forecast_demand(
        Dataset.from_tables({**known.tables(), "bookings": known.bookings[~away]}, NOW), 2, CONFIG
    ).alarms
    whole = found[(found["category"] == "") & (found["region_id"] == "c")]
    assert whole["direction"].tolist() == ["down"]
    assert whole["ratio"].iloc[0] < 0.4
    assert whole["sessions_ratio"].iloc[0] > 0.7, "about as much is offered as before"
    assert not found["is_season_known"].any(), "sixteen weeks tell of none"
    usual = forecast_demand(known, 2, CONFIG).alarms
    assert usual[usual["category"] == ""].empty


def test_a_village_with_a_venue_has_its_share_of_the_township(town: Dataset, forecast: DemandForecast) -> None:
    shares = forecast.villages
    assert set(shares["region_id"]) == {"vil"}
    assert set(shares["parent_id"]) == {"t2"}
    # The village's is the township's only venue.
    np.testing.assert_allclose(shares["share"], 1.0)
    shared = town.venues.assign(region_id=town.venues["region_id"].replace("c", "t2"))
    both = forecast_demand(Dataset.from_tables({**town.tables(), "venues": shared}, NOW), 2, CONFIG).villages
    assert both["share"].between(0.2, 0.8).all()
    assert not both.duplicated(["region_id", "category"]).any()


def test_a_session_at_the_very_cut_off_has_no_say_in_villages_shares(town: Dataset) -> None:
    tables = {**town.tables(), "venues": town.venues.assign(region_id=["t2", "vil", "c", None])}
    booking = tables["bookings"].iloc[0]
    of_village = tables["sessions"].index[tables["sessions"]["venue_id"] == "v1"][0]
    session = tables["sessions"].loc[[of_village]].assign(session_id="now", starts_at=NOW)
    crowd = pd.DataFrame([{**booking, "booking_id": "now", "session_id": "now", "party_size": 500.0}])
    more = {"sessions": session, "bookings": crowd}
    changed = {name: pd.concat([tables[name], rows], ignore_index=True) for name, rows in more.items()}
    shares = [
        village_shares(one, RegionTree.of(one))
        for one in (Dataset.from_tables({**tables, **rows}, NOW, town.timezone) for rows in ({}, changed))
    ]
    assert shares[0]["share"].between(0.1, 0.9).all()
    pd.testing.assert_frame_equal(*shares)


def test_a_series_that_is_always_full_is_flagged() -> None:
    tables = small_town().tables()
    full = tables["sessions"]["session_id"][tables["sessions"]["activity_id"] == "a3"]
    capacity = tables["sessions"]["capacity"].where(~tables["sessions"]["session_id"].isin(full), 1.0)
    forecast = forecast_demand(
        Dataset.from_tables({**tables, "sessions": tables["sessions"].assign(capacity=capacity)}, NOW), 2, CONFIG
    )
    flags = forecast.gaps.set_index(["region_id", "category"])["is_identified"]
    assert not flags["c", "z"]
    assert flags["c", "x"]
    assert not forecast_demand(small_town(), 2, CONFIG).gaps["is_identified"].eq(False).any()
