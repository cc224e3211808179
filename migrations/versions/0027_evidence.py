"""Keeps what a buyer shows for a return that nobody has decided yet."""

from alembic import op

revision = "0027"
down_revision = "0030"
branch_labels = None
depends_on = None

WORDS = """
alter table return_word drop constraint return_word_kind_check;
alter table return_word add constraint return_word_kind_check check (kind in
  ('requested', 'evidence', 'approved', 'denied', 'appealed', 'withdrawn', 'replaced', 'expired', 'resold'));
"""


def upgrade() -> None:
    op.execute(WORDS)


def downgrade() -> None:
    raise NotImplementedError("history is not undone; restore a backup")
