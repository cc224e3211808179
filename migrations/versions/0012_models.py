"""Scores fitted to outcomes."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLES = """
-- What was learned from outcomes, once each time; `doc` holds weights, scaling, calibration and figures. Nothing
-- in it changes.
create table score_model (
  campaign text not null,
  version int not null check (version > 0),
  fitted_at timestamptz not null default now(),
  fitted_by text not null,
  doc json not null,
  primary key (campaign, version)
);

-- Who put which model in force, and when; the latest row of a campaign holds. `version` null: none from then on.
create table score_activation (
  number bigint generated always as identity primary key,
  campaign text not null,
  version int,
  at timestamptz not null default now(),
  by_whom text not null,
  foreign key (campaign, version) references score_model (campaign, version)
);
create index score_activation_latest on score_activation (campaign, number desc);

-- How a model in force does, as it was looked at last: one row a model.
create table score_drift (
  campaign text not null,
  version int not null,
  looked_at timestamptz not null default now(),
  leads int not null,
  psi double precision,
  ended int not null,
  predicted double precision,
  observed double precision,
  shares double precision[] not null,
  drifted boolean not null default false,
  primary key (campaign, version),
  foreign key (campaign, version) references score_model (campaign, version)
);

-- A moment: what is earlier is handed over first where a contract has a line.
alter table delivery add column priority timestamptz;
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    raise NotImplementedError("history is not undone; restore a backup")
