"""The files that tables are loaded from, row by row: delimited text, also gzipped, and Parquet."""

import gzip
import math
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

from app.core.errors import Unprocessable
from app.ingest.entry_file import opened
from app.ingest.format import Unreadable
from app.ingest.layout import SAMPLE, look
from app.ingest.tabular import rows
from app.model import Raw, Record

AT_ONCE = 5_000
"""Rows that are read together."""
_PARQUET = b"PAR1"

Unread = Callable[[int, Sequence[str], Unreadable], None]


class TableFile(ABC):
    """`share` of it is read so far, 0 to 1."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.share = 0.0

    @abstractmethod
    def header(self) -> Sequence[str]:
        """Its columns. Raises Unreadable."""

    @abstractmethod
    def rows(self, columns: Sequence[str], unread: Unread) -> Iterator[tuple[int, Record]]:
        """Each row with its number in the file; other `columns` may be missing. Raises Unreadable for what spoils
        the rest; one row that can't be read is told to `unread`."""


def table_file(path: Path) -> TableFile:
    """By its first bytes, whatever it is called. Raises Unprocessable where what reads it is not installed."""
    with path.open("rb") as file:
        return _Parquet(path) if file.read(len(_PARQUET)) == _PARQUET else _Delimited(path)


class _Delimited(TableFile):
    def header(self) -> Sequence[str]:
        with _whole(), self.path.open("rb") as raw, opened(raw) as stream:
            return look(stream.read(SAMPLE)).header

    def rows(self, columns: Sequence[str], unread: Unread) -> Iterator[tuple[int, Record]]:
        size = max(1, self.path.stat().st_size)
        with _whole(), self.path.open("rb") as raw, opened(raw) as stream:
            for row in rows(stream, refused=unread):
                yield row
                self.share = min(1.0, raw.tell() / size)


@contextmanager
def _whole() -> Iterator[None]:
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise Unreadable("the file is cut off, or no gzip file", code="truncated") from None


class _Parquet(TableFile):
    """Needs pyarrow (`leadgate[parquet]`), and only where such a file is loaded."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        try:
            from pyarrow import parquet
        except ImportError:
            raise Unprocessable("reading Parquet needs pyarrow: pip install 'leadgate[parquet]'") from None
        with _readable():
            self._file = parquet.ParquetFile(path)

    def header(self) -> Sequence[str]:
        names: Sequence[str] = self._file.schema_arrow.names
        return names

    def rows(self, columns: Sequence[str], unread: Unread) -> Iterator[tuple[int, Record]]:
        total, number = max(1, self._file.metadata.num_rows), 0
        with _readable():
            for batch in self._file.iter_batches(batch_size=AT_ONCE, columns=list(columns)):
                for row in batch.to_pylist():
                    number += 1
                    yield number, {name: _plain(value) for name, value in row.items()}
                self.share = min(1.0, number / total)


@contextmanager
def _readable() -> Iterator[None]:
    """Arrow's own errors are OSError, ValueError and NotImplementedError too."""
    try:
        yield
    except (OSError, ValueError, NotImplementedError):
        raise Unreadable("the file is cut off, or no Parquet that can be read", code="truncated") from None


def _plain(value: Any) -> Raw:
    """As a CSV would have it; lists and maps are none of a table's."""
    if isinstance(value, float):
        return None if math.isnan(value) else value
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return format(value, "f") if isinstance(value, Decimal) else None
