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
    assert caught.value.extra["taken"] == [
        "application/json",
        "application/x-www-form-urlencoded",
        "application/xml",
        "multipart/form-data",
        "text/json",
        "text/xml",
    ]


def test_a_missing_type_is_said_so():
    with pytest.raises(UnknownType, match="there is no Content-Type"):
        READER.read(b"{}", "")


def test_a_body_is_read_with_the_format_of_its_type():
    assert READER.read(b"a=1", "application/x-www-form-urlencoded") == [{"a": "1"}]
