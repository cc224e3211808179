import gzip
from pathlib import Path

import pytest

from app.catalog.documents import ListDoc
from app.components import discover
from app.core.errors import Refused
from app.ingest.entry import Entries
from app.ingest.entry_file import EntryFile, columns_of
from app.ingest.fieldtype import fieldtypes

discover()
WORDS = ("phone", "telephone", "mobile")
READ = Entries(ListDoc(id="dnc", of="phone"), fieldtypes).keys


def entries(path: Path, data: bytes, said: str | None = None) -> list[str]:
    """The cells that hold the entries, header left out."""
    path.write_bytes(data)
    source = EntryFile(path)
    columns = columns_of(source.sample(), READ, said, WORDS)
    lines = [line for block, _ in source.blocks() for line in block if line.strip()]
    return [columns.of(line).strip() for line in lines[columns.header :]]


ONE = ["2125551212"]
FILES = {
    "no header": (b"2125551212\n", ONE),
    "no end of the last line": (b"2125551212", ONE),
    "a header": (b"phone\n2125551212\n", ONE),
    "a header that says nothing": (b"x\n2125551212\n", ONE),
    "a mark and CRLF": (b"\xef\xbb\xbfphone\r\n2125551212\r\n", ONE),
    "CR alone": (b"phone\r2125551212\r", ONE),
    "UTF-16": ("phone\n2125551212\n".encode("utf-16"), ONE),
    "quoted": (b'"phone","name"\n"2125551212","Smith, Ann"\n', ONE),
    "semicolons": (b"name;phone\nAnn;2125551212\n", ONE),
    "tabs, no header": (b"Ann\t2125551212\t1970\nBob\t2125551213\t1980\n", ["2125551212", "2125551213"]),
    "a word in the name of the column": (b"customer phone number,since\n2125551212,2001\n", ONE),
    "the named one of two that would fit": (b"fax,Mobile\n2125551213,2125551212\n", ONE),
    "area code and number apart": (b"212,5551212\n202,5551213\n", ["2125551212", "2025551213"]),
    "area code and number apart, under a header": (b"area,number\n212,5551212\n", ONE),
    "a first line that is no entry and no name": (b"n/a 12\n2125551212\n", ["n/a 12", "2125551212"]),
    "gzip": (gzip.compress(b"phone\n2125551212\n"), ONE),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_read_as_it_is_written(tmp_path: Path, name: str) -> None:
    data, expected = FILES[name]
    assert entries(tmp_path / "f", data) == expected


@pytest.mark.parametrize("said", ["fax", "FAX", "2"])
def test_the_column_that_was_said_is_taken(tmp_path: Path, said: str) -> None:
    assert entries(tmp_path / "f", b"phone,fax\n2125551212,2125551213\n", said) == ["2125551213"]


def test_several_columns_are_one_entry_where_it_is_said(tmp_path: Path) -> None:
    assert entries(tmp_path / "f", b"since,a,b\n2001,212,5551212\n", "a+b") == ["2125551212"]


@pytest.mark.parametrize(
    ("data", "said", "why"),
    [
        (b"", None, "the file is empty"),
        (b" \n\n", None, "the file is empty"),
        (b"a,b\n2125551212,2125551213\n", None, r"Say --column NAME or its number \(a, b\)"),
        (b"a,b\n2125551212,x\n", "c", "no column 'c'; it has a, b"),
        (b"2125551212,x\n", "3", "no column '3'; it has 2, and no header"),
    ],
)
def test_what_can_not_be_known_is_asked_for(tmp_path: Path, data: bytes, said: str | None, why: str) -> None:
    with pytest.raises(Refused, match=why):
        entries(tmp_path / "f", data, said)


def test_a_quotation_mark_that_is_not_closed_takes_no_other_entry_with_it(tmp_path: Path) -> None:
    data = b'phone,name\n2125551212,"Ann\n2125551213,Bob\n'
    assert entries(tmp_path / "f", data) == ["2125551212", "2125551213"]


def test_a_cut_off_gzip_is_told_as_that(tmp_path: Path) -> None:
    packed = gzip.compress(b"".join(b"212%07d\n" % n for n in range(2_000_000, 2_500_000)))
    with pytest.raises(Refused, match="cut off"):
        entries(tmp_path / "f", packed[: len(packed) // 2])


def test_a_file_that_is_one_endless_line_is_refused_and_not_held(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="a line is longer than"):
        entries(tmp_path / "f", b"2" * 5_000_000)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_no_line_is_lost_where_blocks_meet(tmp_path: Path, end: str) -> None:
    numbers = [f"212{2_000_000 + n}" for n in range(300_000)]
    assert entries(tmp_path / "f", end.join(numbers).encode()) == numbers
