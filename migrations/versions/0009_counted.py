"""Whose leads were counted for the check of how often they come: a decision that is made anew counts nothing twice."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TABLES = """
alter table inbox add column counted boolean not null default false;
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    raise NotImplementedError("history is not undone; restore a backup")
