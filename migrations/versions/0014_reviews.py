"""How long a held lead waits, and who cheated before."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

TABLES = """
create index lead_held on lead (campaign, decided_at) where state = 'held';

-- Marks (digests) that leads of fraud carried, for checks that ask whether somebody comes again.
create table offence (
  key bytea not null,
  lead_id uuid not null,
  at timestamptz not null default now(),
  expires_at timestamptz not null,
  primary key (key, lead_id)
);
create index offence_lead on offence (lead_id);
create index offence_expiry on offence (expires_at);
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    raise NotImplementedError("history is not undone; restore a backup")
