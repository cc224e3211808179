"""What a mailbox says of its mails before one is fetched, and how it tells a no from a broken line."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.remote.account import ImapAccount
from app.remote.folder import Trouble
from app.remote.line import Line, connected
from app.remote.mailbox import SAID_NO, _header_in
from tests.ingest.channels.mailserver import PASSWORD, USER, MailServer, mail_server

MAIL = (
    b"Received: by mx\r\nFrom: Ann <a@b.example>\r\nSubject: x\r\nMessage-ID: <%d@b.example>\r\n\r\nbody\r\n"
)


@asynccontextmanager
async def opened(server: MailServer) -> AsyncIterator[Line]:
    told = {"host": "named.example", "port": server.port, "tls": "none", "user": USER, "password": PASSWORD}
    async with connected(ImapAccount.model_validate(told), "127.0.0.1") as line:
        yield line


async def test_heads_are_told_in_the_order_that_is_asked_for_and_without_those_that_are_gone() -> None:
    async with mail_server() as server:
        await server.put(MAIL % 1)
        await server.mark(r"(\Seen)")
        await server.put(MAIL % 2)
        async with opened(server) as line:
            first, second = await line.run(line.box.uids)
            heads = await line.run(line.box.heads, [second, "4711", first])
        assert await server.seen() == [True, False]
    assert [(one.uid, one.seen, one.size) for one in heads] == [
        (second, False, len(MAIL % 2)),
        (first, True, len(MAIL % 1)),
    ]
    assert heads[0].raw.split(b"\r\n")[:3] == [
        b"Received: by mx",
        b"From: Ann <a@b.example>",
        b"Message-ID: <2@b.example>",
    ]
    assert heads[0].came


async def test_a_no_is_told_from_a_line_that_broke() -> None:
    async with mail_server() as server, opened(server) as line:
        with pytest.raises(Trouble) as no:
            await line.run(line.box.move, "1", "Nowhere")
        assert no.value.code == SAID_NO
        line.box.hang_up()
        with pytest.raises(Trouble) as gone:
            await line.run(line.box.uids)
        assert gone.value.code == "broken"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (rb'1 (UID 7 RFC822.SIZE 12 FLAGS (\Seen) INTERNALDATE "x" BODY[HEADER]<0> {3}', b")"),
        (b"1 (BODY[HEADER]<0> {3}", rb' FLAGS (\Recent \Seen) INTERNALDATE "x" UID 7 RFC822.SIZE 12)'),
        (b"1 (UID 7 BODY[HEADER]<0> {3}", rb' INTERNALDATE "x" RFC822.SIZE 12 FLAGS (\Seen))'),
    ],
)
def test_servers_tell_size_and_flags_before_or_behind_the_lines(before: bytes, after: bytes) -> None:
    head = _header_in(before, b"a:b", after)
    assert (head.uid, head.size, head.came, head.seen, head.raw) == ("7", 12, b"x", True, b"a:b")
