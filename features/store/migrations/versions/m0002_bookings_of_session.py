"""An index of bookings by session: places left are read for every list after a booking."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create it."""
    op.execute("CREATE INDEX bookings_of_session ON bookings (session_id)")
