"""Keeps the newest refresh token of an account that gives another with each use."""

from alembic import op

revision = "0030"
down_revision = "0028"
branch_labels = None
depends_on = None

TABLES = """
-- One row an account: what proves us there now. Both texts are sealed; '' while there is none.
create table refresh_token (
  holder text primary key,                 -- a digest of what the contract says of the account
  version bigint not null default 0,       -- goes up with every token that came: who has read an older one keeps nothing
  refresh text not null default '',
  access text not null default '',
  good_until timestamptz,
  process_id uuid,                         -- who asks for the next one now
  claimed_until timestamptz,
  changed_at timestamptz not null default now()
);
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    raise NotImplementedError("history is not undone; restore a backup")
