"""A file of leads comes in whole, whatever happens on the way, and nothing of it comes twice."""

import asyncio
import io
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from random import SystemRandom
from signal import SIGKILL
from typing import Any

import pytest
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from app.core.errors import Conflict, NotDurable, NotFound, Refused, Unprocessable, Unreadable
from app.pipeline.batch_spool import Spool, digest, identity_of
from app.pipeline.batches import Batches, BatchResult, Given
from app.store import batches as store
from app.store.batches import Batch
from app.store.database import Database
from tests.pipeline.house import House, catalogue, opened, source
from tests.pipeline.killable import LAST

HOME = Path(__file__).parents[2]
HEADER = ["First Name", "E-Mail", "zip", "state"]


def rows_of(n: int) -> list[list[Any]]:
    return [[f"Ann{i}", f"ann{i}@example.com", 78701, "TX"] for i in range(n)]


def csv_of(rows: list[list[Any]], header: list[str] = HEADER) -> bytes:
    return "".join(",".join(map(str, row)) + "\r\n" for row in [header, *rows]).encode()


def xlsx_of(rows: list[list[Any]], header: list[str] = HEADER) -> bytes:
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in [header, *rows]:
        sheet.append([_cell(sheet, value) for value in row])
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def _cell(sheet: Any, value: Any) -> Any:
    """Text is text, also where it begins as a formula does."""
    cell = WriteOnlyCell(sheet, value)
    cell.data_type = "s" if isinstance(value, str) else cell.data_type
    return cell


@pytest.fixture
async def gate(database: Database) -> AsyncIterator[House]:
    yaml = catalogue(source(reply="receipt"), source("paused", more=", paused: true"))
    async with opened(database, yaml) as made:
        yield made


@pytest.fixture
def importer(gate: House, tmp_path: Path) -> Callable[[], Batches]:
    """A process of its own, as far as batches go; all share one folder."""

    def make() -> Batches:
        return Batches(
            gate.database, gate.reader, gate.world, gate.metrics, Spool(tmp_path / "batches"),
            process_id=gate.identity, plans=lambda: gate.plans, lease_seconds=20,
        )  # fmt: skip

    return make


async def fully_decided(gate: House, batches: Batches) -> None:
    """Until every row that is durable is decided and counted."""
    async with asyncio.timeout(20):
        while await gate.value("select count(*) from inbox where parked is null"):
            await gate.upkeep.of_batches()
            await asyncio.sleep(0.005)
    await batches.tally()


async def leads_of(gate: House) -> list[tuple[Any, ...]]:
    found = await gate.rows(
        """select d.fields::jsonb -> 'email' ->> 1, d.fields::jsonb -> 'first_name' ->> 1,
                  d.fields::jsonb -> 'state' ->> 1, l.state, d.extra::jsonb ->> 'zip'
             from lead l join lead_detail d on d.lead_id = l.id order by 1"""
    )
    return [tuple(row) for row in found]


async def test_every_row_becomes_a_lead(gate: House, importer: Any, tmp_path: Path) -> None:
    file = tmp_path / "october.csv"
    file.write_bytes(csv_of(rows_of(250)))
    batches = importer()
    result = await batches.import_file("acme", file, "october.csv", "text/csv", identity="one")
    assert result == BatchResult(rows=250, kept=250, refused=0)
    await fully_decided(gate, batches)
    assert [lead[0] for lead in await leads_of(gate)] == sorted(row[1] for row in rows_of(250))


async def kept(gate: House) -> list[tuple[int, dict[str, Any]]]:
    """(line, record) of every durable row, as the inbox will read them."""
    parts = await gate.rows(
        "select p.lines, s.body, s.content_type from batch_part p join submission s on s.id = p.submission_id"
        " order by p.submission_id"
    )
    return [
        (line, record)
        for lines, body, kind in parts
        for line, record in zip(lines, gate.reader.read(body, kind), strict=True)
    ]


async def test_a_workbook_and_a_table_of_the_same_rows_are_the_same_leads(
    gate: House, importer: Any, tmp_path: Path
) -> None:
    rows, plan = rows_of(10_000), gate.plans.source("acme")
    assert plan is not None
    leads = []
    for name, body in (("a.csv", csv_of(rows)), ("a.xlsx", xlsx_of(rows))):
        (tmp_path / name).write_bytes(body)
        result = await importer().import_file("acme", tmp_path / name, name, "", identity=name)
        assert result == BatchResult(rows=10_000, kept=10_000, refused=0)
        found = [plan.fields.apply(record)[0] for _, record in await kept(gate)]
        leads.append([{field: value.normal for field, value in lead.items()} for lead in found])
        await gate.run("delete from batch_part")
    assert leads[0] == leads[1]
    assert leads[0][9_999] == {"first_name": "Ann9999", "email": "ann9999@example.com", "state": "TX"}


async def test_a_batch_killed_at_any_row_and_taken_up_again_ends_with_exactly_its_rows(
    gate: House, importer: Any, tmp_path: Path, database_url: str
) -> None:
    """A process of its own is killed, again and again, at a row that chance names."""
    file, rows = tmp_path / "a.csv", rows_of(30_000)
    rows[1234].append("one too many")
    file.write_bytes(csv_of(rows))
    parent = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.pipeline.killable",
        database_url,
        str(file),
        cwd=HOME,
        stdin=PIPE,
        stdout=PIPE,
    )
    assert parent.stdin is not None
    assert parent.stdout is not None
    for _ in range(4):
        at = await gate.value("select position from batch") or 0
        target = min(at + SystemRandom().randrange(1, 5_000), LAST)
        parent.stdin.write(b"again\n")
        child = int(await parent.stdout.readline())
        while (await gate.value("select position from batch") or 0) < target:
            await asyncio.sleep(0)
        os.kill(child, SIGKILL)
    parent.stdin.close()
    await parent.wait()
    assert 0 < await gate.value("select position from batch") < 30_000
    result = await importer().import_file("acme", file, "a.csv", "text/csv", identity="x")
    assert result == BatchResult(rows=30_000, kept=29_999, refused=1)
    assert await gate.value("select count(*) from batch") == 1
    assert await gate.value("select line from batch_refusal") == 1236
    found = await kept(gate)
    assert [line for line, _ in found] == [line for line in range(2, 30_002) if line != 1236]
    assert [record["email"] for _, record in found] == [row[1] for row in rows if len(row) == 4]
    assert await gate.value("select count(*) from inbox where batch_id is not null") == len(
        {*await parts(gate)}
    )


async def parts(gate: House) -> list[Any]:
    return [row[0] for row in await gate.rows("select submission_id from batch_part")]


async def test_the_same_identity_again_is_the_same_batch(gate: House, importer: Any, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(csv_of(rows_of(10)))
    first = await importer().import_file("acme", file, "a.csv", "", identity="one")
    assert await importer().import_file("acme", file, "a.csv", "", identity="one") == first
    assert await gate.value("select count(*) from submission") == 1
    file.write_bytes(csv_of(rows_of(11)))
    with pytest.raises(Unprocessable, match="another content"):
        await importer().import_file("acme", file, "a.csv", "", identity="one")


async def test_a_file_that_another_process_has_in_hand_is_not_read_twice(
    gate: House, importer: Any, tmp_path: Path
) -> None:
    file, other = tmp_path / "a.csv", gate.world.new_id()
    file.write_bytes(csv_of(rows_of(10)))
    await gate.run("insert into process (id, role, host, pid) values ($1, 'other', 'there', 1)", other)
    known = await asyncio.to_thread(digest, file)
    given = Given(file=file, fingerprint=known.fingerprint, size=known.size, identity=identity_of("one"))
    await importer().begin("acme", given)
    await gate.run("update batch set lease_id = $1", other)
    with pytest.raises(NotDurable, match="another process"):
        await importer().import_file("acme", file, "a.csv", "", identity="one")
    await gate.run("delete from process where id = $1", other)
    assert (await importer().import_file("acme", file, "a.csv", "", identity="one")).kept == 10


async def test_whoever_was_overtaken_writes_nothing_more(gate: House, importer: Any, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(csv_of(rows_of(5_000)))
    batches: Batches = importer()

    def taken(*_: Any) -> None:
        asyncio.get_running_loop().create_task(
            gate.run("update batch set lease_id = $1", gate.world.new_id())
        )

    batches.reading.progress = taken
    with pytest.raises(NotDurable, match="another process"):
        await batches.import_file("acme", file, "a.csv", "", identity="one")
    found = [line for line, _ in await kept(gate)]
    assert found == list(range(2, len(found) + 2))
    assert await gate.value("select position from batch") == found[-1] < 5_000


async def test_a_cancelled_batch_stops_at_its_row_and_what_is_durable_is_decided(
    gate: House, importer: Any, tmp_path: Path
) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(csv_of(rows_of(20_000)))
    batches, stopping = importer(), list[asyncio.Task[Any]]()

    def moved(batch: Batch, _: Any) -> None:
        if not stopping:
            stopping.append(asyncio.create_task(importer().cancel(batch.id)))

    batches.reading.progress = moved
    for _ in range(2):  # the same file again is the same batch, and still cancelled
        with pytest.raises(Conflict, match="was cancelled behind row"):
            await batches.import_file("acme", file, "a.csv", "", identity="one")
    stopped = await stopping[0]
    assert (stopped.state, stopped.lease_id) == ("cancelled", None)
    assert 0 < stopped.kept < 20_000
    assert [line for line, _ in await kept(gate)] == list(range(2, stopped.kept + 2))
    await fully_decided(gate, batches)
    ended = await importer().cancel(stopped.id)
    assert (ended.accepted, ended.undecided) == (stopped.kept, 0)


async def test_a_batch_that_is_read_to_its_end_can_not_be_cancelled(
    gate: House, importer: Any, tmp_path: Path
) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(csv_of(rows_of(10)))
    await importer().import_file("acme", file, "a.csv", "", identity="one")
    batch_id = await gate.value("select id from batch")
    with pytest.raises(Conflict, match="every row of it is read"):
        await importer().cancel(batch_id)
    assert await gate.value("select state from batch") == "deciding"


async def test_what_can_t_be_read_at_all_begins_nothing(gate: House, importer: Any, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    for body, why in ((b"", "empty"), (b"email\r\n", "no lead below"), (b"PK\x03\x04", "no workbook")):
        file.write_bytes(body)
        with pytest.raises(Unreadable, match=why):
            await importer().import_file("acme", file, "a.csv", "text/csv", identity=why)
    with pytest.raises(Unreadable, match="No such file"):
        await importer().import_file("acme", tmp_path / "nope", "a.csv", "text/csv", identity="nope")
    file.write_bytes(csv_of(rows_of(2)))
    for nobody in ("paused", "unknown"):
        with pytest.raises(NotFound):
            await importer().import_file(nobody, file, "a.csv", "text/csv", identity="one")
    assert await gate.value("select count(*) from batch") == 0


async def test_a_file_whose_end_can_t_be_read_is_refused_each_time_and_what_came_before_stays(
    gate: House, importer: Any, tmp_path: Path
) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(csv_of(rows_of(5_000)) + b"Bob,\0,,\r\n" + b"x,y,z,a\r\n" * 40_000)
    for _ in range(2):
        with pytest.raises(Refused) as refused:
            await importer().import_file("acme", file, "a.csv", "", identity="one")
        assert (refused.value.reason, refused.value.where) == ("nul", "line 5002")
    assert await gate.value("select (state, kept) = ('failed', kept) from batch")
    assert len(await kept(gate)) == await gate.value("select kept from batch") > 0


async def test_a_batch_of_the_spool_is_read_by_whoever_finds_it_and_counted_to_its_end(
    gate: House, importer: Any, tmp_path: Path
) -> None:
    first: Batches = importer()
    batch_id = gate.world.new_id()
    rows = rows_of(300)
    rows[7][1] = "no address"
    first.spool.part(batch_id).write_bytes(csv_of(rows))
    file = first.spool.place(batch_id)
    known = digest(file)
    await first.begin(
        "acme", Given(file=file, fingerprint=known.fingerprint, size=known.size), batch_id=batch_id
    )
    second: Batches = importer()
    await second.take()
    await asyncio.gather(*(task for task in second._in_hand.values() if task is not None))
    assert second.spool.ids() == []
    await fully_decided(gate, second)
    async with gate.database.acquire() as conn:
        batch = await store.by_id(conn, batch_id)
    assert batch is not None
    assert (batch.state, batch.kept, batch.accepted, batch.rejected, batch.undecided) == (
        "done",
        300,
        299,
        1,
        0,
    )


async def test_what_came_by_itself_is_decided_before_the_rows_of_a_batch(
    gate: House, importer: Any, tmp_path: Path
) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(csv_of(rows_of(2_000)))
    await importer().import_file("acme", file, "a.csv", "", identity="one")
    await gate.upkeep.of_batches()
    assert gate.engine.deciding.bulk > 1_000
    work = gate.work({"first_name": "Zed", "email": "zed@example.com"})
    await gate.keep(work, leased=False)
    await gate.upkeep.inbox()
    await gate.until(lambda: gate.value("select count(*) from lead where id = $1", work.submission.id))
    assert await gate.value("select count(*) from lead") < 1_000


async def test_half_uploads_and_files_of_no_batch_go_after_an_hour(gate: House, importer: Any) -> None:
    batches: Batches = importer()
    half, orphan, fresh, waiting = (gate.world.new_id() for _ in range(4))
    batches.spool.part(half).write_bytes(b"email\r\n")
    for one in (orphan, fresh, waiting):
        batches.spool.part(one).write_bytes(csv_of(rows_of(3)))
        batches.spool.place(one)
    file = batches.spool.file(waiting)
    await batches.begin(
        "acme", Given(file=file, fingerprint=digest(file).fingerprint, size=1), batch_id=waiting
    )
    for path in (batches.spool.part(half), batches.spool.file(orphan), file):
        os.utime(path, (0, 0))
    await batches.clean()
    assert sorted(one.name for one in batches.spool.folder.iterdir()) == sorted([str(fresh), str(waiting)])


async def test_a_fault_of_ours_ends_a_batch_instead_of_running_into_it_for_ever(
    gate: House, importer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: Batches = importer()
    batch_id = gate.world.new_id()
    batches.spool.part(batch_id).write_bytes(csv_of(rows_of(3)))
    file = batches.spool.place(batch_id)
    await batches.begin("acme", Given(file=file, fingerprint=b"x", size=1), batch_id=batch_id)

    async def broken(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(batches.reading, "_keep", broken)
    await batches.take()
    await asyncio.gather(*(task for task in batches._in_hand.values() if task is not None))
    assert await gate.value("select problem ->> 'code' from batch where state = 'failed'") == "internal"
