"""The contract's tables, partitioned by platform, the quarantine and the store's own state."""

from alembic import op

revision = "0001"
down_revision = None

_PLATFORM = "platform_num smallint NOT NULL"
_ID = 'text COLLATE "C"'
_NEED = f"{_ID} NOT NULL"

_TABLES = {
    "regions": f"region_id {_NEED}, name text NOT NULL, level text NOT NULL, parent_id {_ID}, lat float8, lon float8, "
    "population float8",
    "venues": f"venue_id {_NEED}, name text NOT NULL, region_id {_ID}, lat float8, lon float8, kind text, rooms int8, "
    "seats int8, weekly_slots int8",
    "users": f"user_id {_NEED}, birth_year int8, gender text, region_id {_ID}, lat float8, lon float8, "
    "registered_at timestamptz, interests text, personalised boolean",
    "activities": f"activity_id {_NEED}, category text NOT NULL, title text, description text, kind text, "
    f"organiser_id {_ID}, tags text, audience text, min_age int8, max_age int8, online boolean, series_id {_ID}",
    "sessions": f"session_id {_NEED}, activity_id {_NEED}, starts_at timestamptz NOT NULL, venue_id {_ID}, "
    "ends_at timestamptz, capacity int8, price float8, published_at timestamptz, booking_opens_at timestamptz, "
    "booking_closes_at timestamptz, cancelled_at timestamptz",
    "bookings": f"booking_id {_NEED}, user_id {_NEED}, session_id {_NEED}, booked_at timestamptz NOT NULL, "
    "status text, status_at timestamptz, party_size int8, attendee_birth_years text, channel text",
    "feedback": f"feedback_id {_NEED}, user_id {_NEED}, activity_id {_NEED}, kind text NOT NULL, "
    "occurred_at timestamptz NOT NULL, value float8, channel text, request_id text",
}


def upgrade() -> None:
    """Create everything."""
    op.execute(
        "CREATE TABLE platforms (platform_num smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
        " name text NOT NULL UNIQUE, timezone text NOT NULL)"
    )
    op.execute(
        "CREATE TABLE deliveries (platform_num smallint NOT NULL REFERENCES platforms, table_name text NOT NULL,"
        " PRIMARY KEY (platform_num, table_name))"
    )
    # The id first: it alone tells rows of a partition apart, and sorting by it is fastest.
    for name, columns in _TABLES.items():
        key = columns.split(" ", 1)[0]
        op.execute(
            f"CREATE TABLE {name} ({_PLATFORM}, {columns}, PRIMARY KEY ({key}, platform_num))"
            " PARTITION BY LIST (platform_num)"
        )
    op.execute("CREATE INDEX bookings_of_user ON bookings (user_id)")
    op.execute("CREATE INDEX feedback_of_user ON feedback (user_id)")
    op.execute(
        f"CREATE TABLE quarantine ({_PLATFORM}, table_name text NOT NULL, fingerprint text NOT NULL, key {_ID},"
        f' "row" jsonb NOT NULL, reason text NOT NULL, missing_table text, missing_id {_ID}, row_number int8,'
        " source text, PRIMARY KEY (platform_num, table_name, fingerprint))"
    )
    op.execute("CREATE INDEX quarantine_of_key ON quarantine (platform_num, table_name, key)")
    op.execute(
        "CREATE INDEX quarantine_waiting ON quarantine (platform_num, missing_table, missing_id)"
        " WHERE missing_id IS NOT NULL"
    )
    op.execute(
        f"CREATE TABLE removed_tags ({_PLATFORM}, user_id {_NEED}, tag text NOT NULL,"
        " PRIMARY KEY (platform_num, user_id, tag))"
    )
    op.execute("CREATE TABLE store_state (version int8 NOT NULL)")
    op.execute("INSERT INTO store_state VALUES (0)")
