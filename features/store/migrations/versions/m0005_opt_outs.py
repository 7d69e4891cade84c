"""Who has switched personal lists off: the person's own word, which no delivery takes back."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create them."""
    op.execute(
        "CREATE TABLE opt_outs (platform_num smallint NOT NULL, user_id text NOT NULL,"
        " PRIMARY KEY (platform_num, user_id))"
    )
