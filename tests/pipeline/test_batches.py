"""A file of leads comes in whole, whatever happens on the way, and nothing of it comes twice."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from app.core.errors import NotDurable, NotFound, Refused, Unprocessable, Unreadable
from app.pipeline.batch_spool import Spool
from app.pipeline.batches import Batches, BatchResult
from app.store import batches as store
from app.store.database import Database
from tests.pipeline.house import House, catalogue, opened, source

HEADER = ["First Name", "E-Mail", "zip", "state"]


def rows_of(n: int) -> list[list[Any]]:
    return [[f"Ann{i}", f"ann{i}@example.com", 78701, "TX"] for i in range(n)]


def csv_of(rows: list[list[Any]], header: list[str] = HEADER) -> bytes:
    return "".join(",".join(map(str, row)) + "\r\n" for row in [header, *rows]).encode()


def xlsx_of(rows: list[list[Any]], header: list[str] = HEADER) -> bytes:
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in [header, *rows]:
        sheet.append(row)
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


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
