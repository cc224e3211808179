"""Contracts that rest because their buyer fails, and hand-overs whose proof is overdue."""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

TABLES = """
-- open: nothing is sent there; trying: one waiting delivery is; trial: the next lead that comes is.
create table resting (
  contract text primary key,
  state text not null check (state in ('open', 'trying', 'trial')),
  failures int not null,
  why text not null,
  since timestamptz not null default now(),
  until timestamptz not null,
  times smallint not null default 1,
  process_id uuid
);

-- Told once each; a row goes with the delivery's end.
create table overdue (
  delivery_id uuid primary key,
  lead_id uuid not null,
  contract text not null,
  at timestamptz not null default now()
);
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    raise NotImplementedError("history is not undone; restore a backup")
