import io
import tracemalloc

import pytest

from app.ingest.format import MOST_FIELDS, Unreadable
from app.ingest.layout import SAMPLE
from app.ingest.tabular import LONGEST_ROW, look, rows


class Dribble(io.BytesIO):
    """A stream that gives less than it is asked for, as sockets do."""

    def read(self, size=-1):
        return super().read(min(size, 7))


def read(body: bytes, **more):
    return list(rows(io.BytesIO(body), **more))


def refused(body: bytes, **more) -> tuple[str, str | None]:
    with pytest.raises(Unreadable) as caught:
        read(body, **more)
    return caught.value.reason, caught.value.where


@pytest.mark.parametrize(
    "body, delimiter",
    [
        (b"a,b\n1,2\n", ","),
        (b"a;b\n1,5;2,5\n", ";"),
        (b"a\tb, c\n1\t2\n", "\t"),
        (b"a|b\n1|2\n", "|"),
        (b"name;city, state\nAnn;Austin, TX\nBob;Reno, NV\n", ";"),
        (b'"a;x","b;y"\n"1;2","3;4"\n', ","),
        (b"sep=;\na;b,c\n1;2\n", ";"),
        (b"a,b,c\n", ","),
    ],
)
def test_the_delimiter_is_the_one_that_cuts_the_rows_as_the_header(body, delimiter):
    assert look(body).delimiter == delimiter


@pytest.mark.parametrize(
    "body, name",
    [
        ("name\nZoë\n".encode(), "Zoë"),
        ("name\nZoë\n".encode("utf-8-sig"), "Zoë"),
        ("name\nZoë\n".encode("utf-16"), "Zoë"),
        ("name\nZoë – “x”\n".encode("cp1252"), "Zoë – “x”"),
    ],
)
def test_the_charset_is_the_mark_s_else_utf_8_else_windows_1252(body, name):
    assert read(body) == [(2, {"name": name})]


def test_the_first_letter_beyond_ascii_decides_however_late_it_comes():
    many = b"name\n" + b"Ann\n" * 100_000
    assert read(many + b"Zo\xeb\n")[-1] == (100_002, {"name": "Zoë"})
    assert read(many + "Zoë\n".encode())[-1] == (100_002, {"name": "Zoë"})
    assert refused("name\nZoë\n".encode() + many + b"Zo\xeb\n")[0] == "charset"


def test_a_letter_that_lies_on_the_border_of_two_blocks_is_whole():
    head = b"name\n" + b"x" * (SAMPLE - 6)
    assert read(head + "é\n".encode()) == [(2, {"name": "x" * (SAMPLE - 6) + "é"})]


def test_rows_know_their_lines_and_blank_ones_are_left_out():
    body = b'\r\n name , comment\r\nAnn,"two\r\nlines"\r\n\r\n , \r\nBob,\r\nCid\r\n'
    assert read(body) == [
        (3, {"name": "Ann", "comment": "two\r\nlines"}),
        (7, {"name": "Bob", "comment": ""}),
        (8, {"name": "Cid"}),
    ]


def test_lines_may_end_by_cr_alone():
    body = b"name,city\r" + b"Ann,Austin\r" * 30_000
    assert len(read(body)) == 30_000


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_what_is_read_does_not_depend_on_how_the_stream_is_cut(end):
    body = b"name,comment" + end + b"".join(b'A%d,"x%sy"%s' % (n, end, end) for n in range(20_000))
    assert list(rows(Dribble(body))) == read(body)
    assert read(body)[-1] == (40_000, {"name": "A19999", "comment": f"x{end.decode()}y"})


@pytest.mark.parametrize(
    "header, names",
    [
        (b"phone,phone,phone", {"phone": "1", "phone.0": "1", "phone.1": "2", "phone.2": "3"}),
        (b"phone,phone.1,phone", {"phone": "1", "phone.0": "1", "phone.1": "2", "phone.2": "3"}),
        (b"a,,\xa0", {"a": "1", "column_2": "2", "column_3": "3"}),
        (b'"first\r\nname", b ,c', {"first name": "1", "b": "2", "c": "3"}),
    ],
)
def test_names_are_trimmed_and_every_column_has_its_own(header, names):
    assert read(header + b"\n1,2,3\n", encoding="cp1252")[0][1] == names


def test_blanks_between_delimiter_and_quotation_mark_are_no_part_of_the_cell():
    assert read(b'a, "b"\n1, "x, y"\n') == [(2, {"a": "1", "b": "x, y"})]


@pytest.mark.parametrize(
    "body, code, where",
    [
        (b"", "empty", None),
        (b"\xef\xbb\xbf", "empty", None),
        (b"Ann,ann@example.com\nBob,bob@example.com\n", "header", "line 1"),
        (b"\n+1 512 555 0100,Ann\n", "header", "line 2"),
        (b"2026-01-02,Ann\n", "header", "line 1"),
        (b"1,2,x\n", "header", "line 1"),
        (b",,\n1,2,3\n", "header", "line 1"),
        (b"Leads of May\nname,email\nAnn,ann@example.com\n", "header", "line 1"),
        (b"a,b\n1,2\n1,2,3\n", "columns", "line 3"),
        (b'a,b\n1,"2\n3,4\n', "syntax", "line 2 to 3"),
        (b'a,b\n1,"x"y\n', "syntax", "line 2"),
        (b'"a,b\n', "syntax", "line 1"),
        (b"a,b\n1,\x00\n", "nul", "line 2"),
        (b"a,b\n1,\x81\n", "charset", "byte 7"),
        (b",".join(b"c" for _ in range(MOST_FIELDS + 1)), "fields", None),
        (b"n" * 501 + b",b\n", "name", None),
        (b"n" * 200_000 + b"\n", "header", "line 1"),
        (b"a\n" + b"x" * 200_000 + b"\n", "syntax", "line 2"),
    ],
)
def test_what_is_wrong_has_its_own_code_and_place(body, code, where):
    found = refused(body)
    assert found[0] == code
    assert where is None or found[1] == where


def test_empty_cells_beyond_the_header_are_no_cells():
    assert read(b"a,b\n1,2,,\n") == [(2, {"a": "1", "b": "2"})]


def test_a_row_that_cannot_be_read_is_told_and_the_others_are_read():
    told = []
    body = b'a,b\n1,2\n1,2,3\n4,"x"y\n5,6\n'
    found = read(body, refused=lambda line, cells, why: told.append((line, list(cells), why.reason)))
    assert found == [(2, {"a": "1", "b": "2"}), (5, {"a": "5", "b": "6"})]
    assert told == [(3, ["1", "2", "3"], "columns"), (4, [], "syntax")]


@pytest.mark.parametrize("row", [b"x" * 12_000_000, b'"x\n",' * 2_000_000, b"," * 12_000_000])
def test_a_row_without_end_is_refused_in_bounded_memory(row):
    tracemalloc.start()
    code, _ = refused(b"a,b\n" + row, refused=lambda *_: None)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert code == "syntax"
    assert peak < len(row) + 60 * LONGEST_ROW


def test_memory_does_not_grow_with_the_file():
    class Long(io.RawIOBase):
        left = 100

        def read(self, size=-1):
            self.left -= 1
            return (b"a," + b"b" * 125 + b"\n") * (size // 128) if self.left >= 0 else b""

    tracemalloc.start()
    assert sum(1 for _ in rows(Long())) == 100 * SAMPLE // 128 - 1
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20 * SAMPLE
