"""Leads that a platform named and that are still to be fetched from it."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLES = """
-- Leads that a platform named: to be fetched from it, or deleted here. Durable before the platform hears 200.
-- `lead` is the platform's own id; `lease_id` is a process. A deletion that came first keeps its lead from
-- being fetched; one that comes in the middle of a fetch waits for its end.
create table platform_lead (
  source text not null,
  platform text not null,
  lead text not null,
  want text not null check (want in ('fetch', 'delete')),
  state text not null default 'waiting' check (state in ('waiting', 'done', 'dead')),
  reason text not null default '',
  tries int not null default 0,
  lease_id uuid,
  submission_id uuid,
  created_at timestamptz not null default now(),
  next_at timestamptz not null default now(),
  ended_at timestamptz,
  primary key (source, platform, lead)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);
create index platform_lead_due on platform_lead (next_at) where state = 'waiting';
create index platform_lead_dead on platform_lead (ended_at) where state = 'dead';
create index platform_lead_ended on platform_lead (ended_at) where state = 'done';

-- How far a platform was looked through for leads that it never told of; `what` is a form's id.
create table platform_poll (
  source text not null,
  platform text not null,
  what text not null,
  since timestamptz not null default now() - interval '1 hour',
  reason text not null default '',
  failures int not null default 0,
  lease_id uuid,
  next_at timestamptz not null default now(),
  primary key (source, platform, what)
) with (fillfactor = 50);

-- Since when nothing of the person is kept of a lead any more: it is handed over no further.
alter table lead add column erased_at timestamptz;
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    raise NotImplementedError("history is not undone; restore a backup")
