"""Operators' rules, and what lists have shown: by list and place, without a person."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create them."""
    op.execute(
        "CREATE TABLE operator_rules (rule_id text PRIMARY KEY, action text NOT NULL, target text NOT NULL,"
        " value text NOT NULL, strength float8 NOT NULL, valid_from timestamptz, valid_until timestamptz)"
    )
    op.execute(
        "CREATE TABLE shown (request_id text NOT NULL, shown_at timestamptz NOT NULL, bundle text,"
        " place int4 NOT NULL, activity_id text NOT NULL, session_id text NOT NULL, source text NOT NULL,"
        " propensity float8 NOT NULL)"
    )
    op.execute("CREATE INDEX shown_at ON shown (shown_at)")
    op.execute("CREATE INDEX shown_by_request ON shown (request_id)")
