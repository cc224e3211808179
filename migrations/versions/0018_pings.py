"""Pings and what was bid on them; nobody's contact data."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

TABLES = """
-- One ping: what was promised for which facts until when, and the lead that has made use of it.
create table ping (
  id uuid primary key,
  source text not null,
  campaign text not null,
  at timestamptz not null default now(),
  expires_at timestamptz not null,
  test boolean not null default false,
  price numeric,  -- what the source was offered; none: no bid
  currency text not null,
  facts json not null,  -- field -> a digest of what it was, so that another lead is told from this one
  bids json not null,  -- best first
  silent json not null,  -- contract -> why it made no bid
  ms real not null,
  lead_id uuid
);
create index ping_at on ping using brin (at);

-- How far ahead of its pace a source is. What a crash forgets of it is forgiven, so that no ping waits for a disk.
create unlogged table ping_pace (
  source text primary key,
  ahead_until timestamptz not null
) with (fillfactor = 50);
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    raise NotImplementedError("history is not undone; restore a backup")
