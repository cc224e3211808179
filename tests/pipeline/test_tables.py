"""Tables from the file to the lead: loaded whole or not at all, looked up once per batch."""

import asyncio
import gzip
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from app.core.errors import Conflict, Unprocessable, Unreadable
from app.pipeline import tables as module
from app.pipeline.lists import Loading, Refused
from app.pipeline.tables import Tables
from app.store.database import Database
from app.store.leads import decode
from tests.pipeline.house import House, lead, opened
from tests.pipeline.test_enriching import yaml

BANDS = """
  - id: bands
    ask: {enricher: table, key: {phone: {type: phone, country: US, column: Phone}}, fields: {band: Band, income: Income}}
  - id: prefer
    ask: {enricher: table, key: {band: {type: text, column: band}}, fields: {state: state}}"""
CSV = "Name,PHONE,Band,Income\nAnn,(415) 555-2671,A,91000\nBob,no number,B,1\nEve,415.555.2672,C,\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "bands.csv"
    made.write_text(CSV)
    return made


@asynccontextmanager
async def house_of(
    database: Database, enrich: str = "bands", **more: str
) -> AsyncIterator[tuple[House, Tables]]:
    async with opened(database, yaml(BANDS, enrich=enrich, **more)) as house:
        yield house, Tables(database)


@asynccontextmanager
async def all_statements(database: Database, said: list[str]) -> AsyncIterator[None]:
    """Every statement of every connection of the pool."""

    def note(query: Any) -> None:
        said.append(query.query)

    async with AsyncExitStack() as stack:
        pool = [await stack.enter_async_context(database.acquire()) for _ in range(4)]
        for conn in pool:
            conn.add_query_logger(note)
    yield
    async with AsyncExitStack() as stack:
        for conn in [await stack.enter_async_context(database.acquire()) for _ in range(4)]:
            conn.remove_query_logger(note)


def part(house: House, name: str = "bands") -> Any:
    return house.plans.snapshot.enrichers[name]


async def fields(house: House) -> list[dict[str, Any]]:
    rows = await house.rows("select fields from lead_detail order by lead_id")
    return [{name: value[1] for name, value in decode(row[0]).items()} for row in rows]


async def test_a_table_fills_fields_of_leads_that_it_knows(database: Database, file: Path) -> None:
    heard: list[tuple[float, list[Refused]]] = []

    def note(loading: Loading, refused: Any) -> None:
        heard.append((loading.share, list(refused)))

    async with house_of(database) as (house, tables):
        done = await tables.load(part(house), file, by="test", heard=note)
        assert (done.lines, done.taken, done.refused, done.entries) == (3, 2, 1, 2)
        ((share, (refused,)),) = heard
        assert (share, refused) == (1.0, Refused(3, "no number", "has no phone that a lead could have"))
        for phone in ("415-555-2671", "+1 415 555 2672", "415 555 2673"):
            await house.one(lead(f"a{phone[-1]}@example.com", phone=phone))
        known, half, unknown = await fields(house)
        assert (known["band"], known["income"]) == ("A", 91000)
        assert (half["band"], "income" in half) == ("C", False)
        assert "band" not in unknown


async def test_a_table_may_build_on_another(database: Database, file: Path, tmp_path: Path) -> None:
    states = tmp_path / "prefer.csv"
    states.write_text("band\tstate\nA\tNevada\n")
    async with house_of(database, "bands, prefer") as (house, tables):
        await tables.load(part(house), file, by="test")
        await tables.load(part(house, "prefer"), states, by="test")
        await house.one(lead(phone="415-555-2671"))
        assert (await fields(house))[0]["state"] == "NV"


async def test_a_batch_of_any_size_asks_the_database_as_often(database: Database, file: Path) -> None:
    said: list[str] = []
    rules = "[{when: lead.sold_before > 0, points: 1, why: x}]"
    async with house_of(database, "bands, prefer", rules=rules) as (house, tables):
        await tables.load(part(house), file, by="test")
        works = [house.work(lead(f"a{n}@example.com", phone="415-555-2671")) for n in range(100)]
        counts = []
        for size in (1, 1, 98):  # with the first the driver asks for the types
            drafts = [house.engine.decider.draft(work)[0] for work in works[:size]]
            said.clear()
            async with all_statements(database, said):
                await house.evidence.gather(drafts)
                await asyncio.sleep(0)  # statements are told of a turn of the loop later
            assert drafts[-1].lead.fields["band"].normal == "A"
            counts.append(len(said))
    assert counts[1:] == [3, 3]  # two tables in turn, and who was bought before


async def test_a_load_replaces_everything_at_once_and_a_bad_file_changes_nothing(
    database: Database, file: Path, tmp_path: Path
) -> None:
    async with house_of(database) as (house, tables):
        await tables.load(part(house), file, by="test")
        bad = tmp_path / "bad.csv"
        for text, kind, why in (
            ("", Unreadable, "empty"), ("Phone,Other\n4155552671,x\n", Unreadable, "no column Band, Income"),
            ("Phone,Band,Income\nx,A,1\n", Unprocessable, "none of 1 rows"), ("Phone,Band,Income\n", Unprocessable, "none"),
            ("Phone,Band,Income\n4155552671,A\0,1\n", Unreadable, "NUL"),
        ):  # fmt: skip
            bad.write_text(text)
            with pytest.raises(kind, match=why):
                await tables.load(part(house), bad, by="test")
        assert await tables.look_up(part(house), ["4155552671"]) == {"Band": "A", "Income": "91000"}
        bad.write_text("phone;band;income\n4155552679;B;5\n4155552679;C;6\n")
        assert (await tables.load(part(house), bad, by="test")).entries == 1
        assert await tables.look_up(part(house), ["4155552671"]) is None
        assert await tables.look_up(part(house), ["4155552679"]) == {
            "Band": "C",
            "Income": "6",
        }  # the last is meant
        assert await house.value("select count(*) from reference_row") == 1


async def test_a_load_that_is_broken_off_is_as_if_it_had_not_been(
    database: Database, tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "AT_ONCE", 10)
    big = tmp_path / "big.csv"
    big.write_text("Phone,Band,Income\n" + "".join(f"415555{n:04},A,{n}\n" for n in range(1000, 1100)))

    def stop(loading: Loading, refused: Any) -> None:
        if loading.taken >= 50:
            raise KeyboardInterrupt

    async with house_of(database) as (house, tables):
        await tables.load(part(house), file, by="test")
        with pytest.raises(KeyboardInterrupt):
            await tables.load(part(house), big, by="test", heard=stop)
        assert await tables.look_up(part(house), ["4155552671"]) is not None
        assert await tables.look_up(part(house), ["4155551005"]) is None
        assert (await tables.load(part(house), big, by="test")).entries == 100
        assert await house.value("select count(*) from reference_row") == 100


async def test_a_gzipped_file_is_read_and_one_that_is_cut_off_is_not(
    database: Database, tmp_path: Path
) -> None:
    packed = tmp_path / "bands.csv.gz"
    async with house_of(database) as (house, tables):
        packed.write_bytes(gzip.compress(CSV.encode("cp1252")))
        assert (await tables.load(part(house), packed, by="test")).entries == 2
        packed.write_bytes(gzip.compress(CSV.encode() * 5000)[:-20])
        with pytest.raises(Unreadable, match="cut off"):
            await tables.load(part(house), packed, by="test")
        assert await tables.look_up(part(house), ["4155552671"]) is not None


async def test_a_parquet_file_is_the_same_table(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    columnar, unlike = tmp_path / "bands.csv", tmp_path / "lists.parquet"  # what it is called says nothing
    parquet.write_table(
        pyarrow.table(
            {
                "Since": [date(2026, 1, 31), None, None], "Phone": [4155552671, None, 4155552672],
                "band": ["A", "B", "C"], "Income": [Decimal("91000.50"), None, None],
            }
        ),
        columnar,
    )  # fmt: skip
    parquet.write_table(pyarrow.table({"Phone": [[4155552679]], "Band": ["A"], "Income": [1.0]}), unlike)
    async with house_of(database) as (house, tables):
        done = await tables.load(part(house), columnar, by="test")
        assert (done.lines, done.taken, done.refused) == (3, 2, 1)
        assert await tables.look_up(part(house), ["4155552671"]) == {"Band": "A", "Income": "91000.50"}
        with pytest.raises(Unprocessable, match="none of 1 rows"):
            await tables.load(part(house), unlike, by="test")
        unlike.write_bytes(columnar.read_bytes()[:-40])
        with pytest.raises(Unreadable, match="cut off"):
            await tables.load(part(house), unlike, by="test")
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        with pytest.raises(Unprocessable, match=r"pip install 'leadgate\[parquet\]'"):
            await tables.load(part(house), columnar, by="test")
        assert await tables.look_up(part(house), ["4155552672"]) == {"Band": "C"}


async def test_two_loads_at_once_are_one_and_a_no(database: Database, file: Path) -> None:
    async with house_of(database) as (house, tables):
        ended = await asyncio.gather(
            tables.load(part(house), file, by="one"), tables.load(part(house), file, by="other"),
            return_exceptions=True,
        )  # fmt: skip
        assert sum(isinstance(one, Conflict) for one in ended) <= 1
        assert not [one for one in ended if isinstance(one, Exception) and not isinstance(one, Conflict)]
        assert await house.value("select count(*) from reference_row") == 2


async def test_what_a_lead_says_of_itself_goes_before_a_table(database: Database, file: Path) -> None:
    async with house_of(database) as (house, tables):
        await tables.load(part(house), file, by="test")
        await house.one(lead(phone="415-555-2671", band="C"))
        (found,) = await fields(house)
        assert (found["band"], found["income"]) == ("C", 91000)


async def test_a_cleared_table_says_nothing(database: Database, file: Path) -> None:
    async with house_of(database) as (house, tables):
        await tables.load(part(house), file, by="test")
        await tables.clear(part(house), by="test")
        assert await tables.look_up(part(house), ["4155552671"]) is None
        assert (await tables.states())["bands"].entries == 0
        with pytest.raises(Unprocessable):
            await tables.look_up(part(house), ["nobody"])
