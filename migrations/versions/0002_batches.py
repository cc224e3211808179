"""Batches: a table of leads on its way in, and how far it is."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = """
-- `position` is the line of the last row that is durable or refused: whoever goes on reads from there.
-- `identity` is the digest of what tells the same file again; `lease_id` is a process.
create table batch (
  id uuid primary key,
  source text not null,
  identity bytea,
  fingerprint bytea not null,
  name text not null default '',
  size bigint not null,
  shape json not null,
  mapping json not null,
  test boolean not null default false,
  remote text not null default '',
  key_hint text not null default '',
  state text not null check (state in ('reading', 'deciding', 'done', 'failed', 'cancelled')),
  position bigint not null default 0,
  read_bytes bigint not null default 0,
  kept bigint not null default 0,
  refused bigint not null default 0,
  accepted bigint not null default 0,
  rejected bigint not null default 0,
  held bigint not null default 0,
  parked bigint not null default 0,
  problem json,
  lease_id uuid,
  created_at timestamptz not null default now(),
  read_at timestamptz,
  ended_at timestamptz
) with (fillfactor = 50);
create unique index batch_identity on batch (source, identity) where identity is not null;
create index batch_source on batch (source, id);
create index batch_open on batch (source, id) where state in ('reading', 'deciding');

-- Rows that came as one submission, with the line of each. `tallied`: what became of them is counted above.
create table batch_part (
  submission_id uuid primary key,
  batch_id uuid not null references batch on delete cascade,
  lines int[] not null,
  tallied boolean not null default false
) with (fillfactor = 90);
create index batch_part_batch on batch_part (batch_id, submission_id);
create index batch_part_open on batch_part (submission_id) where not tallied;

-- Rows that could not be read, for the error file.
create table batch_refusal (
  batch_id uuid not null references batch on delete cascade,
  line bigint not null,
  code text not null,
  detail text not null,
  cells json not null,
  primary key (batch_id, line)
);

-- What a batch left in the inbox lets what came by itself go first.
alter table inbox add column batch_id uuid;
create index inbox_batch on inbox (submission_id) where batch_id is not null and parked is null;
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    raise NotImplementedError("history is not undone; restore a backup")
