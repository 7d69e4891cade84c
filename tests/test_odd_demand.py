"""Odd deliveries from the folder to the planner's routes: a right answer or one clear line, never a crash."""

from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
import pytest

from features.settings import Settings
from features.store.ingest import ingest_folder
from features.store.snapshot import Snapshot, load_snapshot
from features.store.store import open_store
from recsys.bundle import BundleWriter
from recsys.dataset import Dataset
from recsys.demand.forecast import FORECAST_COLUMNS
from recsys.errors import DataError
from recsys.releases import bundles_folder, release
from tests.commands import Result, failed
from tests.odd_county import AS_OF, CASES, Tables, small_county
from tests.serving.conftest import app_of
from tests.serving.live import serving
from training.answers import forecast_file
from training.demand.config import DemandConfig
from training.demand.forecast import forecast_demand


def delivered(settings: Settings, folder: Path, tables: Tables, platform: str | None = None) -> Tables:
    """Ingests the tables as CSV; what the report counted stays with the caller."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False)
    with open_store(settings) as store:
        ingest_folder(store, folder, platform)
    return tables


def checked(settings: Settings, as_of: pd.Timestamp = AS_OF, horizon: int = 4) -> pd.DataFrame:
    """The rows that `culture forecast` writes, which keep to the contract."""
    output = settings.home / "forecast.parquet"
    said: list[str] = []
    n_rows = forecast_file(settings, as_of.tz_convert("UTC"), horizon, output, said.append)
    assert any("holds this forecast" in line for line in said) == (settings.home / "champion").exists()
    table = pd.read_parquet(output)
    assert list(table.columns) == list(FORECAST_COLUMNS)
    assert len(table) == n_rows
    keys = ["region_id", "category", "week_start", "target"]
    assert not table.duplicated(keys).any()
    figures = table[["mean", "q0.1", "q0.5", "q0.9"]].to_numpy(dtype=float)
    assert np.isfinite(figures).all()
    assert (figures >= 0).all()
    assert (np.diff(figures[:, 1:], axis=1) >= 0).all()
    assert (table.groupby(keys[:3]).size() == 2).all()
    assert table["week_start"].nunique() in (0, horizon)
    wide = table.pivot_table(index=keys[:3], columns="target", values="mean")
    if len(wide):
        assert (wide["demand"] >= wide["bookings"] - 1e-9).all()
    return table


def snapshot_of(settings: Settings, as_of: pd.Timestamp = AS_OF) -> Snapshot:
    with open_store(settings) as store:
        return store.snapshot(settings.home / "snapshots", as_of.tz_convert("UTC"))


def learn(settings: Settings, as_of: pd.Timestamp = AS_OF) -> None:
    """Puts a bundle into service that holds the forecast alone; the command answers from it too."""
    snapshot, config = snapshot_of(settings, as_of), DemandConfig()
    dataset = load_snapshot(snapshot.path)
    manifest = {
        "data_until": as_of.isoformat(),
        "timezone": dataset.timezone,
        "snapshot": {"sha256": snapshot.sha256},
        "config": {"horizon_weeks": 4, "demand": config.model_dump(mode="json")},
    }
    with BundleWriter(bundles_folder(settings.home) / "odd", manifest) as writer:
        forecast_demand(dataset, 4, config).save(writer)
    release(settings.home, "odd")


def asked(settings: Settings, look: Callable[[httpx.Client], None], as_of: pd.Timestamp = AS_OF) -> None:
    """Looks at what the service answers from what was learned."""
    with serving(app_of(settings, as_of)) as client:
        for route in ("/v1/demand/forecasts", "/v1/demand/gaps"):
            answer = client.get(route, params={"limit": 1000, **({"period": "month"} if "forecasts" in route else {})})
            assert answer.status_code == 200, answer.text
        look(client)


def totals(table: pd.DataFrame, target: str = "bookings") -> float:
    """Places a week at the root."""
    rows = table[table["target"] == target]
    return float(rows[rows["region_id"] == rows["region_id"].iloc[0]].groupby("week_start")["mean"].sum().mean())


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", database_url=database_url)


@pytest.fixture(scope="module")
def usual() -> float:
    tables = small_county()
    dataset = Dataset.from_tables(tables, AS_OF)
    return totals(forecast_demand(dataset, 4, DemandConfig()).table)


@pytest.mark.parametrize("name", CASES)
def test_an_odd_delivery_has_an_answer(name: str, settings: Settings, tmp_path: Path, usual: float) -> None:
    change, least, most = CASES[name]
    delivered(settings, tmp_path / "folder", change(small_county()))
    learn(settings)
    table = checked(settings)
    assert set(table["category"]) == {"书法", "舞蹈", "戏曲"}
    assert least * usual <= totals(table) <= most * usual
    means = table[table["target"] == "bookings"]
    if name in ("two roots", "neither regions nor venues", "no regions"):
        assert means["region_id"].iloc[0] == "all"

    def look(client: httpx.Client) -> None:
        items = client.get("/v1/demand/forecasts", params={"target": "bookings", "limit": 1000}).json()["items"]
        assert {(one["region_id"], one["category"]) for one in items} == set(
            means[["region_id", "category"]].itertuples(index=False, name=None)
        )

    asked(settings, look)


def test_a_region_that_moves_takes_its_series_along(settings: Settings, tmp_path: Path) -> None:
    tables = delivered(settings, tmp_path / "first", small_county())
    before = checked(settings)
    moved = {"regions": tables["regions"].assign(parent_id=[None, "t2", "c", "t2"], level=["county"] * 3 + ["village"])}
    delivered(settings, tmp_path / "second", moved)
    after = checked(settings)

    def of(table: pd.DataFrame, region: str) -> float:
        return float(table[(table["region_id"] == region) & (table["target"] == "bookings")]["mean"].sum())

    assert of(after, "c") == pytest.approx(of(before, "c"), rel=0.1)
    assert of(after, "t2") == pytest.approx(of(before, "t1") + of(before, "t2"), rel=0.2)


ODD_NAMES = ["书法;国画", "舞蹈,戏曲", "两行\n名字", "长" * 500, "\x1f", "tab\tinside", '"quoted"', "a/b?c=d&e"]


@pytest.mark.parametrize("names", [ODD_NAMES[:4], ODD_NAMES[4:]], ids=["separators and length", "marks"])
def test_any_text_is_a_category(names: list[str], settings: Settings, tmp_path: Path) -> None:
    tables = small_county()
    delivered(settings, tmp_path / "folder", {**tables, "activities": tables["activities"].assign(category=names)})
    learn(settings)
    table = checked(settings)
    assert set(table["category"]) == set(names)

    def look(client: httpx.Client) -> None:
        for category in names:
            query = {"category": category, "limit": 1000}
            for route in ("/v1/demand/forecasts", "/v1/demand/gaps"):
                items = client.get(route, params=query).json()["items"]
                assert items
                assert {one["category"] for one in items} == {category}

    asked(settings, look)


def test_two_platforms_have_one_forecast_of_both(settings: Settings, tmp_path: Path, usual: float) -> None:
    tables = small_county()
    delivered(settings, tmp_path / "one", tables, "one")
    delivered(settings, tmp_path / "two", small_county("x"), "two")
    learn(settings)
    table = checked(settings)
    means = table[table["target"] == "bookings"].groupby("region_id")["mean"].sum() / 4
    assert {"all", "one:c", "two:c"} <= set(means.index)
    assert means["all"] == pytest.approx(means["one:c"] + means["two:c"], rel=1e-6)
    assert means["one:c"] == pytest.approx(usual, rel=0.3)
    asked(settings, lambda client: None)


@pytest.mark.parametrize("horizon", [1, 52, 104])
def test_any_horizon(horizon: int, settings: Settings, tmp_path: Path, usual: float) -> None:
    delivered(settings, tmp_path / "folder", small_county())
    table = checked(settings, horizon=horizon)
    assert 0.3 * usual < totals(table) < 2 * usual


def test_before_anything_is_known_there_is_one_clear_line(settings: Settings, tmp_path: Path) -> None:
    delivered(settings, tmp_path / "folder", small_county())
    with pytest.raises(DataError, match="nothing is known before"):
        checked(settings, AS_OF - pd.Timedelta(weeks=200))


def test_before_the_first_booking_there_is_a_forecast(settings: Settings, tmp_path: Path, usual: float) -> None:
    tables = small_county()
    delivered(settings, tmp_path / "folder", tables)
    first = tables["bookings"]["booked_at"].min().floor("h")
    assert load_snapshot(snapshot_of(settings, first).path).bookings.empty
    assert totals(checked(settings, first)) < 2 * usual


@pytest.mark.parametrize("years", [1, 6])
def test_long_after_the_last_session_hardly_anybody_is_expected(
    years: int, settings: Settings, tmp_path: Path, usual: float
) -> None:
    delivered(settings, tmp_path / "folder", small_county())
    as_of = AS_OF + pd.Timedelta(weeks=52 * years)
    learn(settings, as_of)
    assert totals(checked(settings, as_of)) < 0.3 * usual
    asked(settings, lambda client: None, as_of)


def test_horizons_beyond_two_years_are_refused(culture: Callable[..., Result], tmp_path: Path) -> None:
    home, output = tmp_path / "home", tmp_path / "f.parquet"
    said = culture(home, "forecast", "--as-of", "2026-03-02", "--horizon", 200, "--output", output)
    assert said.returncode == 2
    assert "104" in said.stderr
    empty = culture(home, "forecast", "--as-of", "2026-03-02", "--horizon", 4, "--output", output)
    failed(empty, "nothing is known before")
