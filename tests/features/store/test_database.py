"""The database under the store, where it refuses."""

from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from features.settings import Settings
from features.store import database
from features.store.loading import driver
from features.store.store import Store
from recsys.errors import RecsysError


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("DO $$ BEGIN RAISE disk_full USING MESSAGE = 'no space left', HINT = 'Free some.'; END $$", "refused.*left$"),
        ("SELECT pg_terminate_backend(pg_backend_pid())", "cannot be reached: .*; check CULTURE_DATABASE_URL"),
    ],
)
def test_what_the_driver_itself_raises_is_told_in_one_line(store: Store, statement: str, told: str) -> None:
    with pytest.raises(RecsysError, match=told), store.writing() as connection:
        driver(connection).execute(statement)


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


def test_tables_of_a_newer_program_are_told_and_left_as_they_are(database_url: str, tmp_path: Path) -> None:
    """As after a return to the program of before: the tables may hold what it knows nothing of."""
    settings = Settings(home=tmp_path, database_url=database_url)
    engine = database.engine_for(settings)
    try:
        with engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        with pytest.raises(RecsysError, match=r"version 9999, newer than \d{4}, .* run the program that wrote it"):
            database.engine_for(settings)
        with engine.begin() as connection:
            assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == "9999"
    finally:
        engine.dispose()
