"""Keys: random, shown once, kept as a digest."""

import asyncio
import re
from datetime import UTC, datetime
from uuid import UUID

import pytest

from app.core.world import World
from app.store.database import Database
from app.store.keys import KeyStore, digest


@pytest.mark.parametrize(
    ("kind", "prefix"), [("source", "lg_src_"), ("buyer", "lg_buy_"), ("user", "lg_usr_")]
)
async def test_a_key_says_whose_it_is_and_is_random(database: Database, kind, prefix) -> None:  # type: ignore[no-untyped-def]
    store = KeyStore(database, World())
    (one, _), (two, _) = await store.issue(kind, "acme"), await store.issue(kind, "acme")
    assert re.fullmatch(prefix + r"[A-Za-z0-9_-]{43}", one)
    assert one != two


async def test_only_a_digest_and_the_last_four_characters_are_kept(database: Database) -> None:
    key, id_ = await KeyStore(database, World()).issue("source", "acme")
    async with database.acquire() as connection:
        (row,) = await connection.fetch("select * from api_key")
    assert (row["id"], row["hash"], row["last4"]) == (id_, digest(key), key[-4:])
    assert key[7:] not in str(dict(row))


async def test_an_owner_has_several_keys_until_they_are_revoked(database: Database) -> None:
    store = KeyStore(database, World())
    until = datetime(2030, 1, 1, tzinfo=UTC)
    one, first = await store.issue("source", "acme", expires_at=until, test=True)
    two, _ = await store.issue("source", "acme")
    await store.issue("buyer", "sunco")
    assert {entry.hash for entry in await store.load()} >= {digest(one), digest(two)}
    (gone,) = await store.revoke(first)
    assert (gone.owner, gone.expires_at, gone.test) == ("acme", until, True)
    assert digest(one) not in {entry.hash for entry in await store.load()}
    assert [entry.revoked_at is None for entry in await store.list(owner="acme")] == [False, True]


async def test_a_key_is_revoked_by_its_last_four_characters(database: Database) -> None:
    store = KeyStore(database, World())
    key, id_ = await store.issue("source", "acme")
    assert [entry.id for entry in await store.revoke(key[-4:])] == [id_]
    assert await store.revoke(key[-4:]) == []
    assert await store.revoke(UUID(int=9)) == []


async def test_four_characters_of_two_keys_revoke_neither(database: Database) -> None:
    store = KeyStore(database, World(token=_two_alike()))
    for owner in ("acme", "other"):
        await store.issue("source", owner)
    with pytest.raises(ValueError, match="2 keys end in these characters"):
        await store.revoke((await store.load())[0].last4)
    assert len(await store.load()) == 2


def _two_alike():  # type: ignore[no-untyped-def]
    tokens = iter([b"a" * 32, b"b" + b"a" * 31])
    return lambda _: next(tokens)


async def test_a_change_of_keys_is_told_and_leaves_its_stamp(database: Database) -> None:
    store = KeyStore(database, World())
    told: asyncio.Queue[str] = asyncio.Queue()
    await database.listen("catalogue", told.put_nowait)
    stamps = [await store.stamp()]
    _, id_ = await store.issue("user", "dana")
    stamps.append(await store.stamp())
    await store.revoke(id_)
    stamps.append(await store.stamp())
    assert [await asyncio.wait_for(told.get(), 5) for _ in range(2)] == ["keys", "keys"]
    assert len(set(stamps)) == 3
