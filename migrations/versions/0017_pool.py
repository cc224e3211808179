"""The pool: leads that people pull, who has which until when, who had it before, and what is pulled back later."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

TABLES = """
-- A delivery that lies in the pool is as live as one that is being sent.
alter table delivery drop constraint delivery_state_check;
alter table delivery add constraint delivery_state_check check (state in
  ('sending', 'waiting', 'pooled', 'unclear', 'accepted', 'rejected', 'duplicate', 'dead', 'cancelled'));
drop index delivery_slot;
create unique index delivery_slot on delivery (lead_id, round, slot)
  where state in ('sending', 'waiting', 'pooled', 'unclear', 'accepted');

-- One row a pooled delivery, gone when that ends. It is free, or claimed by one person until `expires_at`.
create table pool (
  delivery_id uuid primary key,
  lead_id uuid not null,
  buyer text not null,
  contract text not null,
  campaign text not null,
  test boolean not null,
  priority timestamptz not null,
  pooled_at timestamptz not null default now(),
  step smallint not null default 0,
  team text,  -- whom it is offered to; null: everybody of the buyer
  until timestamptz,  -- when it is offered to others; null: never by itself
  owners text[] not null default '{}',  -- who had it before, the latest last
  claim_id uuid,
  person text,
  claimed_at timestamptz,
  expires_at timestamptz,
  renewals smallint not null default 0,
  check (num_nulls(claim_id, person, claimed_at, expires_at) in (0, 4))
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01);
create index pool_free on pool (buyer, priority, delivery_id) where claim_id is null;
create index pool_held on pool (buyer, person) where claim_id is not null;
create index pool_expiry on pool (expires_at) where claim_id is not null;
create index pool_until on pool (until) where claim_id is null;
create index pool_lead on pool (lead_id);

-- Who had a lead, for quotas and for whom it is not offered to again. `ended` is how that ended.
create table pool_claim (
  id uuid primary key,
  delivery_id uuid not null,
  lead_id uuid not null,
  buyer text not null,
  contract text not null,
  person text not null,
  test boolean not null,
  at timestamptz not null default now(),
  ended_at timestamptz,
  ended text check (ended in ('closed', 'released', 'expired', 'moved', 'pushed'))
);
create index pool_claim_person on pool_claim (buyer, person, at);
create index pool_claim_lead on pool_claim (lead_id);

-- Pushed leads that go to the pool unless somebody acts in time.
create table pull_watch (
  delivery_id uuid primary key,
  lead_id uuid not null,
  due_at timestamptz not null
);
create index pull_watch_due on pull_watch (due_at);
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    raise NotImplementedError("history is not undone; restore a backup")
