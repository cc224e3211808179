"""The result that a test asks for, kept with its bytes; and what has changed in sources' posting instructions."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLES = """
-- Whoever decides it after a crash forces the same.
alter table submission add column forced text;

-- Up to which version of the catalogue it was looked for changes that concern a source.
create table spec_mark (
  one boolean primary key default true check (one),
  version bigint not null
);

-- What a source's posting instructions say otherwise than before; told to it where it wants to hear (`waiting`,
-- with the id as webhook-id), else only noted. Who tells it moves `next_at` on first: a lease without an owner.
create table spec_change (
  id uuid primary key,
  source text not null,
  since bigint not null,
  version bigint not null,
  changes json not null,
  state text not null check (state in ('noted', 'waiting', 'told', 'gone', 'dead', 'moot')),
  attempts smallint not null default 0,
  at timestamptz not null default now(),
  next_at timestamptz,
  ended_at timestamptz,
  reason text not null default '',
  unique (source, version)
);
create index spec_change_due on spec_change (next_at) where state = 'waiting';
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    raise NotImplementedError("history is not undone; restore a backup")
