"""The first tables: what came, what was decided, what was handed over, and what must be counted once.

Hot rows (lead, delivery, inbox, counter, dedupe_key) are narrow and change; history (submission,
lead_detail, attempt, attempt_end, lead_event, refusal) is append-only, partitioned by day on the
time-ordered lead id, and dropped by partition.
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

HISTORY = ("submission", "lead_detail", "attempt", "attempt_end", "lead_event", "refusal")

TABLES = """
create table configured (
  kind text not null check (kind in ('campaign', 'source', 'buyer')),
  id text not null,
  version bigint not null,
  doc jsonb not null,
  removed boolean not null default false,
  primary key (kind, id, version)
);
create table catalogue_version (
  version bigint primary key,
  at timestamptz not null default now(),
  by_whom text not null,
  summary text not null
);
create table api_key (
  id uuid primary key,
  kind text not null check (kind in ('source', 'buyer', 'user')),
  owner text not null,
  hash bytea not null unique,
  last4 text not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  revoked_at timestamptz,
  test boolean not null default false
);
create index api_key_owner on api_key (kind, owner);

-- Who is alive. A row that is not refreshed within the lease loses its work to others.
create table process (
  id uuid primary key,
  started_at timestamptz not null default now(),
  seen_at timestamptz not null default now(),
  role text not null,
  host text not null,
  pid int not null
);

create table submission (
  id uuid not null,
  source text not null,
  received_at timestamptz not null,
  content_type text not null,
  body bytea not null,
  test boolean not null default false,
  remote text not null default '',
  key_hint text not null default '',
  primary key (id)
) partition by range (id);

-- Acknowledged, not decided yet: one row a submission, gone with its decision. `lease_id` is a process.
create table inbox (
  submission_id uuid primary key,
  lease_id uuid,
  tries smallint not null default 0,
  parked text
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);
create index inbox_lease on inbox (lease_id) where parked is null;

create table idempotency (
  source text not null,
  key bytea not null,
  submission_id uuid not null,
  fingerprint bytea not null,
  expires_at timestamptz not null,
  primary key (source, key)
);
create index idempotency_expiry on idempotency (expires_at);

create table lead (
  id uuid primary key,
  submission_id uuid not null,
  position smallint not null,
  source text not null,
  campaign text not null,
  received_at timestamptz not null,
  state text not null check (state in
    ('received', 'held', 'rejected', 'delivering', 'unclear', 'sold', 'unsold', 'pooled', 'returned')),
  round smallint not null default 1,
  copies smallint not null default 1,
  test boolean not null default false,
  outcome text check (outcome in ('success', 'failure')),
  price numeric,
  reasons json,
  agreed numeric,  -- the source's price when the lead was decided: what a later sale owes it
  score smallint not null default 0,
  revenue numeric not null default 0,
  catalogue bigint not null,
  decided_at timestamptz not null default now(),
  ended_at timestamptz
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
create index lead_submission on lead (submission_id) where position > 0;
create index lead_open on lead (state, id) where state in ('received', 'held', 'delivering', 'unclear', 'pooled');

create table lead_detail (
  lead_id uuid not null,
  fields json not null,
  extra json not null,
  findings json not null,
  routing json not null,
  steps json not null,
  primary key (lead_id)
) partition by range (lead_id);

create table delivery (
  id uuid primary key,
  lead_id uuid not null,
  round smallint not null,
  slot smallint not null,
  rank smallint not null,
  campaign text not null,
  contract text not null,
  buyer text not null,
  state text not null check (state in
    ('sending', 'waiting', 'unclear', 'accepted', 'rejected', 'duplicate', 'dead', 'cancelled')),
  price numeric not null,
  attempts smallint not null default 1,
  lease_id uuid,
  next_at timestamptz,
  created_at timestamptz not null default now(),
  ended_at timestamptz,
  reserved text not null default '',
  reference text,
  reason text,
  test boolean not null default false,
  unique (lead_id, round, contract)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01);
-- An exclusive lead has one slot: two buyers can't hold it at once, whatever the code does.
create unique index delivery_slot on delivery (lead_id, round, slot)
  where state in ('sending', 'waiting', 'unclear', 'accepted');
create index delivery_due on delivery (next_at) where state = 'waiting';
create index delivery_lease on delivery (lease_id) where state = 'sending';
create index delivery_unclear on delivery (contract, id) where state in ('unclear', 'dead');

-- Committed before the first byte leaves.
create table attempt (
  lead_id uuid not null,
  delivery_id uuid not null,
  n smallint not null,
  process_id uuid not null,
  started_at timestamptz not null default now()
) partition by range (lead_id);
create index attempt_lead on attempt (lead_id);

create table attempt_end (
  lead_id uuid not null,
  delivery_id uuid not null,
  n smallint not null,
  ended_at timestamptz not null default now(),
  outcome text not null,
  reason text not null default '',
  reference text,
  price numeric,
  ms real not null,
  late boolean not null default false,
  read text not null default '',
  exchanges json not null
) partition by range (lead_id);
create index attempt_end_lead on attempt_end (lead_id);

-- What happened to a lead beside the hot path: confirmed, settled, replayed, recovered.
create table lead_event (
  lead_id uuid not null,
  at timestamptz not null default clock_timestamp(),
  kind text not null,
  delivery_id uuid,
  by_whom text not null,
  data json not null
) partition by range (lead_id);
create index lead_event_lead on lead_event (lead_id);

-- What was refused at the door of a known source, so that a person can see why.
create table refusal (
  id uuid not null,
  source text not null,
  at timestamptz not null,
  code text not null,
  detail text not null,
  content_type text not null,
  body bytea not null,
  primary key (id)
) partition by range (id);

create table dedupe_key (
  key bytea primary key,
  lead_id uuid not null,
  source text not null,
  at timestamptz not null,
  expires_at timestamptz not null
);
create index dedupe_key_expiry on dedupe_key (expires_at);

create table counter (
  key text primary key,
  value bigint not null,
  expires_at timestamptz
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.01);

create table velocity (
  key bytea not null,
  bucket bigint not null,
  n int not null,
  expires_at timestamptz not null,
  primary key (key, bucket)
) with (fillfactor = 70);
create index velocity_expiry on velocity (expires_at);

-- Days are made ahead by `migrate` and once an hour by any process; the default partition catches the rest.
create function leadgate_day(day date) returns uuid language sql immutable as $$
  select (lpad(to_hex((extract(epoch from day) * 1000)::bigint), 12, '0')
          || '00000000000000000000')::uuid
$$;

create function leadgate_make_partitions(first date, days int) returns int language plpgsql as $$
declare
  parent text;
  child text;
  made int := 0;
begin
  foreach parent in array array['submission', 'lead_detail', 'attempt', 'attempt_end', 'lead_event', 'refusal']
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
"""


def upgrade() -> None:
    op.execute(TABLES)
    for table in HISTORY:
        op.execute(f"create table {table}_default partition of {table} default")
    op.execute("select leadgate_make_partitions((now() at time zone 'UTC')::date - 1, 9)")


def downgrade() -> None:
    raise NotImplementedError("history is not undone; restore a backup")
