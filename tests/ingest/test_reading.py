import pytest

from app.core.errors import UnknownType
from app.ingest.format import formats
from app.ingest.reading import Reader

READER = Reader(formats.discover())


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
