"""Channels: where each visit left off, who visits, and what was seen when."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = """
-- One row a place that leads are fetched from: who visits it, when next, where the last visit left off.
-- `key` is of what the channel is told, so that another address begins anew; `lease_id` is a process.
create table channel (
  source text not null,
  key text not null,
  state jsonb not null default '{}',
  lease_id uuid,
  visit bigint not null default 0,
  next_at timestamptz not null default now(),
  failures int not null default 0,
  trouble text,
  visited_at timestamptz,  -- when the last visit ended, however it did
  well_at timestamptz,     -- when one last ended well
  kept_at timestamptz,     -- when one last brought a lead
  kept bigint not null default 0,
  refused bigint not null default 0,
  created_at timestamptz not null default now(),
  primary key (source, key)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);

-- How much came from a source in each hour: what its rhythm is learned from. `gap` in seconds, within the hour.
create table arrival_hour (
  source text not null,
  hour timestamptz not null,
  n int not null,
  first_at timestamptz not null,
  last_at timestamptz not null,
  gap real not null default 0,
  primary key (source, hour)
) with (fillfactor = 70);
create index arrival_hour_age on arrival_hour (hour);

-- A source's habit, and since when it is silent against it. `rates` are leads an hour, by hour of the week.
create table rhythm (
  source text primary key,
  since timestamptz not null default now(),
  last_at timestamptz,
  rates real[],
  usual real,
  learned_at timestamptz,
  silent_since timestamptz
) with (fillfactor = 50);

-- Up to when submissions are counted in arrival_hour; since when there was always somebody to hear them.
create table arrival_mark (
  one boolean primary key default true check (one),
  upto timestamptz not null,
  looked_at timestamptz not null,
  hearing_since timestamptz not null
);
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    raise NotImplementedError("history is not undone; restore a backup")
