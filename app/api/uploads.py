"""Writes a request's body to the disk as it comes, however large; half of one is as if it had never been."""

import asyncio
import errno
import hashlib
import os
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fastapi import Request
from starlette.requests import ClientDisconnect

from app.api.app import Parts
from app.core.errors import NotDurable, TooLarge, TooSlow, UnknownType, Unreadable
from app.pipeline.batch_spool import Digest

_BLOCK = 1 << 20
_LEAST_PER_SECOND = 10_000  # bytes; slower than this for long is no upload


async def received(request: Request, parts: Parts, file: Path) -> Digest:
    """Flushed to the disk when it returns, unpacked where it came packed. Raises what the sender should hear; the
    file is then the caller's to drop."""
    most, packed = parts.batch_bytes, _packed(request)
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > most:
        raise _too_large(most)
    taken, came, size, block = hashlib.blake2b(digest_size=16), 0, 0, bytearray()
    began, stream = parts.world.monotonic(), request.stream()
    try:
        with _opened(file) as opened:
            while True:
                async with asyncio.timeout(parts.body_seconds):
                    chunk = await anext(stream, None)
                came += len(chunk or b"")
                if parts.world.monotonic() - began > parts.body_seconds + came / _LEAST_PER_SECOND:
                    raise TimeoutError
                for piece in packed.opened(chunk):
                    size += len(piece)
                    if size > most:
                        raise _too_large(most)
                    taken.update(piece)
                    block += piece
                    if len(block) >= _BLOCK:
                        await asyncio.to_thread(opened.write, bytes(block))
                        block.clear()
                if chunk is None:
                    break
            await asyncio.to_thread(_finish, opened, bytes(block))
    except TimeoutError:
        raise TooSlow(
            f"nothing came for {parts.body_seconds:g} seconds, or less than {_LEAST_PER_SECOND:,} bytes a second",
            headers={"Connection": "close"},
        ) from None
    except ClientDisconnect:
        raise Unreadable(
            "the connection ended before the file did; nothing was begun", code="truncated"
        ) from None
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise NotDurable(
            "there is no room for the file now; send it again" if full else "the file can't be stored now",
            retry_after=60,
        ) from None
    return Digest(taken.digest(), size)


class _Plain:
    """A file as it is."""

    def opened(self, chunk: bytes | None) -> Iterable[bytes]:
        """What is in a chunk, in pieces of a bounded size; None is the end. Raises Unreadable."""
        return (chunk,) if chunk else ()


class _Gzip(_Plain):
    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=31)

    def opened(self, chunk: bytes | None) -> Iterable[bytes]:
        try:
            if chunk is None:
                yield self._member.flush()
                if not self._member.eof:
                    raise Unreadable(
                        "the packed file ends before its end; nothing was begun", code="truncated"
                    )
            while chunk:
                if self._member.eof:  # files that were packed apart and put together are one file
                    self._member = zlib.decompressobj(wbits=31)
                yield self._member.decompress(chunk, _BLOCK)
                chunk = self._member.unconsumed_tail or self._member.unused_data
        except zlib.error:
            raise Unreadable("the body says that it is gzip, and is not", code="syntax") from None


def _packed(request: Request) -> _Plain:
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("gzip", "x-gzip"):
        return _Gzip()
    if encoding != "identity":
        raise UnknownType("send the file as it is, or with Content-Encoding: gzip")
    return _Plain()


def _opened(path: Path) -> Any:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def _finish(file: Any, rest: bytes) -> None:
    file.write(rest)
    file.flush()
    os.fsync(file.fileno())


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"a batch has at most {most:,} bytes; send it in pieces", headers={"Connection": "close"})
