"""What a buyer has packed: unpacked where it is one file of bearable size, else a code that says why not."""

import gzip
import io
import warnings
from itertools import count
from typing import Any
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZIP_STORED, ZipFile

import pytest

from app.distribute.packed import Unpackable, unpacked

TABLE = b"Id;Status\n1;OK\n2;NO\n"


def zipped(*files: tuple[str, bytes], by: int = ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with warnings.catch_warnings(), ZipFile(packed, "w", by) as archive:
        warnings.simplefilter("ignore")  # of a name that comes twice
        for name, body in files:
            archive.writestr(name, body)
    return packed.getvalue()


def encrypted() -> bytes:
    """As a password leaves it: the mark of it stands in both heads of the file."""
    packed = bytearray(zipped(("a.csv", TABLE), by=ZIP_STORED))
    packed[6] |= 1
    packed[packed.index(b"PK\x01\x02") + 8] |= 1
    return bytes(packed)


def shrunk(packed: bytes) -> bytes:
    """It says of itself that it unfolds to ten bytes."""
    at = packed.index(b"PK\x01\x02") + 24
    return packed[:at] + (10).to_bytes(4, "little") + packed[at + 4 :]


GZIPPED, ZIPPED = gzip.compress(TABLE), zipped(("a.csv", TABLE))


def why(body: bytes, **more: Any) -> str:
    with pytest.raises(Unpackable) as raised:
        unpacked(body, **more)
    return raised.value.code


@pytest.mark.parametrize(
    "body",
    [
        TABLE,
        GZIPPED,
        gzip.compress(TABLE[:9]) + gzip.compress(TABLE[9:]),
        ZIPPED,
        zipped(("out/", b""), ("out/a.ack", TABLE), by=ZIP_STORED),
        zipped(("a.csv", TABLE), ("__MACOSX/._a.csv", b"x"), (".DS_Store", b"x")),
    ],
    ids=["plain", "gzip", "gzip in parts", "zip", "in a folder", "from a Mac"],
)
def test_one_file_is_what_it_was_before_it_was_packed(body: bytes) -> None:
    assert unpacked(body) == TABLE


@pytest.mark.parametrize("body", [b"", b"\x1f", b"PK", b"PKW;Status\n1;OK\n"], ids=repr)
def test_what_only_begins_like_a_packed_file_is_left_as_it_is(body: bytes) -> None:
    assert unpacked(body) == body


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (zipped(), "not_one_file"),
        (zipped(("out/", b"")), "not_one_file"),
        (zipped(("a.csv", TABLE), ("b.csv", TABLE)), "not_one_file"),
        (zipped(("a.csv", TABLE), ("a.csv", TABLE)), "not_one_file"),
        (zipped(*((f"{n}/", b"") for n in range(1_000)), ("a.csv", TABLE)), "not_one_file"),
        (encrypted(), "encrypted"),
        (gzip.compress(GZIPPED), "packed_twice"),
        (zipped(("a.zip", ZIPPED)), "packed_twice"),
        (zipped(("a.csv.gz", GZIPPED)), "packed_twice"),
        (zipped(("a.csv", TABLE), by=ZIP_BZIP2), "unreadable"),
        (GZIPPED[:-3], "unreadable"),
        (GZIPPED[:-8] + bytes(8), "unreadable"),
        (GZIPPED + b"and more", "unreadable"),
        (ZIPPED[:-9], "unreadable"),
        (zipped(("a.csv", TABLE), by=ZIP_STORED).replace(b"1;OK", b"1;NO"), "unreadable"),
        (shrunk(ZIPPED), "unreadable"),
    ],
    ids=count(1),
)  # fmt: skip
def test_what_is_not_one_whole_file_says_why(body: bytes, code: str) -> None:
    assert why(body) == code


def test_what_unfolds_beyond_what_is_read_stops_there() -> None:
    bomb = bytes(50_000_000)
    assert why(gzip.compress(bomb, 1)) == "too_large"
    assert why(zipped(("a.csv", bomb))) == "too_large"


@pytest.mark.parametrize("pack", [gzip.compress, lambda body: zipped(("a.csv", body))], ids=["gzip", "zip"])
def test_of_exactly_as_much_as_is_read_nothing_is_missing(pack: Any) -> None:
    assert unpacked(pack(TABLE), most=len(TABLE)) == TABLE
    assert why(pack(TABLE), most=len(TABLE) - 1) == "too_large"


@pytest.mark.parametrize("body", [GZIPPED, ZIPPED], ids=["gzip", "zip"])
def test_whatever_byte_is_broken_it_is_this_file_or_a_code(body: bytes) -> None:
    for at in range(len(body)):
        for put in (0, body[at] ^ 1, 255):
            try:
                assert unpacked(broken := body[:at] + bytes([put]) + body[at + 1 :]) in (TABLE, broken)
            except Unpackable:
                continue
