"""A lead that another mail server hands on by LMTP: an answer for each recipient."""

import asyncio
from pathlib import Path

from app.api.mail import places
from app.store.database import Database
from tests.api.mail.conftest import listening, talk
from tests.api.mail.letters import form

HELLO = b"LHLO mx.example\r\n"
FROM = b"MAIL FROM:<x@other.example>\r\n"
RECIPIENTS = b"".join(
    b"RCPT TO:<%s@leads.example>\r\n" % name for name in (b"acme", b"portal", b"nobody", b"solar")
)


async def test_each_recipient_has_its_own_answer(database: Database) -> None:
    stranger = form().replace(b"form@portal.example", b"form@other.example")
    async with listening(database, door="lmtp") as post:
        host, _, port = post.place.rpartition(":")
        lines = (HELLO, FROM, RECIPIENTS, b"DATA\r\n" + stranger + b"\r\n.\r\n", b"QUIT\r\n")
        said = await talk(await asyncio.open_connection(host, int(port)), lines)
        at = said.index("354 End data with <CR><LF>.<CR><LF>")
        assert [line[:9] for line in said[at - 4 : at]] == [
            "250 2.1.5",
            "250 2.1.5",
            "550 5.1.1",
            "250 2.1.5",
        ]
        assert [line[:9] for line in said[at + 1 : -1]] == ["250 2.0.0", "550 5.7.1", "250 2.0.0"]
        assert await post.house.value("select count(*) from submission") == 1
        assert await post.house.value("select content_type from submission") == "message/rfc822; door=lmtp"
        assert post.counted() == {
            ("lmtp", "", "no_mailbox"): 1,
            ("lmtp", "acme", "kept"): 1,
            ("lmtp", "portal", "sender"): 1,
        }


async def test_who_speaks_smtp_there_is_told(database: Database) -> None:
    async with listening(database, door="lmtp") as post:
        host, _, port = post.place.rpartition(":")
        said = await talk(
            await asyncio.open_connection(host, int(port)), (b"EHLO a\r\n", b"HELO a\r\n", b"QUIT\r\n")
        )
        assert said[1:3] == ["500 5.5.1 This is LMTP: say LHLO"] * 2


async def test_it_may_be_a_socket_of_this_machine(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "lmtp.sock"
    async with listening(database, door="lmtp", where=path) as post:
        lines = (HELLO, FROM, b"RCPT TO:<acme@leads.example>\r\nDATA\r\n", form() + b"\r\n.\r\nQUIT\r\n")
        said = await talk(await asyncio.open_unix_connection(path), lines)
        assert said[-2].startswith("250 2.0.0 Kept as ")
        assert await post.emails() == ["ann@example.com"]
    places.bound(str(path)).close()  # what a killed service left is no hindrance
