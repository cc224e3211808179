"""What was done for a person who asked, and how far campaigns' leads are forgotten."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TABLES = """
-- That somebody asked what we know of a person, or that it be erased, and what came of it: counts, buyers, digests.
-- `mark` is a keyed digest of whom, so that a proof can be shown to be that person's by who knows the contact.
create table person_request (
  id uuid primary key,
  kind text not null check (kind in ('export', 'erase')),
  state text not null check (state in ('open', 'done')),
  by_whom text not null,
  mark bytea not null,
  asked_at timestamptz not null default now(),
  done_at timestamptz,
  rows json not null default '{}',
  buyers json not null default '{}',
  lists json not null default '[]',
  digest bytea,
  check ((state = 'done') = (done_at is not null and digest is not null))
);
create index person_request_open on person_request (asked_at) where state = 'open';

-- The leads that a request is to erase, by where they came in: some of them nobody has decided yet.
create table person_part (
  request_id uuid not null references person_request on delete cascade,
  submission_id uuid not null,
  position smallint not null,
  lead_id uuid not null,
  done_at timestamptz,
  primary key (request_id, submission_id, position)
);
create index person_part_open on person_part (request_id) where done_at is null;

-- Up to which lead a campaign's are forgotten, and what of them.
create table retention_mark (
  campaign text not null,
  what text not null,
  upto uuid not null,
  at timestamptz not null default now(),
  primary key (campaign, what)
);
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    raise NotImplementedError("history is not undone; restore a backup")
