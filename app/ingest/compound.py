"""Measures an XLS before it is opened: what its records say of rows and columns is allocated as it is said."""

import struct
from collections.abc import Iterator

from app.ingest.extent import OF_A_FILE, Extent, encrypted, not_a_workbook, too_large

_END = 0xFFFFFFF0
_SMALLEST = 4096
"""A shorter stream lies among others; no program writes so small a workbook."""

_BOF, _DIMENSIONS, _MULTIPLE = 0x0809, 0x0200, (0x00BD, 0x00BE)
_CELLS = frozenset((0x06, 0x206, 0x406, 0xFD, 0x201, 0x203, 0x204, 0x205, 0x27E, 0xD6, 0x207, *_MULTIPLE))


def refuse_what_spreads(data: bytes, most: Extent = OF_A_FILE) -> None:
    """Unreadable for what is no workbook in a compound file, is encrypted, or spreads over too many cells."""
    try:
        for rows, columns in _extents(_workbook(data, most)):
            if rows * columns > most.cells:
                raise too_large(most)
    except (struct.error, IndexError, UnicodeDecodeError):
        raise not_a_workbook() from None


def _workbook(data: bytes, most: Extent) -> bytes:
    shift = struct.unpack_from("<H", data, 30)[0]
    if shift not in (9, 12):
        raise not_a_workbook()
    if struct.unpack_from("<I", data, 72)[0]:  # a table of tables: more than 7 MB
        raise too_large(most)
    table: list[int] = []
    for sector in struct.unpack_from("<109I", data, 76):
        if sector < _END:
            table += struct.unpack(f"<{(1 << shift) // 4}I", _sector(data, sector, shift))
    directory = _chain(data, table, struct.unpack_from("<I", data, 48)[0], shift)
    entries = {name: (start, size) for name, start, size in _entries(directory)}
    if "encryptedpackage" in entries:
        raise encrypted()
    start, size = entries.get("workbook") or entries.get("book") or (0, 0)
    if size < _SMALLEST:
        raise not_a_workbook()
    return _chain(data, table, start, shift)


def _sector(data: bytes, number: int, shift: int) -> bytes:
    return data[(number + 1) << shift : (number + 2) << shift]


def _chain(data: bytes, table: list[int], sector: int, shift: int) -> bytes:
    pieces: list[bytes] = []
    while sector < _END:
        if len(pieces) > len(data) >> shift:  # a ring
            raise not_a_workbook()
        pieces.append(_sector(data, sector, shift))
        sector = table[sector]
    return b"".join(pieces)


def _entries(directory: bytes) -> Iterator[tuple[str, int, int]]:
    for at in range(0, len(directory) - 127, 128):
        length = min(struct.unpack_from("<H", directory, at + 64)[0], 64)
        name = directory[at : at + max(length - 2, 0)].decode("utf-16-le", "replace").lower()
        start, size = struct.unpack_from("<II", directory, at + 116)
        yield name, start, size


def _extents(stream: bytes) -> Iterator[tuple[int, int]]:
    """(rows, columns) so far, after each record that speaks of cells."""
    at = rows = columns = 0
    while at + 4 <= len(stream):
        kind, length = struct.unpack_from("<HH", stream, at)
        at += 4
        if kind == _BOF:
            rows = columns = 0
        elif kind == _DIMENSIONS and length >= 14:
            _, last, _, right = struct.unpack_from("<IIHH", stream, at)
            yield last, max(right, 1)
        elif kind == _DIMENSIONS:
            _, last, _, right = struct.unpack_from("<HHHH", stream, at)
            yield last, max(right, 1)
        elif kind in _CELLS and length >= 4:
            row, column = struct.unpack_from("<HH", stream, at)
            if kind in _MULTIPLE:
                column = max(column, struct.unpack_from("<H", stream, at + length - 2)[0])
            rows, columns = max(rows, row + 1), max(columns, column + 1)
            yield rows, columns
        at += length
