"""Unpacks what a buyer has packed: one file, by gzip or in a zip archive, which can't unfold beyond what we read."""

import io
import zlib
from gzip import GzipFile
from typing import IO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

MOST_BYTES = 32_000_000
"""Of a file of a buyer's, packed or not."""
_GZIP = b"\x1f\x8b\x08"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")  # the second: of an archive without files
_ENTRY = b"PK\x01\x02"
_MOST_ENTRIES = 1_000
_ENCRYPTED = 1
_FAULTS = (BadZipFile, EOFError, NotImplementedError, OSError, RuntimeError, ValueError, zlib.error)


class Unpackable(ValueError):
    """`code`: `encrypted`, `packed_twice`, `not_one_file`, `too_large` or `unreadable`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def unpacked(body: bytes, most: int = MOST_BYTES) -> bytes:
    """As it is, where it is not packed; its own bytes tell, whatever its name. Raises Unpackable."""
    if not is_packed(body):
        return body
    try:
        inside = _gunzipped(body, most) if body.startswith(_GZIP) else _unzipped(body, most)
    except Unpackable:
        raise
    except _FAULTS:
        raise Unpackable("unreadable") from None
    if is_packed(inside):
        raise Unpackable("packed_twice")
    return inside


def is_packed(body: bytes) -> bool:
    return body.startswith((_GZIP, *_ZIP))


def _gunzipped(body: bytes, most: int) -> bytes:
    with GzipFile(fileobj=io.BytesIO(body)) as stream:
        return _bounded(stream, most)


def _unzipped(body: bytes, most: int) -> bytes:
    if body.count(_ENTRY) > _MOST_ENTRIES:  # before they are all made objects of
        raise Unpackable("not_one_file")
    with ZipFile(io.BytesIO(body)) as archive:
        files = [one for one in archive.infolist() if not _aside(one)]
        if len(files) != 1:
            raise Unpackable("not_one_file")
        (file,) = files
        if file.flag_bits & _ENCRYPTED:
            raise Unpackable("encrypted")
        if file.compress_type not in (ZIP_STORED, ZIP_DEFLATED):  # others can't be unfolded bit by bit
            raise Unpackable("unreadable")
        with archive.open(file) as stream:
            return _bounded(stream, most)


def _aside(file: ZipInfo) -> bool:
    """Folders, and what a Mac or a desktop adds of its own."""
    folder, _, name = file.filename.rpartition("/")
    return (folder != "" and not name) or f"{folder}/".startswith("__MACOSX/") or name.startswith(".")


def _bounded(stream: IO[bytes] | GzipFile, most: int) -> bytes:
    """To its end, where the checksum stands; what is said of its size is not believed."""
    inside = stream.read(most + 1)
    if len(inside) > most:
        raise Unpackable("too_large")
    return inside
