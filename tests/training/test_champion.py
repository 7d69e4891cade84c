"""When the champion may answer in place of learning anew."""

from pathlib import Path

import pandas as pd
import pytest

from features.settings import Settings
from features.store.snapshot import Snapshot
from recsys.bundle import MANIFEST, BundleWriter
from recsys.releases import bundles_folder, release
from training.champion import same_data
from training.demand.config import DemandConfig
from training.run import TrainConfig

LEARNED = TrainConfig()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    snapshot = {"folder": "one", "sha256": "a" * 64}
    manifest = {"snapshot": snapshot, "config": LEARNED.model_dump(mode="json")}
    with BundleWriter(bundles_folder(tmp_path) / "one", manifest):
        pass
    release(tmp_path, "one")
    return Settings(home=tmp_path)


def holds(settings: Settings, digit: str, weeks: int, demand: DemandConfig) -> bool:
    """Whether the champion was learned from a snapshot under these settings."""
    snapshot = Snapshot(settings.home, digit * 64, pd.Timestamp("2026-01-05", tz="UTC"), {})
    return same_data(settings, snapshot, print, horizon_weeks=weeks, demand=demand) is not None


def test_only_the_very_same_data_and_settings_are_answered_for(settings: Settings) -> None:
    weeks, demand = LEARNED.horizon_weeks, LEARNED.demand
    assert holds(settings, "a", weeks, demand)
    assert not holds(settings, "b", weeks, demand)
    assert not holds(settings, "a", weeks + 1, demand)
    assert not holds(settings, "a", weeks, demand.model_copy(update={"max_origins": demand.max_origins + 1}))


def test_without_a_champion_or_with_a_damaged_one_nothing_is_answered_for(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not holds(Settings(home=tmp_path / "empty"), "a", LEARNED.horizon_weeks, LEARNED.demand)
    (bundles_folder(settings.home) / "one" / MANIFEST).write_text("{", encoding="utf-8")
    assert not holds(settings, "a", LEARNED.horizon_weeks, LEARNED.demand)
    assert "the champion is of no use" in capsys.readouterr().out
