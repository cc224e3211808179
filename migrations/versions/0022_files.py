"""Files of many leads, who is in each, and the acknowledgement files that are read back."""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

TABLES = """
-- sending: begun and not ended; sent: its name is there; unsent: certainly not, its leads are free for another;
-- unclear: perhaps. What was said is kept here once, not with each lead.
create table bundle (
  id uuid primary key,
  contract text not null,
  name text not null,
  size int not null,
  state text not null default 'sending' check (state in ('sending', 'sent', 'unsent', 'unclear')),
  begun_at timestamptz not null default now(),
  ended_at timestamptz,
  outcome text,
  reason text,
  ms real,
  exchanges json not null default '[]'
);
create index bundle_contract on bundle (contract, id);

-- Who is in it, in which row.
create table bundled (
  bundle_id uuid not null references bundle on delete cascade,
  n int not null,
  delivery_id uuid not null,
  lead_id uuid not null,
  primary key (bundle_id, delivery_id)
);
create index bundled_delivery on bundled (delivery_id, bundle_id);
create index bundled_lead on bundled (lead_id);

create index delivery_waiting on delivery (contract) where state = 'waiting';

-- When a buyer's folder is looked into next: by one process, until then.
create table acknowledging (
  contract text primary key,
  next_at timestamptz not null default now(),
  failures int not null default 0,
  trouble text not null default ''
);

-- seen: found, and perhaps still being written; read: all that it says was followed; unreadable: nobody can.
create table acknowledgement (
  contract text not null,
  mark text not null,
  name text not null,
  state text not null check (state in ('seen', 'read', 'unreadable')),
  seen_at timestamptz not null default now(),
  read_at timestamptz,
  settled int not null default 0,
  repeated int not null default 0,
  strange int not null default 0,
  contradicted int not null default 0,
  primary key (contract, mark)
);
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    raise NotImplementedError("history is not undone; restore a backup")
