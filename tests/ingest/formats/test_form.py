import pytest

from app.ingest.format import MOST_DEPTH, MOST_FIELDS, Unreadable
from app.ingest.formats.form import Form

FORM = "application/x-www-form-urlencoded"


def read(body: bytes, content_type: str = FORM):
    [record] = Form().read(body, content_type)
    return record


def refused(body: bytes, content_type: str = FORM) -> tuple[str, str | None]:
    with pytest.raises(Unreadable) as caught:
        read(body, content_type)
    return caught.value.reason, caught.value.where


@pytest.mark.parametrize(
    "body, record",
    [
        (b"a=1&b=two+words&c=%C3%A9", {"a": "1", "b": "two words", "c": "é"}),
        (b"a=&b", {"a": "", "b": ""}),
        (b"a=1=2&&=3&", {"a": "1=2"}),
        (b"a=100%&b=%zz", {"a": "100%", "b": "%zz"}),
        (b"a=1\r\n", {"a": "1"}),
        (b"a=1;b=2", {"a": "1;b=2"}),
        (b"phone=1&phone=2", {"phone": "1", "phone.0": "1", "phone.1": "2"}),
        (b"tags[]=x", {"tags": "x", "tags.0": "x"}),
        (b"tags[]=x&tags%5B%5D=y", {"tags": "x", "tags.0": "x", "tags.1": "y"}),
        (b"a[b]=1&a[c][d]=2&p[0][n]=3", {"a.b": "1", "a.c.d": "2", "p.0.n": "3"}),
        (b"a[b][]=1&a[b][]=2", {"a.b": "1", "a.b.0": "1", "a.b.1": "2"}),
        (b"a.b=1", {"a.b": "1"}),
        (b"a]b[=1", {"a]b[": "1"}),
    ],
)
def test_pairs_are_read_as_senders_write_them(body, record):
    assert read(body) == record


def test_the_header_s_charset_is_used_for_bytes_and_escapes():
    assert read(b"a=Zo%EB&b=Zo\xeb", f"{FORM}; charset=ISO-8859-1") == {"a": "Zoë", "b": "Zoë"}
    assert read("a=Zoë".encode("utf-16"), FORM) == {"a": "Zoë"}
    assert read(b"\xef\xbb\xbfa=1", FORM) == {"a": "1"}


@pytest.mark.parametrize(
    "body, code, where",
    [
        (b"", "empty", None),
        (b"\r\n", "empty", None),
        (b"&&", "empty", None),
        (b"=x", "empty", None),
        (b"a=1&b=%ff", "charset", "byte 7"),
        (b"a=1&b=x\xff", "charset", "byte 8"),
        (b"a=%ED%A0%80", "charset", "byte 3"),
        (b"a=x%00y", "nul", "a"),
        (b"a=x\x00y", "nul", "a"),
        (b'{"a": 1}', "syntax", "byte 1"),
        (b"<lead/>", "syntax", "byte 1"),
        (b"a" + b"[b]" * MOST_DEPTH + b"=1", "depth", None),
        (b"a[" + b"b" * 600 + b"]=1", "name", None),
    ],
)
def test_what_is_wrong_has_its_own_code_and_place(body, code, where):
    found = refused(body)
    assert found[0] == code
    assert where is None or found[1] == where


def test_fields_are_bounded_before_they_are_read():
    assert len(read(b"&".join(b"f%d=1" % i for i in range(MOST_FIELDS)))) == MOST_FIELDS
    assert refused(b"&" * 1_000_000)[0] == "fields"


@pytest.mark.parametrize("before", range(4))
def test_long_escapes_are_decoded_by_the_piece_and_none_is_cut(before):
    text = "x" * before + "é%" * 40_000
    assert read(b"a=" + text.replace("%", "%25").replace("é", "%C3%A9").encode())["a"] == text
    assert refused(b"a=" + b"%41" * 700_000 * 3) == ("fields", None)
