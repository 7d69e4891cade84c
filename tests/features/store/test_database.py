"""The database under the store, where it refuses."""

from pathlib import Path

import pytest
from sqlalchemy import create_engine

from features.settings import Settings
from features.store import database
from recsys.errors import RecsysError


def test_where_tables_cannot_be_brought_up_to_date_no_connection_stays_open(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engines = []

    def made(*args: object, **kwargs: object) -> object:
        engines.append(create_engine(*args, **kwargs))
        return engines[-1]

    def refused(_: object) -> None:
        raise RecsysError("refused")

    monkeypatch.setattr(database, "create_engine", made)
    monkeypatch.setattr(database, "_migrate", refused)
    with pytest.raises(RecsysError, match="refused"):
        database.engine_for(Settings(home=tmp_path, database_url=database_url))
    assert engines[0].pool.checkedin() == 0
