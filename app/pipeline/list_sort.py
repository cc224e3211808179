"""Sorts any number of keys in memory that doesn't grow with them: by their first byte on the disk, then each part."""

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from app.catalog.lists import WIDTH

BUCKETS = 256
HELD = 16_000_000
"""Bytes of keys in memory, before they are put on the disk."""


class Sorter:
    """Keys are digests, so each first byte gets as many. `close` it; the file has no name to be left behind under."""

    def __init__(self, folder: Path | None = None, *, held: int = HELD) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # closed by close
        self._most, self._held = held, 0
        self._parts = [bytearray() for _ in range(BUCKETS)]
        self._extents: list[list[tuple[int, int]]] = [[] for _ in range(BUCKETS)]
        self.count = 0

    def add(self, keys: Iterable[bytes]) -> None:
        parts, before = self._parts, self.count
        for key in keys:
            parts[key[0]] += key
            self.count += 1
        self._held += (self.count - before) * WIDTH
        if self._held >= self._most:
            self._spill()

    def bucket(self, number: int) -> set[bytes]:
        """Every key that begins with this byte, once."""
        data = bytearray()
        for at, length in self._extents[number]:
            self._file.seek(at)
            data += self._file.read(length)
        return set(cut(bytes(data + self._parts[number])))

    def all(self) -> set[bytes]:
        return {key for number in range(BUCKETS) for key in self.bucket(number)}

    def close(self) -> None:
        self._file.close()

    def _spill(self) -> None:
        at = self._file.seek(0, 2)
        for part, extents in zip(self._parts, self._extents, strict=True):
            extents.append((at, len(part)))
            at += self._file.write(part)
            part.clear()
        self._held = 0


def cut(keys: bytes) -> Sequence[bytes]:
    return [keys[at : at + WIDTH] for at in range(0, len(keys), WIDTH)]


def blocks_of(keys: Iterable[bytes], size: int) -> list[tuple[bytes, bytes]]:
    """(first key, keys) of each block, sorted."""
    ordered = sorted(keys)
    return [(ordered[at], b"".join(ordered[at : at + size])) for at in range(0, len(ordered), size)]
