"""Leads whose person wants no calls go no further, and what part of a lead's price its source has."""

from alembic import op

revision = "0025"
down_revision = "0022"
branch_labels = None
depends_on = None

TABLES = """
-- Null of nearly every lead, so that it takes no room. Since when nobody else is to have it; and the percentage of
-- each of its sales that its source is paid, where it has no price of its own.
alter table lead add column stopped_at timestamptz,
                 add column share numeric check (share > 0 and share <= 100);
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    raise NotImplementedError("history is not undone; restore a backup")
