"""Where a mail ends, however its bytes arrive, and what behind it is not lost."""

import asyncio

import pytest

from app.api.mail.conversation import Held, _Spoiled, _Taking

MOST = 1_000


async def taken(sent: bytes, size: int) -> tuple[bytes | str, bytes]:
    """The mail, or why there is none; and what is left for the next command. It arrives in pieces of this size."""
    reader, held = asyncio.StreamReader(limit=65_536), Held(10_000)
    taking = _Taking(reader, MOST, held)
    task = asyncio.create_task(taking.content())
    for at in range(0, len(sent), size):
        reader.feed_data(sent[at : at + size])
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    try:
        mail: bytes | str = await task
    except _Spoiled as spoiled:
        mail = spoiled.answer.outcome
    taking.release()
    assert held.now == 0
    reader.feed_eof()
    return mail, await reader.read()


@pytest.mark.parametrize("size", [1, 2, 3, 5, 10_000])
@pytest.mark.parametrize(
    ("sent", "mail", "rest"),
    [
        (b".\r\nQUIT\r\n", b"", b"QUIT\r\n"),
        (b"\r\n.\r\nRSET\r\n", b"\r\n", b"RSET\r\n"),
        (b"a\r\n..b\r\n..\r\n.\r\nQUIT\r\n", b"a\r\n.b\r\n.\r\n", b"QUIT\r\n"),
        (b"a\nb\rc\r\n.\r\n", b"a\nb\rc\r\n", b""),
        (b".\na\r\n.\r\nQUIT\r\n", "bare_lines", b"QUIT\r\n"),
        (b"a\r\n.\na\r\n.\r\n", "bare_lines", b""),
        (b"x" * 3_000 + b"\r\n.\r\nQUIT\r\n", "too_large", b"QUIT\r\n"),
    ],
    ids=["empty", "blank", "dots", "bare", "first line", "forged", "too large"],
)
async def test_it_ends_at_its_lone_dot(sent: bytes, mail: bytes | str, rest: bytes, size: int) -> None:
    assert await taken(sent, size) == (mail, rest)


async def test_one_that_never_ends_is_a_lost_connection() -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(b"Subject: x\r\n")
    reader.feed_eof()
    with pytest.raises(ConnectionResetError):
        await _Taking(reader, MOST, Held(10_000)).content()
