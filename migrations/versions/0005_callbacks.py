"""What sources are still to be told, and partial leads that wait for their rest."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLES = """
-- What a source is owed, one row a round of a lead: `promised` while its answer is open, then told to its URL.
-- `id` is the webhook-id, the same at every try; `lease_id` is a process.
create table callback (
  id uuid primary key,
  lead_id uuid not null,
  round smallint not null,
  source text not null,
  state text not null check (state in ('promised', 'waiting', 'sending', 'told', 'gone', 'dead', 'moot')),
  outcome text check (outcome in ('success', 'failure')),
  price numeric,
  reasons json,
  attempts smallint not null default 0,
  lease_id uuid,
  next_at timestamptz,
  created_at timestamptz not null default now(),
  owed_at timestamptz,  -- since when there is something to tell
  ended_at timestamptz,
  reason text not null default '',
  exchanges json,  -- of the last try
  unique (lead_id, round),
  check (state in ('promised', 'moot') or outcome is not null)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);
create index callback_due on callback (source, next_at) where state = 'waiting';
create index callback_lease on callback (lease_id) where state = 'sending';
create index callback_promised on callback (lead_id) where state = 'promised';
create index callback_over on callback (id) where state in ('dead', 'gone');

-- A lead that its source has begun. `token` is the digest of the form's own mark of it, `completed_by` the
-- submission that made it whole.
create table partial (
  lead_id uuid primary key,
  source text not null,
  token bytea,
  state text not null check (state in ('open', 'completed', 'abandoned', 'distributed')),
  test boolean not null default false,
  due_at timestamptz not null,
  created_at timestamptz not null default now(),
  ended_at timestamptz,
  completed_by uuid,
  fingerprint bytea,
  unique (source, token)
);
create index partial_due on partial (due_at) where state = 'open';

-- What a source said of a lead after it had begun it, in the order in which it holds.
create table amendment (
  lead_id uuid not null,
  n smallint not null,
  submission_id uuid not null unique,
  kind text not null check (kind in ('partial', 'completes', 'patch')),
  fingerprint bytea not null,
  at timestamptz not null default now(),
  primary key (lead_id, n)
);

-- Rounds that were followed by another, as they stood: a round is never an edit of the one before.
create table lead_round (
  lead_id uuid not null,
  round smallint not null,
  state text not null,
  outcome text,
  price numeric,
  reasons json,
  score smallint not null,
  catalogue bigint not null,
  decided_at timestamptz not null,
  ended_at timestamptz,
  fields json not null,
  extra json not null,
  findings json not null,
  routing json not null,
  steps json not null,
  primary key (lead_id, round)
) partition by range (lead_id);
create table lead_round_default partition of lead_round default;

-- As in 0001, for every table that is partitioned by day.
create or replace function leadgate_make_partitions(first date, days int) returns int language plpgsql as $$
declare
  parent text;
  child text;
  made int := 0;
begin
  for parent in select c.relname from pg_partitioned_table p join pg_class c on c.oid = p.partrelid
                 where c.relnamespace = current_schema()::regnamespace order by c.relname
  loop
    for n in 0..days - 1 loop
      child := parent || '_' || to_char(first + n, 'YYYYMMDD');
      if to_regclass(child) is null then
        -- A day whose rows sit in the default partition already can't be cut out of it; the others can.
        begin
          execute format('create table %I (like %I including all)', child, parent);
          execute format('alter table %I attach partition %I for values from (%L) to (%L)',
                         parent, child, leadgate_day(first + n), leadgate_day(first + n + 1));
          made := made + 1;
        exception when check_violation then
          raise notice 'the default partition of % holds rows of %', parent, first + n;
        end;
      end if;
    end loop;
  end loop;
  return made;
end
$$;
select leadgate_make_partitions((now() at time zone 'UTC')::date - 1, 9);
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    raise NotImplementedError("history is not undone; restore a backup")
