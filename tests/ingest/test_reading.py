import pytest

from app.core.errors import UnknownType
from app.ingest.format import formats
from app.ingest.reading import Reader

READER = Reader(formats.discover())
PARTS = b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--x--"


@pytest.mark.parametrize(
    "content_type, name",
    [
        ("application/json", "json"),
        ("Application/JSON ; charset=utf-8", "json"),
        ("application/vnd.acme.lead+json", "json"),
        ("application/x-www-form-urlencoded", "form"),
        ("multipart/form-data; boundary=x", "multipart"),
        ("text/xml", "xml"),
        ("application/soap+xml; charset=utf-8", "xml"),
    ],
)
def test_the_type_and_then_its_suffix_name_the_format(content_type, name):
    assert READER.format_of(content_type).name == name


@pytest.mark.parametrize(
    "content_type", ["", " ", "text/plain", "json", "+json+", "application/json+x", "a" * 10_000]
)
def test_an_unknown_type_is_told_what_is_taken(content_type):
    with pytest.raises(UnknownType) as caught:
        READER.format_of(content_type)
    assert caught.value.status == 415
    taken = caught.value.extra["taken"]
    assert taken == sorted(taken)
    assert {"application/json", "application/x-www-form-urlencoded", "text/xml"} <= set(taken)
    assert not [kind for kind in taken if kind.startswith("+")]


def test_a_missing_type_is_said_so():
    with pytest.raises(UnknownType, match="there is no Content-Type"):
        READER.read(b"{}", "")


def test_a_body_is_read_with_the_format_of_its_type():
    assert READER.read(b"a=1", "application/x-www-form-urlencoded") == [{"a": "1"}]


@pytest.mark.parametrize("content_type", ["application/xml", "text/xml; charset=utf-8"])
@pytest.mark.parametrize(
    "body, name",
    [
        (b"<adf><prospect/></adf>", "adf"),
        (b'<?ADF VERSION "1.0"?><?xml version="1.0"?>\n<!-- lead --><ADF/>', "adf"),
        ("<adf/>".encode("utf-16"), "adf"),
        (b"<rss version='2.0'/>", "feed"),
        (b'\xef\xbb\xbf<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"/>', "feed"),
        (b"<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'/>", "feed"),
        (b"<lead><adf/></lead>", "xml"),
        (b"<adfs/>", "xml"),
        (b"<feed><email>ann@example.com</email></feed>", "xml"),
        (b"<!DOCTYPE adf [<!ENTITY a 'b'>]><adf/>", "xml"),
        (b"", "xml"),
        (b"<?" * 600, "xml"),
    ],
)
def test_xml_of_a_known_kind_is_read_as_that_kind(body, name, content_type):
    assert READER.format_of(content_type, body).name == name


def test_a_type_of_its_own_is_not_guessed():
    assert READER.format_of("application/rss+xml", b"<adf/>").name == "feed"
    assert READER.format_of("application/json", b"<adf/>").name == "json"


@pytest.mark.parametrize("content_type", ["", "text/plain; charset=utf-8", "application/octet-stream"])
@pytest.mark.parametrize(
    "body, name",
    [
        (b'{"email": "ann@example.com"}', "json"),
        (b'[{"email": "ann@example.com"}]', "json"),
        (b'{\n "a": {"b": 1}\n}', "json"),
        (b'{"a": 1}\r\n{"a": 2}\n', "ndjson"),
        (b"<lead><a>1</a></lead>", "xml"),
        (b"<adf/>", "adf"),
        (b"email=ann%40example.com&bill=120", "form"),
    ],
)
def test_an_untyped_body_is_known_by_its_look_only_where_that_is_allowed(body, name, content_type):
    assert READER.format_of(content_type, body, sniff_untyped=True).name == name
    with pytest.raises(UnknownType):
        READER.format_of(content_type, body)


@pytest.mark.parametrize(
    "body, content_type",
    [(b"Hello = world, it is me", "text/plain"), (b"", ""), (b"<html><a/></html>", ""), (b"{}", "image/png")],
)
def test_what_looks_like_nothing_or_says_another_type_stays_unknown(body, content_type):
    with pytest.raises(UnknownType):
        READER.read(body, content_type, sniff_untyped=True)


@pytest.mark.parametrize(
    "said, body, kind",
    [
        ("text/plain", b'{"a": 1}', "application/json"),
        ("", b"a=1&b=2", "application/x-www-form-urlencoded"),
        ("application/x-www-form-urlencoded", b'{"a": 1}', "application/json"),
        (
            "application/x-www-form-urlencoded",
            b"<adf><prospect><id>1</id></prospect></adf>",
            "application/x-adf+xml",
        ),
        ("application/json", b"a=1&b=2", "application/x-www-form-urlencoded"),
        ("application/json; charset=latin-1", b"<lead><a>1</a></lead>", "application/xml; charset=latin-1"),
        ("application/json", b'{"a": 1}\n{"a": 2}\n', "application/x-ndjson"),
        ("application/vnd.ms-excel", b"name;zip\nAnn;78701\n", "text/csv"),
        ("text/plain", b"name\tzip\r\nAnn\t78701\r\n" + b"Bob\t78702\r\n" * 100, "text/csv"),
        ("text/plain", "name,zip\nZoë,1\n".encode("utf-16"), "text/csv"),
        ("text/html", b"Subject: a lead\r\n\r\nName: Ann\r\n", "message/rfc822"),
        ("image/png", PARTS, 'multipart/form-data; boundary="x"'),
        ("multipart/form-data", PARTS, 'multipart/form-data; boundary="x"'),
        ("multipart/form-data; boundary=y", PARTS, 'multipart/form-data; boundary="x"'),
    ],
)
def test_by_its_look_a_body_is_what_its_type_should_have_said(said, body, kind):
    assert READER.by_look(said, body) == kind
    assert READER.read(body, kind)


@pytest.mark.parametrize(
    "said, body",
    [
        ("application/json", b'{"a": 1}'),
        ("application/json", b"null"),
        ("application/json", b""),
        ("application/vnd.acme+json", b'{"a": }'),
        ("application/xml", b"<adf/>"),
        ("text/xml", b"<rss version='2.0'/>"),
        ("application/x-adf+xml", b"<prospect/>"),
        ("application/x-www-form-urlencoded", b"a b=1&c=2"),
        ("text/csv", b"email\nann@example.com\n"),
        ("text/plain", b"Dear sir,\nI want a roof, please.\n"),
        ("text/plain", b"<html><a/></html>"),
        ("text/plain", b"name,zip\n"),
        ("image/png", b"\x89PNG\r\n\x1a\n"),
        ("", b""),
    ],
)
def test_a_type_is_believed_where_the_body_looks_like_it_or_like_nothing(said, body):
    assert READER.by_look(said, body) == said
