"""Finds the files of many leads that are on their way without looking at all that ever were."""

from alembic import op

revision = "0026"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("create index bundle_on_its_way on bundle (contract) where state = 'sending'")


def downgrade() -> None:
    raise NotImplementedError("history is not undone; restore a backup")
