"""Says in which time zones the person of a pooled lead may be, so that the next to be claimed is one who may be called now."""

from alembic import op

revision = "0034"
down_revision = "0029"
branch_labels = None
depends_on = None

# What is there already is told when somebody next claims; no other lead of these contracts is claimed before.
COLUMN = """
alter table pool add column zones text not null default '?'; -- by comma, in their order; '' nobody knows, '?' nobody has looked
create index pool_zones on pool (contract, zones, priority, delivery_id) where claim_id is null;
"""


def upgrade() -> None:
    op.execute(COLUMN)


def downgrade() -> None:
    raise NotImplementedError("history is not undone; restore a backup")
