"""What a buyer bid is known before his lead leaves, and leads that a person let go wait for their auction."""

from alembic import op

revision = "0028"
down_revision = "0026"
branch_labels = None
depends_on = None

TABLES = """
-- What its buyer said to pay, committed before the lead is handed over; null of all who are not asked beforehand.
alter table attempt add column bid numeric;

-- A held lead that was let go, and is auctioned first. It stays held until it has its bids, in one transaction with them.
create table let_go (
  lead_id uuid primary key,
  by_whom text not null,
  at timestamptz not null default now(),
  due_at timestamptz not null default now()  -- whoever holds its auction puts this off meanwhile
);
create index let_go_due on let_go (due_at);
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    raise NotImplementedError("history is not undone; restore a backup")
