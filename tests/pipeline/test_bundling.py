"""Leads that leave together: once each, in one file, whatever fails and whoever dies."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from app.store import bundles
from app.store.database import Database
from tests.ingest.channels.ftpserver import ftp_server
from tests.pipeline.filehouse import desk, ended, files, is_due, over_ftp
from tests.pipeline.house import House, catalogue, lead, opened, source


def people(n: int, first: int = 0) -> list[dict[str, str]]:
    return [lead(f"p{i}@example.com") for i in range(first, first + n)]


async def posted(house: House, *given: dict[str, str]) -> list[Any]:
    answers = await house.post(*given)
    assert {(one.outcome, one.state) for one in answers} == {("pending", "delivering")}
    return answers


async def test_leads_wait_and_leave_in_one_file(database: Database, tmp_path: Path) -> None:
    with ftp_server(tmp_path) as server:
        async with opened(database, catalogue(source(), over_ftp(server.port))) as house:
            await posted(house, *people(3))
            await house.upkeep.due()
            await desk(house).look()
            assert files(tmp_path) == {}
            await house.run(
                "update delivery set next_at = now() where id = (select id from delivery limit 1)"
            )
            await house.upkeep.due()
            await desk(house).look()
            await ended(house, "accepted", 3)
            ((lines),) = files(tmp_path).values()
            assert sorted(line.partition(",")[2] for line in lines) == [f"p{i}@example.com" for i in range(3)]
            ids = {str(row[0]) for row in await house.rows("select id from delivery")}
            assert {line.partition(",")[0] for line in lines} == ids
            (name,) = files(tmp_path)
            told = await house.rows("select read, exchanges from attempt_end order by read")
            assert [row[0] for row in told] == [
                f"row {n} of 3 in {name}; the file is there" for n in (1, 2, 3)
            ]
            assert not any("p1@example.com" in str(row[1]) for row in told)
            assert "p1@example.com" in await house.value("select exchanges::text from bundle")
            assert await house.rows("select state, size, outcome from bundle") == [("sent", 3, "Accepted")]
            assert house.at_rest()
