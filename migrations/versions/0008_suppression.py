"""Suppression lists: sorted keys in blocks, and what has changed since they were laid down."""

from alembic import op

revision = "0008"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLES = """
-- What is in force of each list: which `generation` of its blocks, and how many keys those hold.
create table suppression_list (
  list text primary key,
  generation bigint not null default 0,
  entries bigint not null default 0,
  loaded_at timestamptz,
  loaded_by text not null default ''
);

-- Sorted keys of eight bytes each, one after the other: some 9.5 bytes an entry on the disk, where a row for
-- each took 90. A block lies in its row, uncompressed: digests don't shrink.
create table suppression_block (
  list text not null,
  generation bigint not null,
  first bytea not null,
  keys bytea not null,
  primary key (list, generation, first)
);
alter table suppression_block alter column keys set storage plain;

-- Entries added (`present`) and removed since the blocks were laid down. A change has a new `number` each
-- time, so that whoever merged one takes no later word away.
create sequence suppression_change_number;
create table suppression_change (
  list text not null,
  key bytea not null,
  present boolean not null,
  number bigint not null default nextval('suppression_change_number'),
  at timestamptz not null default now(),
  primary key (list, key)
);

alter table configured drop constraint configured_kind_check;
alter table configured add constraint configured_kind_check
  check (kind in ('list', 'campaign', 'source', 'buyer'));
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    raise NotImplementedError("history is not undone; restore a backup")
