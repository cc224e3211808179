"""Models of scores: kept as they were learned, put in force and taken out of it by people, watched."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

# Of each campaign the latest word holds; a version of null takes its model out of force.
_IN_FORCE = """
select distinct on (campaign) campaign, version, at, by_whom from score_activation order by campaign, number desc
"""
_ALL = f"""
select m.campaign, m.version, m.fitted_at, m.fitted_by, m.doc::text as doc, f.at as activated_at,
       f.by_whom as activated_by, d.drifted
  from score_model m
  left join ({_IN_FORCE}) f on f.campaign = m.campaign and f.version = m.version
  left join score_drift d on d.campaign = m.campaign and d.version = m.version
 where $1::text is null or m.campaign = $1
 order by m.campaign, m.version
"""
_FORCED = f"""
select m.campaign, m.version, m.doc::text as doc from score_model m
  join ({_IN_FORCE}) f on f.campaign = m.campaign and f.version = m.version
"""
_ADD = """
insert into score_model (campaign, version, fitted_by, doc)
select $1, coalesce(max(version), 0) + 1, $2, $3::json from score_model where campaign = $1 returning version
"""
_HISTORY = "select campaign, version, at, by_whom from score_activation where campaign = $1 order by number"


_WATCH = f"""
select m.campaign, m.version, m.doc::text as doc, f.at from score_model m
  join ({_IN_FORCE}) f on f.campaign = m.campaign and f.version = m.version
  left join score_drift d on d.campaign = m.campaign and d.version = m.version
 where d.looked_at is null or d.looked_at <= now() - $1 * interval '1 second' or d.looked_at < f.at
 order by m.campaign
"""
_NOTE = """
insert into score_drift (campaign, version, leads, psi, ended, predicted, observed, shares, drifted)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
on conflict (campaign, version) do update
  set looked_at = now(), leads = $3, psi = $4, ended = $5, predicted = $6, observed = $7, shares = $8, drifted = $9
returning (select old.drifted from score_drift old where old.campaign = $1 and old.version = $2)
"""
_DRIFTS = f"""
select d.campaign, d.version, d.looked_at, d.leads, d.psi, d.ended, d.predicted, d.observed, d.shares, d.drifted,
       f.at as since
  from score_drift d join ({_IN_FORCE}) f on f.campaign = d.campaign and f.version = d.version
 where $1::text is null or d.campaign = $1 order by d.campaign
"""
_LOCK = 0x6C65_6164_6472_6966  # of looking for drift alone, across all processes


class StoredModel(Struct, frozen=True, kw_only=True):
    """`doc` is JSON; `activated_at` and by whom only of one that is in force."""

    campaign: str
    version: int
    fitted_at: datetime
    fitted_by: str
    doc: str
    activated_at: datetime | None = None
    activated_by: str | None = None
    drifted: bool | None = None

    @property
    def id(self) -> str:
        return f"{self.campaign}@{self.version}"


class Activation(Struct, frozen=True):
    """Who put which version in force, and when; None: took it out."""

    campaign: str
    version: int | None
    at: datetime
    by_whom: str


class Drift(Struct, frozen=True, kw_only=True):
    """How the model in force does since `since`; rates are None where no outcome is known yet."""

    campaign: str
    version: int
    looked_at: datetime | None = None
    leads: int = 0
    psi: float | None = None
    ended: int = 0
    predicted: float | None = None
    observed: float | None = None
    shares: Sequence[float] = ()
    drifted: bool = False
    since: datetime | None = None

    @property
    def id(self) -> str:
        return f"{self.campaign}@{self.version}"


async def add(conn: Any, campaign: str, doc: str, by: str) -> int:
    """Its version, from 1 on. Nothing changes by it until somebody activates it."""
    async with conn.transaction():
        await conn.execute("lock table score_model in share row exclusive mode")
        return int(await conn.fetchval(_ADD, campaign, by, doc))


async def models(conn: Any, campaign: str | None = None) -> list[StoredModel]:
    return [StoredModel(**dict(row)) for row in await conn.fetch(_ALL, campaign)]


async def in_force(conn: Any) -> Sequence[tuple[str, int, str]]:
    """(campaign, version, doc) of every campaign that has one."""
    return [tuple(row) for row in await conn.fetch(_FORCED)]


async def stamp(conn: Any) -> int:
    """Rises whenever a model was put in force or taken out of it."""
    return int(await conn.fetchval("select coalesce(max(number), 0) from score_activation"))


async def activate(conn: Any, campaign: str, version: int | None, by: str) -> None:
    """In every process within a second; `version` None: no model from now on."""
    async with conn.transaction():
        await conn.execute(
            "insert into score_activation (campaign, version, by_whom) values ($1, $2, $3)",
            campaign,
            version,
            by,
        )
        await conn.execute("select pg_notify('catalogue', 'models')")


async def history(conn: Any, campaign: str) -> list[Activation]:
    """The oldest first."""
    return [Activation(*row) for row in await conn.fetch(_HISTORY, campaign)]


async def to_watch(conn: Any, every: float) -> list[tuple[str, int, str, datetime]]:
    """(campaign, version, doc, in force since) of models that nobody has looked at for so many seconds. They are
    this transaction's alone until it ends; nobody's where another process looks."""
    if not await conn.fetchval("select pg_try_advisory_xact_lock($1)", _LOCK):
        return []
    return [tuple(row) for row in await conn.fetch(_WATCH, every)]


async def note_drift(conn: Any, found: Drift) -> bool:
    """Whether it had drifted when it was looked at before."""
    return bool(
        await conn.fetchval(
            _NOTE, found.campaign, found.version, found.leads, found.psi, found.ended, found.predicted,
            found.observed, list(found.shares), found.drifted,
        )
    )  # fmt: skip


async def drifts(conn: Any, campaign: str | None = None) -> list[Drift]:
    """Of the models in force, as they were looked at last."""
    return [Drift(**dict(row)) for row in await conn.fetch(_DRIFTS, campaign)]
