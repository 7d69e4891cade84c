"""Rows of the store as frames, read part by part."""

import pandas as pd
import pytest
from psycopg import sql

from features.store import frames
from features.store.platforms import zones_by_num
from features.store.store import Store
from recsys.schema import TABLES


@pytest.mark.parametrize("most_bytes", [1, 200, 1 << 24])
def test_rows_are_the_same_in_however_many_parts_they_are_read(
    store: Store, monkeypatch: pytest.MonkeyPatch, most_bytes: int
) -> None:
    titles = ["plain", 'a "quoted", one', "two\nlines\r\nand more", "", None, "二胡" * 60]
    rows = [{"activity_id": f"a{n}", "category": "x", "title": title} for n, title in enumerate(titles * 5)]
    store.upsert("county", "activities", rows)
    parsed = []
    parse = frames._parsed
    monkeypatch.setattr(frames, "MOST_BLOCK_BYTES", most_bytes)
    monkeypatch.setattr(frames, "_parsed", lambda text, schema: parsed.append(len(text)) or parse(text, schema))
    with store.reading() as connection:
        found = frames.read_rows(connection, TABLES["activities"], zones_by_num(connection), sql.SQL("true"))
    read = found.set_index("activity_id")["title"]
    assert len(read) == len(rows)
    for row in rows:
        expected = row["title"] or None
        assert (None if pd.isna(read[row["activity_id"]]) else read[row["activity_id"]]) == expected
    assert max(parsed) < most_bytes + 1000
    assert len(parsed) == {1: len(rows), 1 << 24: 1}.get(most_bytes, len(parsed))
