"""What buyers tell of leads later, what they ask to give back, and who is told of it."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

TABLES = """
-- What of an accepted delivery was taken back: since when, and how much of its price is not owed any more.
alter table delivery add column returned_at timestamptz;
alter table delivery add column refunded numeric;
-- Buyers speak of a lead by their own reference, and of the day on which it was sold to them.
create index delivery_reference on delivery (buyer, reference) where reference is not null;
create index delivery_sold on delivery (contract, ended_at) where state = 'accepted';

-- What became of a lead, one row an event, of the delivery that its buyer speaks of. `key` is the digest of the buyer's
-- own id of the event, else of all that it says: the same said twice is one row. A correction voids one of them.
create table feedback (
  id uuid primary key,
  lead_id uuid not null,
  delivery_id uuid not null,
  buyer text not null,
  key bytea not null,
  kind text not null check (kind in ('disposition', 'return', 'conversion', 'revenue', 'correction')),
  code text not null,  -- `unmapped` until the buyer's words have a meaning for `raw`
  raw text not null,
  occurred_at timestamptz not null,
  received_at timestamptz not null default now(),
  by_whom text not null,
  external_id text,
  amount numeric,
  currency text,
  promised_at timestamptz,
  voids uuid,
  voided boolean not null default false,
  conflict boolean not null default false,  -- it can't be true of a lead that was given back
  note text not null default '',
  unique (buyer, key),
  check ((amount is null) = (currency is null)),
  check ((kind = 'correction') = (voids is not null))
);
create index feedback_delivery on feedback (delivery_id);
create index feedback_lead on feedback (lead_id);
create index feedback_unmapped on feedback (buyer) where code = 'unmapped';

-- A buyer's wish to give a lead back; its id is that of the feedback which said so. One a delivery, whatever becomes of it.
create table return_request (
  id uuid primary key,
  delivery_id uuid not null unique,
  lead_id uuid not null,
  campaign text not null,
  contract text not null,
  buyer text not null,
  source text not null,
  state text not null check (state in ('requested', 'approved', 'denied', 'withdrawn')),
  reason text not null,
  sold_at timestamptz not null,
  requested_at timestamptz not null,
  price numeric not null,  -- as it was charged
  currency text not null,
  remedy text not null check (remedy in ('credit', 'replace')),
  found json not null,  -- what was looked up when it was asked for
  due_at timestamptz,  -- when it is decided by itself, and how
  by_then text check (by_then in ('approve', 'deny')),
  appealed boolean not null default false,
  decided_at timestamptz,
  decided_by text,
  why text not null default '',
  credited numeric,  -- what its buyer does not owe any more
  price_back numeric,  -- what its source is not paid
  replace_until timestamptz,
  replaced_by uuid unique,  -- the delivery that is free in its place
  resale text check (resale in ('due', 'waits', 'done', 'none')),  -- `waits` until its other copies have ended
  check (state <> 'requested' or decided_at is null),
  check ((due_at is null) = (by_then is null))
) with (fillfactor = 80);
create index return_request_due on return_request (due_at) where state = 'requested' and due_at is not null;
create index return_request_open on return_request (requested_at) where state = 'requested';
create index return_request_contract on return_request (contract, sold_at) where state in ('requested', 'approved');
create index return_request_lead on return_request (lead_id);
create index return_request_replace on return_request (contract, decided_at)
  where replace_until is not null and replaced_by is null and credited is null;
create index return_request_resale on return_request (resale, id) where resale in ('due', 'waits');

-- What was said about it, in turn.
create table return_word (
  id bigint generated always as identity primary key,
  return_id uuid not null references return_request,
  at timestamptz not null default clock_timestamp(),
  kind text not null check (kind in
    ('requested', 'approved', 'denied', 'appealed', 'withdrawn', 'replaced', 'expired', 'resold')),
  by_whom text not null,
  text text not null default '',
  evidence text not null default ''
);
create index return_word_return on return_word (return_id);

-- What is told beside the answer of a round is a document of its own; `source` may then be `contract ID`.
alter table callback add column event text not null default 'outcome';
alter table callback add column about uuid;
alter table callback add column document json;
alter table callback drop constraint callback_lead_id_round_key;
alter table callback drop constraint callback_check;
alter table callback add check (state in ('promised', 'moot') or outcome is not null or document is not null);
alter table callback add check ((event = 'outcome') = (document is null));
create unique index callback_round on callback (lead_id, round) where event = 'outcome';
create unique index callback_event on callback (source, about, event) where event <> 'outcome';
create index callback_lead on callback (lead_id) where event <> 'outcome';
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    raise NotImplementedError("history is not undone; restore a backup")
