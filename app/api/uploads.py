"""Writes a request's body to the disk as it comes, however large; half of one is as if it had never been."""

import asyncio
import errno
import hashlib
import os
from pathlib import Path
from typing import Any

from fastapi import Request
from starlette.requests import ClientDisconnect

from app.api.app import Parts
from app.core.errors import NotDurable, TooLarge, TooSlow, Unreadable
from app.pipeline.batch_spool import Digest

_BLOCK = 1 << 20
_LEAST_PER_SECOND = 10_000  # bytes; slower than this for long is no upload


async def received(request: Request, parts: Parts, file: Path) -> Digest:
    """Flushed to the disk when it returns. Raises what the sender should hear; the file is then the caller's to drop."""
    most = parts.batch_bytes
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > most:
        raise _too_large(most)
    taken, size, block = hashlib.blake2b(digest_size=16), 0, bytearray()
    began, stream = parts.world.monotonic(), request.stream()
    try:
        with _opened(file) as opened:
            while True:
                async with asyncio.timeout(parts.body_seconds):
                    chunk = await anext(stream, None)
                if chunk is None:
                    break
                size += len(chunk)
                if size > most:
                    raise _too_large(most)
                if parts.world.monotonic() - began > parts.body_seconds + size / _LEAST_PER_SECOND:
                    raise TimeoutError
                taken.update(chunk)
                block += chunk
                if len(block) >= _BLOCK:
                    await asyncio.to_thread(opened.write, bytes(block))
                    block.clear()
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


def _opened(path: Path) -> Any:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def _finish(file: Any, rest: bytes) -> None:
    file.write(rest)
    file.flush()
    os.fsync(file.fileno())


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"a batch has at most {most:,} bytes; send it in pieces", headers={"Connection": "close"})
