"""What is configured, as a history."""

import asyncio

import asyncpg
import pytest

from app.core.errors import Conflict
from app.store.catalogue import CatalogueStore, Change
from app.store.database import Database


def source(id_: str, **doc: object) -> Change:
    return Change(kind="source", id=id_, doc={"id": id_, **doc})


async def test_nothing_configured_is_version_zero(database: Database) -> None:
    assert await CatalogueStore(database).load() == (0, {})


async def test_each_version_can_be_read_again(database: Database) -> None:
    store = CatalogueStore(database)
    one = await store.save([source("b", price="1.00"), source("a")], by="dana", summary="first", expected=0)
    two = await store.save([source("b", price="2.00")], by="dana", summary="second", expected=one)
    three = await store.save(
        [Change(kind="source", id="a", doc=None)], by="li", summary="third", expected=two
    )
    assert (one, two, three) == (1, 2, 3)
    assert await store.load() == (3, {"source": [("b", {"id": "b", "price": "2.00"})]})
    assert await store.load_at(1) == {"source": [("a", {"id": "a"}), ("b", {"id": "b", "price": "1.00"})]}
    assert await store.load_at(0) == {}
    async with database.acquire() as connection:
        rows = await connection.fetch("select version, by_whom, summary from catalogue_version order by 1")
    assert [tuple(row) for row in rows] == [(1, "dana", "first"), (2, "dana", "second"), (3, "li", "third")]


async def test_a_change_against_an_older_version_is_refused(database: Database) -> None:
    store = CatalogueStore(database)
    await store.save([source("a")], by="dana", summary="first", expected=0)
    with pytest.raises(Conflict, match="at v1 by now, not at v0"):
        await store.save([source("a", price="9.00")], by="li", summary="late", expected=0)
    assert await store.load() == (1, {"source": [("a", {"id": "a"})]})


async def test_of_many_at_once_exactly_one_is_written(database: Database) -> None:
    store = CatalogueStore(database)
    saves = [store.save([source("a", n=n)], by="x", summary="", expected=0) for n in range(4)]
    results = await asyncio.gather(*saves, return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["Conflict", "Conflict", "Conflict", "int"]


async def test_one_wrong_document_leaves_everything_as_it_was(database: Database) -> None:
    store = CatalogueStore(database)
    wrong = Change(kind="nonsense", id="x", doc={})
    with pytest.raises(asyncpg.CheckViolationError):
        await store.save([source("a"), wrong], by="dana", summary="", expected=0)
    assert await store.load() == (0, {})


async def test_a_new_version_is_told_when_it_is_committed(database: Database) -> None:
    told: asyncio.Queue[str] = asyncio.Queue()
    await database.listen("catalogue", told.put_nowait)
    await CatalogueStore(database).save([source("a")], by="dana", summary="", expected=0)
    assert await asyncio.wait_for(told.get(), 5) == "1"
