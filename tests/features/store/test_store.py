from pathlib import Path

import pandas as pd
import pytest

from features.settings import Settings
from features.store.ingest import ingest_folder
from features.store.snapshot import load_snapshot
from features.store.store import Store, open_store
from recsys.errors import RecsysError, UnknownIdError

NASHVILLE = Path(__file__).parents[2] / "data" / "nashville"


def test_real_rows_come_back_as_delivered(store: Store, tmp_path: Path) -> None:
    report = ingest_folder(store, NASHVILLE)
    assert {n: (t.read, t.accepted, t.rejected) for n, t in report.tables.items()} == {
        "users": (300, 300, 0),
        "activities": (1354, 1354, 0),
        "sessions": (1354, 1354, 0),
        "bookings": (4578, 4578, 0),
    }
    snapshot = store.snapshot(tmp_path, pd.Timestamp("2030-01-01", tz="UTC"))
    dataset = load_snapshot(snapshot.path)
    delivered = pd.read_csv(NASHVILLE / "bookings.csv", dtype=str).sort_values("booking_id", ignore_index=True)
    found = dataset.bookings.sort_values("booking_id", ignore_index=True)
    assert found["user_id"].tolist() == delivered["user_id"].tolist()
    assert (found["booked_at"] == pd.to_datetime(delivered["booked_at"], utc=True)).all()


def test_a_server_that_cannot_be_reached_is_one_clear_line(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, database_url="postgresql://somebody:secret@127.0.0.1:1/nowhere")
    with pytest.raises(RecsysError, match=r"^the store cannot be reached: .*") as caught:
        open_store(settings)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["mysql://x/y", "no url"])
def test_only_postgresql(tmp_path: Path, url: str) -> None:
    with pytest.raises(RecsysError, match="CULTURE_DATABASE_URL"):
        open_store(Settings(home=tmp_path, database_url=url))


def test_an_unknown_row(store: Store) -> None:
    store.upsert("a", "users", [{"user_id": "1"}])
    with pytest.raises(UnknownIdError):
        store.row("users", "2")
