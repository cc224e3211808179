"""What a buyer's own file says of our leads: followed once, however often it comes and whatever else is in it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.store.database import Database
from tests.ingest.channels.ftpserver import ftp_server
from tests.pipeline.filehouse import acknowledged, desk, ended, files, is_due, looks, over_ftp
from tests.pipeline.house import House, catalogue, lead, opened, source


@asynccontextmanager
async def sent(
    database: Database, tmp_path: Path, n: int, *, more: str = "", head: str = ""
) -> AsyncIterator[tuple[House, Path, list[str], str]]:
    """A house of which so many leads have left in one file: the folder of answers, the deliveries in the order of
    rows, the file's name."""
    ours, acks = tmp_path / "ours", tmp_path / "acks"
    ours.mkdir()
    acks.mkdir()
    with ftp_server(tmp_path) as server:
        yaml = catalogue(
            source(), over_ftp(server.port, more=f", folder: ours {acknowledged(more)}", head=head)
        )
        async with opened(database, yaml) as house:
            await house.post(*[lead(f"p{i}@example.com") for i in range(n)])
            await is_due(house)
            await desk(house).look()
            await ended(house, "unclear", n)
            ((name, lines),) = files(ours).items()
            yield house, acks, [line.partition(",")[0] for line in lines], name


async def states(house: House, ids: list[str]) -> list[str]:
    found = {str(r[0]): r[1] for r in await house.rows("select id, state from delivery")}
    return [found[one] for one in ids]


async def counted(house: House) -> tuple[Any, ...]:
    (row,) = await house.rows(
        "select sum(settled)::int, sum(repeated)::int, sum(strange)::int, sum(contradicted)::int from acknowledgement"
    )
    return tuple(row)


def ack(*rows: str) -> bytes:
    return "\n".join(["Id;Status;Why;Ref;Pays", *rows, ""]).encode("latin-1")


async def test_each_row_settles_its_delivery(database: Database, tmp_path: Path) -> None:
    async with sent(database, tmp_path, 4) as (house, acks, ids, name):
        said = [f"{ids[0]};ok;;A-1;41.50", f"{ids[1]};DUP", f"{ids[2]};NO;Straße zu weit", f"{ids[3]};LATER"]
        (acks / f"{name}.ack").write_bytes(ack(*said))
        await looks(house, 1)
        assert await states(house, ids) == ["unclear"] * 4
        await looks(house, 1)
        assert await states(house, ids) == ["accepted", "duplicate", "rejected", "unclear"]
        rows = await house.rows("select reference, price, reason from delivery order by id")
        told = {
            str(r[0]): r for r in await house.rows("select id, reference, price::text, reason from delivery")
        }
        assert told[ids[0]][1:3] == ("A-1", "41.50")
        assert told[ids[2]][3] == "Straße zu weit"
        assert len(rows) == 4
        assert [f.name for f in (acks / "done").iterdir()] == [f"{name}.ack"]
        by = await house.value(
            "select by_whom from lead_event where delivery_id = $1 and kind = 'settled'", UUID(ids[0])
        )
        assert by == f"acknowledgement file {name}.ack"
        (acks / f"{name}.ack").write_bytes(ack(f"{ids[3]};OK"))
        await looks(house)
        assert await states(house, ids) == ["accepted", "duplicate", "rejected", "accepted"]
