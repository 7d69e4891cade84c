import hashlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from recsys.dataset import Dataset
from recsys.errors import DataError, RecsysError, UnknownIdError
from recsys.schema import TABLES
from recsys.simulation import command
from recsys.simulation.command import further_knobs, simulate
from recsys.simulation.setting.catalogue import CATEGORY_NAMES
from recsys.simulation.truth.oracle import Truth
from tests.recsys.simulation.conftest import KNOBS


def test_tables_that_a_full_disk_took_in_part_are_no_county(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    manifest = tmp_path / "truth" / "manifest.json"
    manifest.parent.mkdir()
    manifest.write_text("{}", encoding="utf-8")
    monkeypatch.setattr(command, "make_world", lambda *_: SimpleNamespace(tables={}))
    monkeypatch.setattr(command, "write_truth", full)
    with pytest.raises(RecsysError, match=r"cannot be written: No space left on device$"):
        simulate(tmp_path)
    assert not manifest.exists()


def read(folder: Path) -> dict[str, pd.DataFrame]:
    tables = {name: pd.read_csv(folder / f"{name}.csv", dtype=str) for name in TABLES}
    for table, column in (("users", "personalised"), ("activities", "online")):
        flags = tables[table][column].map({"true": True, "false": False})
        tables[table] = tables[table].assign(**{column: flags})
    return tables


def test_tables_load_and_hold_nothing_from_the_future(folder: Path, truth: Truth) -> None:
    as_of = truth.as_of.tz_localize("Asia/Shanghai")
    tables = read(folder)
    dataset = Dataset.from_tables(tables, as_of)
    for name, frame in dataset.tables().items():
        assert tuple(tables[name].columns) == TABLES[name].column_names
        assert len(frame) == len(tables[name]), name
    for name, column in (("bookings", "booked_at"), ("bookings", "status_at"), ("feedback", "occurred_at")):
        assert not (dataset.tables()[name][column] >= as_of).any()
    assert not (dataset.sessions["published_at"] >= as_of).any()
    assert not (dataset.sessions["cancelled_at"] >= as_of).any()
    assert (dataset.sessions["starts_at"] > as_of).any()


def test_the_tree_goes_up_to_the_province(folder: Path) -> None:
    regions = read(folder)["regions"].set_index("region_id")
    assert regions.loc["370114", "name"] == "章丘区"
    assert regions["parent_id"].isna().sum() == 1
    assert (regions["level"] == "township").sum() == 18
    assert (regions["level"] == "village").sum() == 594
    lat, lon = regions["lat"].astype(float), regions["lon"].astype(float)
    assert lat.between(36.2, 37.2).all()
    assert lon.between(117.0, 118.2).all()


def test_users_and_followers(folder: Path) -> None:
    users = read(folder)["users"]
    assert users["registered_at"].notna().sum() == KNOBS["users"]
    assert len(users) == 1.5 * KNOBS["users"]
    missing = users[users["registered_at"].notna()].isna().mean()
    assert missing["birth_year"] > 0.02
    assert missing["lat"] > 0.1
    assert set(users["interests"].dropna().str.split(";").explode()) <= set(CATEGORY_NAMES)


def test_no_session_holds_more_than_its_places(folder: Path, truth: Truth) -> None:
    sessions = truth.tables["sessions"]
    assert (sessions["bookings"] <= sessions["capacity"].fillna(np.inf)).all()
    status = read(folder)["bookings"]["status"]
    assert set(status) == {"booked", "waitlisted", "cancelled", "attended", "no_show"}


def test_bookings_lie_between_opening_registration_and_start(folder: Path) -> None:
    tables = read(folder)
    rows = tables["bookings"].merge(tables["sessions"], on="session_id").merge(tables["users"], on="user_id")
    booked = pd.to_datetime(rows["booked_at"])
    assert (booked < pd.to_datetime(rows["starts_at"])).all()
    assert (booked >= pd.to_datetime(rows["booking_opens_at"])).all()
    assert (booked >= pd.to_datetime(rows["registered_at"])).all()
    assert not rows.duplicated(["user_id", "session_id"]).any()


def test_demand_is_coherent_and_at_least_what_was_taken(truth: Truth) -> None:
    demand = truth.tables["demand"]
    values = ["demand_mean", "demand", "bookings_mean", "bookings"]
    assert demand[values].to_numpy().min() >= 0
    assert demand["demand_mean"].sum() >= demand["bookings_mean"].sum()
    assert demand["demand"].sum() >= demand["bookings"].sum()
    keys = ["category", "week_start"]
    by_level = {name: part.groupby(keys)[values].sum() for name, part in demand.groupby("level")}
    assert set(by_level) == {"province", "city", "county", "township"}
    for inner, outer in (("township", "county"), ("county", "city"), ("city", "province")):
        below = by_level[inner].reindex(by_level[outer].index).fillna(0)
        assert (below <= by_level[outer] + 1e-6).all(axis=None)
    ratio = demand["demand"].sum() / demand["demand_mean"].sum()
    assert 0.85 < ratio < 1.15


def test_supply_misses_demand(truth: Truth) -> None:
    latent = truth.tables["latent"]
    assert len(latent) == 18 * 24
    unserved = latent[~latent["has_supply"]]
    assert len(unserved) > 50
    assert (latent["demand_if_offered"] >= latent["demand_now"] - 1e-6).all()
    assert unserved["demand_if_offered"].sum() > 1.2 * unserved["demand_now"].sum()


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    def digest(folder: Path) -> dict[str, str]:
        return {
            str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
            for p in sorted(folder.rglob("*"))
            if p.is_file()
        }

    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        simulate(tmp_path / name, users=60, weeks=3, seed=seed)
    assert digest(tmp_path / "a") == digest(tmp_path / "b")
    assert digest(tmp_path / "a")["sessions.csv"] != digest(tmp_path / "c")["sessions.csv"]


@pytest.mark.parametrize("knobs", [{"users": 1, "weeks": 1}, {"users": 5, "weeks": 2, "noise": 0.0, "feedback": 0.0}])
@pytest.mark.parametrize("shape", ["logit", "gravity"])
def test_the_smallest_worlds(tmp_path: Path, knobs: dict[str, float], shape: str) -> None:
    world = simulate(tmp_path, shape=shape, table_format="parquet", **knobs)  # type: ignore[arg-type]
    assert world.tables["users"]["registered_at"].notna().sum() == knobs["users"]
    assert (tmp_path / "sessions.parquet").is_file()


def test_a_city_has_a_house_of_its_own(tmp_path: Path) -> None:
    world = simulate(tmp_path, users=400, weeks=2, region="3702")
    venues = world.tables["venues"]
    assert (venues["region_id"] == "3702").any()
    assert world.tables["regions"]["level"].eq("county").sum() > 5


def test_knobs_of_the_command_reach_the_world(tmp_path: Path) -> None:
    world = simulate(tmp_path, users=60, weeks=3, **further_knobs(["capacity_scale=0.5", "table_format=parquet"]))
    assert world.config.capacity_scale == 0.5
    assert (tmp_path / "venues.parquet").is_file()


def test_every_knob_that_cannot_be_read_is_named() -> None:
    with pytest.raises(DataError, match=r"'noise'.*NAME=VALUE.*'users'.*--users.*'missing'.*twice"):
        further_knobs(["noise", "users=3", "missing=1", "missing=2"])


def test_wrong_knobs_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"users.*weeks"):
        simulate(tmp_path, users=0, weeks=0)
    with pytest.raises(DataError, match="colour"):
        simulate(tmp_path, colour="red")
    with pytest.raises(UnknownIdError, match="999999"):
        simulate(tmp_path, region="999999")
