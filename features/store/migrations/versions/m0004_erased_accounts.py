"""Who was erased, as salted digests: a later delivery of the same account stays out."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create them."""
    # Two random UUIDs: the one source of chance that needs no extension.
    op.execute(
        "ALTER TABLE store_state ADD COLUMN salt bytea NOT NULL"
        " DEFAULT decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex')"
    )
    op.execute(
        "CREATE TABLE erased_accounts (platform_num smallint NOT NULL, digest bytea NOT NULL,"
        " erased_until timestamptz NOT NULL, is_back boolean NOT NULL DEFAULT false,"
        " PRIMARY KEY (platform_num, digest))"
    )
