"""Leads that nobody took and that are offered again: when, until when, at which part of the price."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

TABLES = """
-- One row a lead, gone when it is sold or given up. Changed under the lead's lock alone.
create table requeue (
  lead_id uuid primary key,
  campaign text not null,
  first_round smallint not null,  -- who refused in this round or a later one is not asked again
  since timestamptz not null default now(),
  until timestamptz not null,
  due_at timestamptz,  -- when it is looked at again; null while a round of it is under way
  catalogue bigint not null,  -- under which it was looked at last
  looks int not null default 0,  -- that found nobody
  factor numeric not null default 1  -- of every price, in the round under way
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01);
create index requeue_due on requeue (due_at) where due_at is not null;
create index requeue_campaign on requeue (campaign, catalogue) where due_at is not null;
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    raise NotImplementedError("history is not undone; restore a backup")
