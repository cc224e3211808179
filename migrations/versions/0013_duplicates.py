"""What duplicates are compared by."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TABLES = """
-- Keys that any number of leads share: who lives in one house, whom a buyer may have. Digests, as in dedupe_key, whose
-- row of the same key is the lock. `seconds`: the look-back of a rule by buyers, which is asked again before each of
-- them; null of any other.
create table lead_key (
  key bytea not null,
  lead_id uuid not null,
  at timestamptz not null default now(),
  seconds float8,
  expires_at timestamptz not null,
  primary key (key, lead_id)
);
create index lead_key_lead on lead_key (lead_id);
create index lead_key_expiry on lead_key (expires_at);

-- How far the leads of a campaign are entered under the keys of its rules, newest first. Other `rules`, and it begins anew.
create table duplicate_filling (
  campaign text primary key,
  rules bytea not null,
  before uuid not null,
  entered bigint not null default 0,
  done_at timestamptz
);
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    raise NotImplementedError("history is not undone; restore a backup")
