import pytest

from app.ingest.format import MOST_FIELDS, Unreadable
from app.ingest.formats.multipart import Multipart

HEADER = "multipart/form-data; boundary=xYz"


def part(name: str, value: bytes, more: str = "") -> bytes:
    return f'--xYz\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + value + b"\r\n"


END = b"--xYz--\r\n"


def read(body: bytes, content_type: str = HEADER):
    [record] = Multipart().read(body, content_type)
    return record


def refused(body: bytes, content_type: str = HEADER) -> tuple[str, str | None]:
    with pytest.raises(Unreadable) as caught:
        read(body, content_type)
    return caught.value.reason, caught.value.where


def test_parts_are_fields_and_a_repeated_name_is_a_list():
    body = (
        part("email", b"ann@example.com") + part("phone", b"1") + part("phone", b"2") + part("n", b"") + END
    )
    assert read(body) == {"email": "ann@example.com", "phone": "1", "phone.0": "1", "phone.1": "2", "n": ""}


def test_a_value_keeps_its_line_breaks_and_its_letters():
    assert read(part("note", "Zoë\r\nsecond\r\n--x".encode()) + END) == {"note": "Zoë\r\nsecond\r\n--x"}
    assert read(part("n", b"Zo\xeb") + END, HEADER + "; charset=latin-1") == {"n": "Zoë"}


def test_of_a_file_only_its_name_and_size_are_kept():
    body = part("bill", b"\x00\xff\x00binary", '; filename="May.pdf"') + END
    assert read(body) == {"bill.name": "May.pdf", "bill.size": 9}


def test_a_quoted_boundary_is_read():
    assert read(part("a", b"1") + END, 'Multipart/Form-Data; charset=utf-8; Boundary="xYz"') == {"a": "1"}


@pytest.mark.parametrize(
    "header", ["multipart/form-data", "multipart/form-data; boundary=", 'multipart/form-data; boundary=""']
)
def test_a_missing_boundary_is_said_so(header):
    assert refused(part("a", b"1") + END, header) == ("boundary", "boundary")


@pytest.mark.parametrize(
    "body, code",
    [
        (b"", "empty"),
        (END, "empty"),
        (b"--other\r\n", "syntax"),
        (part("a", b"1"), "truncated"),
        (part("a", b"1")[:-4], "truncated"),
        (b"--xYz\r\nContent-Type: text/plain\r\n\r\n1\r\n" + END, "syntax"),
        (b"--xYz\r\n" + b"A: b\r\n" * 9 + b"\r\n1\r\n" + END, "syntax"),
        (part("a", b"x\x00y") + END, "nul"),
        (part("a", b"\xff") + END, "charset"),
        (b"".join(part("a", b"1") for _ in range(MOST_FIELDS + 1)) + END, "fields"),
    ],
)
def test_what_is_wrong_has_its_own_code(body, code):
    assert refused(body)[0] == code


def test_a_wrong_byte_is_shown_where_it_stands_in_the_body():
    body = part("a", b"1") + part("b", b"ab\xff") + END
    assert refused(body) == ("charset", f"byte {body.index(0xFF) + 1}")


def test_the_parser_s_log_does_not_show_what_came(caplog):
    refused(b"--xYz\r\nann@example.com\r\n")
    assert not caplog.records
