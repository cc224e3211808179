"""Keys of sources, buyers and people: random, shown once, kept as a digest, several per owner."""

import base64
import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from msgspec import Struct

from app.core.world import World
from app.store.database import Database
from app.store.trial import transaction

KeyKind = Literal["source", "buyer", "user"]
PREFIXES: dict[KeyKind, str] = {"source": "lg_src_", "buyer": "lg_buy_", "user": "lg_usr_"}

_COLUMNS = "id, kind, owner, hash, last4, created_at, expires_at, revoked_at, test"


class KeyEntry(Struct, frozen=True, kw_only=True):
    """A key as it is known to us: everything but the key."""

    id: UUID
    kind: KeyKind
    owner: str
    hash: bytes
    last4: str
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    test: bool = False


def digest(key: str) -> bytes:
    """What is kept of a key. It is 32 random bytes, so there is nothing that a slow hash would protect."""
    return hashlib.sha256(key.encode("utf-8", "replace")).digest()


class KeyStore:
    """The keys in the database. Every change is told on channel `catalogue`."""

    def __init__(self, database: Database, world: World) -> None:
        self._database, self._world = database, world

    async def issue(
        self, kind: KeyKind, owner: str, *, expires_at: datetime | None = None, test: bool = False
    ) -> tuple[str, UUID]:
        """The new key, to be shown this once, and its id."""
        secret = base64.urlsafe_b64encode(self._world.token(32)).decode().rstrip("=")
        key, id_ = PREFIXES[kind] + secret, self._world.new_id()
        async with self._database.acquire() as connection, connection.transaction():
            await connection.execute(
                """insert into api_key (id, kind, owner, hash, last4, expires_at, test)
                   values ($1, $2, $3, $4, $5, $6, $7)""",
                id_, kind, owner, digest(key), key[-4:], expires_at, test,
            )  # fmt: skip
            await connection.execute("select pg_notify('catalogue', 'keys')")
        return key, id_

    async def list(self, *, owner: str | None = None) -> Sequence[KeyEntry]:
        """All keys, also revoked ones, oldest first."""
        async with self._database.acquire() as connection:
            rows = await connection.fetch(
                f"""select {_COLUMNS} from api_key where $1::text is null or owner = $1
                    order by created_at, id""",
                owner,
            )
        return [KeyEntry(**dict(row)) for row in rows]

    async def load(self) -> Sequence[KeyEntry]:
        """The keys that are not revoked; whether one has expired is asked when it is shown."""
        async with self._database.acquire() as connection:
            rows = await connection.fetch(f"select {_COLUMNS} from api_key where revoked_at is null")
        return [KeyEntry(**dict(row)) for row in rows]

    async def revoke(self, which: UUID | str, *, dry: bool = False) -> Sequence[KeyEntry]:
        """Revoke by id, or by the last four characters when they name exactly one live key.

        Returns what was revoked (none: no such live key). Raises ValueError when several fit.
        """
        column = "id" if isinstance(which, UUID) else "last4"
        async with self._database.acquire() as connection, transaction(connection, dry=dry):
            rows = await connection.fetch(
                f"""update api_key set revoked_at = now() where {column} = $1 and revoked_at is null
                    returning {_COLUMNS}""",
                which,
            )
            if len(rows) > 1:
                raise ValueError(f"{len(rows)} keys end in these characters; name the key by its id")
            if rows:
                await connection.execute("select pg_notify('catalogue', 'keys')")
        return [KeyEntry(**dict(row)) for row in rows]

    async def stamp(self) -> tuple[object, ...]:
        """Differs whenever a key was issued, revoked or removed since."""
        async with self._database.acquire() as connection:
            row = await connection.fetchrow(
                "select count(*), count(revoked_at), max(created_at), max(revoked_at) from api_key"
            )
        return tuple(row)
