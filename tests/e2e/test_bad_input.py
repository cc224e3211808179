"""What must not come in doesn't: each fault has its own problem+json, and the tables don't notice."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
import pytest_asyncio

from app.store.embedded import EmbeddedPostgres
from tests.e2e.books import Books
from tests.e2e.catalogues import catalogue, contract, source
from tests.e2e.service import Service

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

JSON, XML, FORM = "application/json", "application/xml", "application/x-www-form-urlencoded"
LIMIT = 20_000
BOMB = b"""<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><lead><email>&c;</email></lead>"""
THEFT = b"""<!DOCTYPE l [<!ENTITY x SYSTEM "file:///etc/passwd">]><lead><email>&x;</email></lead>"""

# name: (Content-Type, body, status, code, where)
UNREADABLE: dict[str, tuple[str, bytes, int, str, str | None]] = {
    "broken JSON": (JSON, b'{"email": "a@example.com",\n "bill": }', 400, "syntax", "line 2, column 10"),
    "NaN": (JSON, b'{"email": "a@example.com", "bill": NaN}', 400, "number", "bill"),
    "infinity": (JSON, b'{"bill": -Infinity}', 400, "number", "bill"),
    "beyond 64 bits": (JSON, b'{"bill": 9223372036854775808}', 400, "number", "bill"),
    "thousands of digits": (JSON, b'{"bill": ' + b"9" * 5_000 + b"}", 400, "number", "bill"),
    "deep nesting": (JSON, b'{"a":' * 3_000 + b"1" + b"}" * 3_000, 400, "depth", None),
    "NUL in JSON": (JSON, b'{"email": "a\\u0000b@example.com"}', 400, "nul", "email"),
    "half a surrogate pair": (JSON, b'{"email": "\\ud800"}', 400, "surrogate", "email"),
    "no object": (JSON, b'"ann@example.com"', 400, "shape", None),
    "empty JSON": (JSON, b"", 400, "empty", None),
    "empty form": (FORM, b"", 400, "empty", None),
    "empty XML": (XML, b"", 400, "empty", None),
    "wrong charset": (f"{JSON}; charset=utf-8", b'{"first_name": "Andr\xe9"}', 400, "charset", "byte 21"),
    "unknown charset": (f"{JSON}; charset=klingon", b"{}", 400, "charset", "charset"),
    "NUL in a form": (FORM, b"email=a%00b@example.com", 400, "nul", "email"),
    "XML bomb": (XML, BOMB, 400, "doctype", None),
    "external entity": (XML, THEFT, 400, "doctype", None),
    "broken XML": (XML, b"<lead>\n<email>a@example.com</lead>", 400, "syntax", "line 2"),
    "missing boundary": ("multipart/form-data", b"--x\r\n\r\n", 400, "boundary", None),
    "unknown type": ("text/plain", b"email=a@example.com", 415, "unknown_type", None),
    "no type": ("", b'{"email": "a@example.com"}', 415, "unknown_type", None),
}  # fmt: skip


class Door(NamedTuple):
    service: Service
    books: Books
    key: str
    buyers_key: str


class Said(NamedTuple):
    status: int
    headers: dict[str, str]
    problem: Any


@pytest.fixture(scope="module")
def door_url(
    postgres: EmbeddedPostgres, _administration: psycopg.Connection, template_db: str
) -> Iterator[str]:
    _administration.execute(f"create database door template {template_db}")
    yield postgres.dsn.replace("/leadgate?", "/door?", 1)
    _administration.execute("drop database door with (force)")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def door(door_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Door]:
    """One service for the whole file."""
    folder: Path = tmp_path_factory.mktemp("door")
    service = Service(folder, database_url=door_url, body_seconds="1", body_bytes=str(LIMIT))
    await service.configure(catalogue(source(), contract("b", "http://127.0.0.1:50009/")))
    keys = await service.key("source", "acme"), await service.key("buyer", "b")
    await service.start()
    try:
        async with Books(door_url) as books:
            yield Door(service, books, *keys)
    finally:
        await service.close()


async def _raw(port: int, *parts: bytes, pause: float = 0.0) -> Said:
    """Exactly these bytes, and what is answered until the connection is still or closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def send() -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)

    sending = asyncio.create_task(send())
    try:
        async with asyncio.timeout(10):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.strip().split("\r\n")
            headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        writer.transport.abort()
    return Said(int(first.split()[1]), headers, json.loads(body) if body else None)


def _head(door: Door, *lines: str, method: str = "POST", key: str | None = None) -> bytes:
    given = [f"{method} /v1/leads HTTP/1.1", "Host: x", *lines]
    if key != "":
        given.append(f"Authorization: Bearer {key or door.key}")
    return "\r\n".join([*given, "", ""]).encode()


async def _post(door: Door, kind: str, body: bytes, *, key: str | None = None) -> Said:
    lines = [f"Content-Length: {len(body)}", *([f"Content-Type: {kind}"] if kind else [])]
    return await _raw(door.service.port, _head(door, *lines, key=key) + body)


async def _nothing_is_stored(door: Door) -> None:
    assert await door.books.one("select count(*) from submission") == 0
    assert await door.books.one("select count(*) from inbox") == 0
    assert await door.books.one("select count(*) from lead") == 0


def _is_problem(said: Said, status: int, code: str) -> None:
    assert (said.status, said.problem["code"]) == (status, code)
    assert said.headers["content-type"] == "application/problem+json"
    assert said.problem["status"] == status
    assert said.problem["title"]
    assert said.problem["detail"]
    assert said.problem["type"].endswith(code)


@pytest.mark.parametrize("name", UNREADABLE)
async def test_what_cannot_be_read_is_named_and_not_kept(door: Door, name: str) -> None:
    kind, body, status, code, where = UNREADABLE[name]
    said = await _post(door, kind, body)
    _is_problem(said, status, code)
    if where is not None:
        assert where in said.problem["where"]
    assert "example.com" not in json.dumps(said.problem)
    await _nothing_is_stored(door)


@pytest.mark.parametrize("key", ["", "lg_src_" + "x" * 43, "\xe9\xff", "buyer"])
async def test_only_a_sources_key_opens(door: Door, key: str) -> None:
    given = door.buyers_key if key == "buyer" else key
    said = await _post(door, JSON, b'{"email": "a@example.com"}', key=given)
    _is_problem(said, 401, "no_key")
    assert said.headers["www-authenticate"].startswith("Bearer")
    await _nothing_is_stored(door)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
async def test_another_method_is_told_which_one(door: Door, method: str) -> None:
    said = await _raw(door.service.port, _head(door, "Content-Length: 0", method=method))
    _is_problem(said, 405, "method")
    assert said.headers["allow"] == "POST"


async def test_a_body_that_says_it_is_too_large_is_not_read(door: Door) -> None:
    said = await _raw(door.service.port, _head(door, "Content-Length: 1000000000", f"Content-Type: {JSON}"))
    _is_problem(said, 413, "too_large")
    await _nothing_is_stored(door)


def _sent_before_it_listens(port: int, message: bytes) -> bytes:
    """What most libraries read: they send everything, and only then look for an answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as line:
        line.sendall(message)
        said = b""
        while more := line.recv(65_536):
            said += more
        return said


@pytest.mark.parametrize(
    ("path", "whose", "status"),
    [("leads", "key", 413), ("ping", "key", 413), ("leads", "", 401), ("ping", "buyers_key", 401)],
)
async def test_who_sends_ten_megabytes_reads_why_they_are_refused(
    door: Door, path: str, whose: str, status: int
) -> None:
    key = f"Authorization: Bearer {getattr(door, whose)}\r\n" if whose else ""
    head = f"POST /v1/{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: {JSON}\r\n{key}"
    body = b" " * 10_000_000
    message = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    said = await asyncio.to_thread(_sent_before_it_listens, door.service.port, message)
    assert said.startswith(b"HTTP/1.1 %d " % status)


async def test_a_body_that_does_not_say_so_is_cut_off_where_it_becomes_too_large(door: Door) -> None:
    head = _head(door, "Transfer-Encoding: chunked", f"Content-Type: {JSON}")
    said = await _raw(door.service.port, head, *[b"1000\r\n" + b" " * 4096 + b"\r\n"] * 6, pause=0.01)
    _is_problem(said, 413, "too_large")
    await _nothing_is_stored(door)


async def test_a_body_may_be_exactly_as_large_as_allowed(door: Door) -> None:
    broken = b'{"email"' + b" " * (LIMIT - 8)
    _is_problem(await _post(door, JSON, broken), 400, "syntax")
    _is_problem(await _post(door, JSON, broken + b" "), 413, "too_large")


async def test_a_body_that_drips_is_not_waited_for(door: Door) -> None:
    """A byte every tenth of a second: each comes in time, the whole does not."""
    head = _head(door, "Content-Length: 1000", f"Content-Type: {JSON}")
    _is_problem(await _raw(door.service.port, head, *[b" "] * 100, pause=0.1), 408, "too_slow")
    await _nothing_is_stored(door)


async def test_a_body_that_never_comes_is_not_waited_for(door: Door) -> None:
    head = _head(door, "Content-Length: 10", f"Content-Type: {JSON}")
    _is_problem(await _raw(door.service.port, head), 408, "too_slow")


async def test_a_connection_that_ends_before_its_body_leaves_nothing(door: Door) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", door.service.port)
    writer.write(_head(door, "Content-Length: 100", f"Content-Type: {JSON}") + b'{"email"')
    await writer.drain()
    writer.transport.abort()
    _is_problem(await _post(door, JSON, b"{"), 400, "syntax")  # it goes on
    await _nothing_is_stored(door)


@pytest.mark.parametrize("key", [b"k" * 256, b"k" * 5_000])
async def test_an_endless_idempotency_key_is_refused(door: Door, key: bytes) -> None:
    body = b'{"email": "a@example.com"}'
    lines = (f"Content-Length: {len(body)}", f"Content-Type: {JSON}", f"Idempotency-Key: {key.decode()}")
    _is_problem(await _raw(door.service.port, _head(door, *lines) + body), 422, "unprocessable")
    await _nothing_is_stored(door)


async def test_what_was_refused_is_kept_for_a_person_to_see(door: Door) -> None:
    await _post(door, JSON, b'{"bill": NaN}')
    async with asyncio.timeout(5):
        while not await door.books.one(
            "select count(*) from refusal where code = 'number' and source = 'acme'"
        ):
            await asyncio.sleep(0.02)
