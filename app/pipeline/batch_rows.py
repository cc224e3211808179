"""Takes the rows of a batch's file in strides: each is what one transaction makes durable."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

import msgspec
from msgspec import Struct

from app.core.errors import Unreadable
from app.ingest.files import Shape, rows_of
from app.ingest.reading import Reader
from app.model import Record
from app.store.batches import Part, RowRefusal

CONTENT_TYPE = "application/x-ndjson"
"""What a part is kept as: one row a line, as JSON."""

PART_ROWS = 100
"""Leads that are decided together; more of them would keep others waiting."""

STRIDE_ROWS = 1_000
_PART_BYTES = 250_000
_STRIDE_BYTES = 2_000_000
_MOST_CELLS = 65_536  # characters kept of a row that can't be read
_MOST_REFUSED = 100_000

_ENCODE = msgspec.json.Encoder().encode


class Stride(Struct, frozen=True, kw_only=True):
    """Rows behind the position of the last one, up to the line `to`; `last` where the file ends with them."""

    to: int
    read_bytes: int
    parts: Sequence[Part]
    refusals: Sequence[RowRefusal]
    last: bool = False
    spoiled: Unreadable | None = None  # the rest of the file can't be read

    @property
    def rows(self) -> int:
        return sum(len(part.lines) for part in self.parts) + len(self.refusals)


class Rows:
    """For one thread at a time. Rows up to `position` are read past, since they are durable already."""

    def __init__(
        self, file: Path, shape: Shape, reader: Reader, names: Mapping[str, str], *, position: int,
        refused: int, new_id: Callable[[], UUID],
    ) -> None:  # fmt: skip
        self._stream: BinaryIO = file.open("rb")
        self._position = position
        self._names = names
        self._new_id = new_id
        self._refused, self._room = refused, _STRIDE_BYTES
        self._refusals: list[RowRefusal] = []
        self._rows: Iterator[tuple[int, Record]] = rows_of(self._stream, shape, reader, refused=self._refuse)

    def close(self) -> None:
        self._stream.close()

    def stride(self) -> Stride:
        """The next rows; a file that breaks off gives what came before it first."""
        bodies: list[tuple[bytes, list[int]]] = []
        lines: list[int] = []
        texts: list[bytes] = []
        taken = size = part = 0
        last, spoiled = True, None
        try:
            for line, record in self._rows:
                if line <= self._position:
                    continue
                text = _ENCODE(self._named(record) if self._names else record)
                if texts and (len(texts) >= PART_ROWS or part + len(text) > _PART_BYTES):
                    bodies.append((b"\n".join(texts), lines))
                    texts, lines, part = [], [], 0
                texts.append(text)
                lines.append(line)
                taken, size, part = taken + 1, size + len(text), part + len(text)
                if taken + len(self._refusals) >= STRIDE_ROWS or size >= _STRIDE_BYTES:
                    last = False
                    break
        except Unreadable as why:
            spoiled = why
        if texts:
            bodies.append((b"\n".join(texts), lines))
        return self._stride(bodies, last=last, spoiled=spoiled)

    def _stride(
        self, bodies: Sequence[tuple[bytes, list[int]]], *, last: bool, spoiled: Unreadable | None
    ) -> Stride:
        """Ids in the order of the rows: the first of two equal leads is the one that stands first."""
        refusals, self._refusals[:] = list(self._refusals), []
        self._room = _STRIDE_BYTES
        ids = sorted(self._new_id() for _ in bodies)
        parts = [Part(id_, body, lines) for id_, (body, lines) in zip(ids, bodies, strict=True)]
        ends = [part.lines[-1] for part in parts[-1:]] + [one.line for one in refusals[-1:]]
        self._position = max([self._position, *ends])
        return Stride(
            to=self._position, read_bytes=self._stream.tell(), parts=parts, refusals=refusals, last=last,
            spoiled=spoiled,
        )  # fmt: skip

    def _refuse(self, line: int, cells: Sequence[str], why: Unreadable) -> None:
        if line <= self._position:
            return
        self._refused += 1
        if self._refused > _MOST_REFUSED:
            raise Unreadable(
                f"more than {_MOST_REFUSED:,} rows can't be read; something is wrong with all of them",
                code="records",
                where=f"line {line}",
            )
        text, kept = min(_MOST_CELLS, self._room), []
        for cell in cells:
            kept.append(cell[:text].replace("\0", "").encode("utf-8", "replace").decode())
            text -= len(cell)
            if text <= 0:
                break
        self._room -= sum(map(len, kept))
        self._refusals.append(RowRefusal(line, why.reason, why.detail.replace("\0", ""), kept))

    def _named(self, record: Record) -> Record:
        """Under the names that the mapping gives; a value whose name another column takes is kept beside it."""
        names = self._names
        given: Record = {}
        for column, raw in record.items():
            name = names.get(column, column)
            if name in given:
                name = f"{column} (2)"
            given[name] = raw
        return given
