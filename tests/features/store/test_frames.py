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


@pytest.mark.parametrize("platforms", [["county"], ["county", "museum"]])
@pytest.mark.parametrize("chosen", ["true", "false"])
def test_a_few_rows_are_read_as_many_are(store: Store, platforms: list[str], chosen: str) -> None:
    odd = ['a "quoted", one', "two\nlines\r\nand \\.", "", None, "t", "二胡"]
    for name in platforms:
        rows = [{"user_id": f"u{n}", "gender": text, "interests": text} for n, text in enumerate(odd)]
        rows[0] |= {"birth_year": 1990, "lat": 0.1 + 0.2, "lon": -117.39999999999999, "personalised": False}
        rows[1] |= {"registered_at": "2025-12-31T23:59:59.999999+08:00", "lat": 5e-324, "lon": 0, "personalised": True}
        store.upsert(name, "users", rows)
        event = {"user_id": "u1", "activity_id": "a", "kind": "rating", "occurred_at": "1900-01-01T00:00:00.000001Z"}
        store.upsert(name, "feedback", [event | {"feedback_id": f"f{n}", "value": n / 3} for n in range(4)])
        booking = {"user_id": "u1", "session_id": "s", "booked_at": "2199-12-31T00:00:00+14:00", "party_size": 3}
        store.upsert(name, "bookings", [booking | {"booking_id": "b", "status": "cancelled"}])
    store.remove_tag("county:u1" if len(platforms) > 1 else "u1", "category:dance")
    wanted = dict.fromkeys((*TABLES, "removed_tags"), sql.SQL(chosen))
    with store.reading() as connection:
        zones = zones_by_num(connection)
        few = frames.read_few(connection, zones, wanted)
        tables = {**TABLES, "removed_tags": frames.REMOVED_TAGS}
        many = {name: frames.read_rows(connection, table, zones, sql.SQL(chosen)) for name, table in tables.items()}
    assert list(few) == list(many)
    for name, expected in many.items():
        pd.testing.assert_frame_equal(few[name], expected, check_exact=True)
    assert len(few["users"]) == (len(odd) * len(platforms) if chosen == "true" else 0)
