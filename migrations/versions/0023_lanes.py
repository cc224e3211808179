"""Lines that outlive their process, conversations counted over all processes, and one way in which a lead is sold."""

from alembic import op

revision = "0023"
down_revision = "0025"
branch_labels = None
depends_on = None

TABLES = """
-- What stands in a process's line: claimed, and not begun.
create index delivery_in_line on delivery (lease_id) where state = 'waiting' and lease_id is not null;

-- How many conversations with a contract a process may hold at once, and until when that is sure without a word of it.
create table lane (
  contract text not null,
  process_id uuid not null,
  held int not null,
  wants int not null,
  fed_at timestamptz not null,  -- when it last had one
  until timestamptz not null,
  primary key (contract, process_id)
) with (fillfactor = 50);

-- Of a lead that is sold either way: to its only buyer, or as a copy. Null where there is one way.
alter table delivery add column alone boolean;

create function leadgate_one_way() returns trigger language plpgsql as $$
begin
  perform from lead where id = new.lead_id for update;
  if exists (select from delivery d
              where d.lead_id = new.lead_id and d.round = new.round and d.id <> new.id and d.alone = not new.alone
                and d.state in ('sending', 'waiting', 'pooled', 'unclear', 'accepted')) then
    raise exclusion_violation using
      message = 'an only buyer and copies of one lead', table = 'delivery', constraint = 'delivery_one_way';
  end if;
  return new;
end
$$;
create trigger delivery_one_way before insert on delivery for each row
  when (new.alone is not null and new.state in ('sending', 'waiting', 'pooled', 'unclear', 'accepted'))
  execute function leadgate_one_way();
create trigger delivery_one_way_again before update of state on delivery for each row
  when (new.alone is not null and new.state in ('sending', 'waiting', 'pooled', 'unclear', 'accepted')
        and old.state not in ('sending', 'waiting', 'pooled', 'unclear', 'accepted'))
  execute function leadgate_one_way();
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    raise NotImplementedError("history is not undone; restore a backup")
