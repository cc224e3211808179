"""The folder in which files wait to be read in: whole once they stand under their batch's id, else never begun."""

import hashlib
import os
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from msgspec import Struct

_STALE = 3600.0  # seconds without a byte after which nobody writes any more
_BLOCK = 1 << 20


class Digest(Struct, frozen=True):
    """What tells one content from another, and its size."""

    fingerprint: bytes
    size: int


class Spool:
    """`part` while it comes in, then `place`: a rename, so that a file that stands there is whole."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def part(self, batch_id: UUID) -> Path:
        """Where to write; made so that nobody else on this machine can read it."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self.folder / f"{batch_id}.part"

    def file(self, batch_id: UUID) -> Path:
        return self.folder / str(batch_id)

    def place(self, batch_id: UUID) -> Path:
        """The file is written to the disk and whole: it survives what comes."""
        file = self.file(batch_id)
        self.part(batch_id).replace(file)
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return file

    def drop(self, batch_id: UUID) -> None:
        for file in (self.file(batch_id), self.part(batch_id)):
            with suppress(OSError):
                file.unlink(missing_ok=True)

    def ids(self) -> list[UUID]:
        """Files that are here to be read by whoever shares this folder, the oldest first."""
        found = []
        with suppress(OSError):
            for name in sorted(os.listdir(self.folder)):
                with suppress(ValueError):
                    found.append(UUID(name))
        return found

    def stale(self, wanted: Iterable[UUID]) -> list[Path]:
        """What nobody will ever read: half of an upload, or a file whose batch is over or never began."""
        names, before = {str(one) for one in wanted}, time.time() - _STALE  # noqa: TID251  # as file systems tell it
        found = []
        with suppress(OSError):
            for file in self.folder.iterdir():
                with suppress(OSError):
                    if file.name not in names and file.stat().st_mtime < before:
                        found.append(file)
        return found


def digest(file: Path) -> Digest:
    """Of a file on the disk, in constant memory."""
    taken, size = hashlib.blake2b(digest_size=16), 0
    with file.open("rb") as stream:
        while block := stream.read(_BLOCK):
            taken.update(block)
            size += len(block)
    return Digest(taken.digest(), size)


def identity_of(text: str) -> bytes:
    """What a source or a channel calls a file, in a size that an index holds."""
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=16).digest()
