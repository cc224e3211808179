"""Says since when a buyer's answers can't be looked into, and which of them nobody can read."""

from alembic import op

revision = "0029"
down_revision = "0027"
branch_labels = None
depends_on = None

COLUMNS = """
alter table acknowledging
  add column looked_at timestamptz,        -- when the last look ended
  add column troubled_at timestamptz;      -- since when every look is in vain; null: the last one went well
alter table acknowledgement
  add column why text not null default ''; -- why nobody can read it; '' also where it is somebody else's
"""


def upgrade() -> None:
    op.execute(COLUMNS)


def downgrade() -> None:
    raise NotImplementedError("history is not undone; restore a backup")
