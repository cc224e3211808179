"""What every party owes: the ledger, and the currency in which a lead's prices are."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

TABLES = """
alter table lead add column currency text not null default 'USD';

-- One row moves an amount from the account `credit` to the account `debit`, so that all accounts sum to zero.
-- It holds no contact datum, and outlives its lead.
create table entry (
  id bigint generated always as identity primary key,
  at timestamptz not null default now(),
  kind text not null check (kind in
    ('sale', 'cost', 'return', 'cost_return', 'deposit', 'payment', 'payout', 'credit', 'adjustment')),
  debit text not null,
  credit text not null check (credit <> debit),
  amount numeric not null check (amount > 0 and amount < 'infinity'),
  currency text not null,
  lead_id uuid,
  delivery_id uuid,
  source text,
  campaign text,
  buyer text,
  contract text,
  key text,
  note text,
  by_whom text,
  check ((kind in ('sale', 'cost', 'return', 'cost_return')) = (key is null)),
  check (key is not null or lead_id is not null)
) with (autovacuum_vacuum_insert_scale_factor = 0.05);
-- A delivery is sold and returned once; a lead whose cost stands for itself is bought once.
create unique index entry_once on entry (coalesce(delivery_id, lead_id), kind)
  where kind in ('sale', 'cost', 'return', 'cost_return');
create unique index entry_key on entry (key) where key is not null;
create index entry_debit on entry (debit, at) where kind <> 'cost';
create index entry_credit on entry (credit, at) where kind <> 'sale';
create index entry_at on entry using brin (at);

create function leadgate_entries_stand() returns trigger language plpgsql as $$
begin
  raise exception 'an entry is not changed; a correction is an entry of its own';
end
$$;
create trigger entries_stand before update or delete on entry
  for each statement execute function leadgate_entries_stand();

-- What was sold and bought before there was a ledger.
update lead l set currency = c.currency
  from (select distinct on (id) id, doc ->> 'currency' as currency from configured
         where kind = 'campaign' order by id, version desc) c
 where c.id = l.campaign and c.currency <> l.currency;
insert into entry (at, kind, debit, credit, amount, currency, lead_id, source, campaign)
select coalesce(ended_at, decided_at), 'cost', 'cost:' || campaign, 'source:' || source, price, currency, id, source,
       campaign
  from lead where outcome = 'success' and price > 0 and not test order by id;
insert into entry (at, kind, debit, credit, amount, currency, lead_id, delivery_id, source, campaign, buyer, contract)
select coalesce(d.ended_at, d.created_at), 'sale', 'buyer:' || d.buyer, 'revenue:' || d.campaign, d.price, l.currency,
       d.lead_id, d.id, l.source, d.campaign, d.buyer, d.contract
  from delivery d join lead l on l.id = d.lead_id
 where d.state = 'accepted' and d.price > 0 and not d.test order by d.id;
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    raise NotImplementedError("history is not undone; restore a backup")
