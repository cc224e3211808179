"""What look-ups over the network answered and cost, tables to look leads up in, and which contacts were bought before."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TABLES = """
-- What services said, by a keyed digest of what they were asked. `said_at` is null while a question is on its way:
-- who asks has `patience` seconds before it counts as dead. `lead_id` is who it was asked for, so that it can be
-- forgotten with the person.
create table look_up (
  key bytea primary key,
  service text not null,
  lead_id uuid not null,
  asker uuid not null,
  tries smallint not null default 1,
  asked_at timestamptz not null default now(),
  patience float8 not null,
  said_at timestamptz,
  value json,
  expires_at timestamptz not null
);
create index look_up_expires_at on look_up (expires_at);
create index look_up_lead_id on look_up (lead_id);

-- What questions cost on a day (UTC), by whose budget it is. A budget is held under the lock of its row.
create table look_up_cost (
  purse text not null,
  day date not null,
  currency text not null,
  asked bigint not null default 0,
  cost numeric not null default 0,
  primary key (purse, day, currency)
);

-- Tables of enrichers: rows by a digest of their key, a generation at a time, as suppression lists are.
create table reference_table (
  name text primary key,
  generation bigint,
  entries bigint not null default 0,
  loaded_at timestamptz,
  loaded_by text not null default ''
);
create table reference_row (
  name text not null,
  generation bigint not null,
  key bytea not null,
  said json not null,
  primary key (name, generation, key)
);
create sequence reference_generation;

-- Which leads had a contact (a keyed digest of a phone or an e-mail), for how often it was sold before.
create table contact_lead (
  key bytea not null,
  lead_id uuid not null,
  expires_at timestamptz not null,
  primary key (key, lead_id)
);
create index contact_lead_lead_id on contact_lead (lead_id);
create index contact_lead_expires_at on contact_lead (expires_at);

alter table configured drop constraint configured_kind_check;
alter table configured add constraint configured_kind_check
  check (kind in ('list', 'enricher', 'campaign', 'source', 'buyer'));
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    raise NotImplementedError("history is not undone; restore a backup")
