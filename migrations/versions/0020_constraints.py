"""What limits need beside counters: how many hand-overs of a contract began in a window, whose balance is low."""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

TABLES = """
-- One row a contract with a rate; the window that it is in, and how many may have begun in it.
create table pace (
  contract text primary key,
  began timestamptz not null,
  used int not null
) with (fillfactor = 50);

-- Which window it is is asked once the row is locked: who waited for it must not count in the one before.
create function leadgate_pace(c text, seconds int, n int, want int, out granted int, out left_s float8)
language plpgsql as $$
declare
  began_at timestamptz;
  current pace;
begin
  insert into pace (contract, began, used) values (c, 'epoch', 0) on conflict do nothing;
  select * into current from pace where contract = c for update;
  began_at := to_timestamp(floor(extract(epoch from clock_timestamp()) / seconds) * seconds);
  if current.began < began_at then
    current.began := began_at;
    current.used := 0;
  end if;
  granted := greatest(0, least(want, n - current.used));
  update pace set began = current.began, used = current.used + granted where contract = c;
  left_s := extract(epoch from current.began + seconds * interval '1 second' - clock_timestamp());
end
$$;

-- Buyers who get nothing because of what they owe, so that it is told once, whoever notices.
create table low_balance (
  buyer text primary key,
  since timestamptz not null default now()
);
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    raise NotImplementedError("history is not undone; restore a backup")
