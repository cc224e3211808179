"""The mail door over the real parts, on a free port, and a client that speaks to it as another server would."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiosmtplib
import pytest
from msgspec import Struct

from app.api.mail import places
from app.api.mail.listener import Listener
from app.api.mail.opening import opened
from app.api.mail.terms import Terms
from app.store.database import Database
from tests.pipeline import house
from tests.pipeline.house import House

SOURCES = """
  - {id: acme, campaign: solar, reply: sold, mail: {addresses: [acme@leads.example, solar@leads.example]}}
  - {id: portal, campaign: solar, mail: {addresses: [portal@leads.example], senders: ["*@portal.example"]}}
  - {id: off, campaign: solar, paused: true, mail: {addresses: [off@leads.example]}}
"""


class Post(Struct):
    """The door, and the house behind it."""

    house: House
    listener: Listener
    place: str

    async def client(self, **more: Any) -> aiosmtplib.SMTP:
        host, _, port = self.place.rpartition(":")
        client = aiosmtplib.SMTP(hostname=host, port=int(port), timeout=10, start_tls=False, **more)
        await client.connect()
        return client

    async def send(self, *to: str, mail: bytes, sender: str = "form@portal.example") -> str:
        """What was said to it: code and text of the last answer."""
        client = await self.client()
        try:
            refused, said = await client.sendmail(sender, list(to or ["acme@leads.example"]), mail)
            return f"250 {said}" if not refused else str(refused)
        except aiosmtplib.SMTPRecipientsRefused as error:
            return f"{error.recipients[0].code} {error.recipients[0].message}"
        except aiosmtplib.SMTPResponseException as error:
            return f"{error.code} {error.message}"
        finally:
            client.close()

    async def talk(self, *lines: bytes) -> list[str]:
        """The conversation as it stands on the wire; ends when the server does, or after QUIT."""
        host, _, port = self.place.rpartition(":")
        return await talk(await asyncio.open_connection(host, int(port)), lines)

    async def emails(self) -> list[str]:
        """Of all leads, once nothing is undecided any more."""

        async def none_left() -> bool:
            return not await self.house.value("select count(*) from inbox")

        await self.house.until(none_left)
        rows = await self.house.rows("select fields->'email'->>1 from lead_detail order by lead_id")
        return [row[0] for row in rows]

    def counted(self) -> Mapping[tuple[str, ...], float]:
        return self.house.metrics._counters["leadgate_mails_total"]


async def talk(
    streams: tuple[asyncio.StreamReader, asyncio.StreamWriter], lines: tuple[bytes, ...]
) -> list[str]:
    reader, writer = streams
    writer.write(b"".join(lines))
    said = [line.decode().rstrip() async for line in reader]
    writer.close()
    return said


Open = Callable[..., Awaitable[Post]]


@pytest.fixture
async def post(database: Database) -> AsyncIterator[Post]:
    async with listening(database) as post:
        yield post


@asynccontextmanager
async def listening(
    database: Database,
    *,
    door: str = "smtp",
    where: str | Path = "127.0.0.1:0",
    sources: str = SOURCES,
    buyers: Sequence[str] = (),
    **terms: Any,
) -> AsyncIterator[Post]:
    async with house.opened(database, house.catalogue(sources, *buyers)) as inside:
        sock = places.bound(str(where))
        place = places.shown(sock)
        listener = await opened(
            {door: sock}, Terms(hostname="leads.example", **terms), inside.engine, inside.reader,
            inside.world, inside.metrics, inside.settler,
        )  # fmt: skip
        yield Post(inside, listener, place)
        await listener.close(within=5)
