"""What is configured, as an append-only history: every version can be read again."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import orjson
from msgspec import Struct

from app.core.errors import Conflict
from app.store.database import Database

Stored = dict[str, list[tuple[str, dict[str, Any]]]]

_LOCK = 0x6C65_6164_6361_7431  # of this table alone, across all processes

_NOW = """
with newest as (
  select distinct on (id) id, doc, removed from configured where kind = $1 order by id, version desc
)
"""
_IDS = """
select id from newest where not removed and starts_with(id, $2) order by id collate "C" limit $3
"""
_WITHIN = """
select id from (
  select case when $4 then b.id || '/' else '' end || (part ->> 'id') as id
    from newest b, jsonb_array_elements(case when b.removed then '[]' else coalesce(b.doc -> $5, '[]') end) as part
) found where starts_with(id, $2) order by id collate "C" limit $3
"""


class Change(Struct, frozen=True, kw_only=True):
    """The new document of one object, or its removal (`doc` None)."""

    kind: str
    id: str
    doc: Mapping[str, Any] | None


class CatalogueStore:
    """The only writer of `configured`. Every version is told on channel `catalogue`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def version(self) -> int:
        """0 while nothing was ever configured."""
        async with self._database.acquire() as connection:
            return int(await connection.fetchval("select coalesce(max(version), 0) from catalogue_version"))

    async def today(self) -> date:
        """By the database's clock."""
        async with self._database.acquire() as connection:
            found: date = await connection.fetchval("select (now() at time zone 'UTC')::date")
            return found

    async def load(self) -> tuple[int, Stored]:
        """The current version and every document of it, in the order of ids."""
        return await self._load(None)

    async def load_at(self, version: int) -> Stored:
        """What was configured at `version`."""
        _, stored = await self._load(version)
        return stored

    async def ids(self, kind: str, begins: str, limit: int) -> list[str]:
        """Of what is configured now, those that begin so."""
        async with self._database.acquire() as connection:
            rows = await connection.fetch(_NOW + _IDS, kind, begins, limit)
        return [row["id"] for row in rows]

    async def contracts(self, begins: str, limit: int) -> list[str]:
        async with self._database.acquire() as connection:
            rows = await connection.fetch(_NOW + _WITHIN, "buyer", begins, limit, False, "contracts")
        return [row["id"] for row in rows]

    async def people(self, begins: str, limit: int) -> list[str]:
        """Who may claim from a pool, each as buyer/person."""
        async with self._database.acquire() as connection:
            rows = await connection.fetch(_NOW + _WITHIN, "buyer", begins, limit, True, "people")
        return [row["id"] for row in rows]

    async def save(self, changes: Sequence[Change], *, by: str, summary: str, expected: int) -> int:
        """All changes as one new version, or none. Raises Conflict when the current one isn't `expected`."""
        async with self._database.acquire() as connection, connection.transaction():
            await connection.execute("select pg_advisory_xact_lock($1)", _LOCK)
            current = await connection.fetchval("select coalesce(max(version), 0) from catalogue_version")
            if current != expected:
                raise Conflict(f"the catalogue is at v{current} by now, not at v{expected}; look again")
            version = int(current) + 1
            await connection.execute(
                "insert into catalogue_version (version, by_whom, summary) values ($1, $2, $3)",
                version, by, summary,
            )  # fmt: skip
            await connection.execute(
                """insert into configured (kind, id, version, doc, removed)
                   select kind, id, $1, doc::jsonb, removed
                   from unnest($2::text[], $3::text[], $4::text[], $5::boolean[]) as t (kind, id, doc, removed)""",
                version,
                [change.kind for change in changes],
                [change.id for change in changes],
                [orjson.dumps(change.doc or {}).decode() for change in changes],
                [change.doc is None for change in changes],
            )  # fmt: skip
            await connection.execute("select pg_notify('catalogue', $1)", str(version))
        return version

    async def _load(self, version: int | None) -> tuple[int, Stored]:
        """One statement, so that the version and the documents are of one moment."""
        async with self._database.acquire() as connection:
            rows = await connection.fetch(
                """with wanted as (
                     select coalesce($1, (select max(version) from catalogue_version), 0)::bigint as version)
                   select wanted.version, c.kind, c.id, c.doc::text as doc from wanted left join (
                     select distinct on (kind, id) kind, id, doc, removed from configured, wanted
                     where configured.version <= wanted.version order by kind, id, configured.version desc
                   ) c on not c.removed order by c.kind, c.id collate "C" """,
                version,
            )
        stored: Stored = {}
        for row in rows:
            if row["kind"] is not None:
                stored.setdefault(row["kind"], []).append((row["id"], orjson.loads(row["doc"])))
        return int(rows[0]["version"]), stored
