from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest

from app.core.errors import Forged, Unreadable
from app.ingest.platform import Taken
from app.ingest.platforms.wufoo import Wufoo
from tests.ingest.platforms.golden import asked, cases, holds, land, told

KEY = "handshake"


def take(body: bytes, key: str = KEY) -> Taken:
    return Wufoo().take(asked(body), told("wufoo", handshake_key=key), 0.0)


def read(fields: list[Any], **values: str) -> dict[str, Any]:
    structure = msgspec.json.encode({"Fields": fields}).decode()
    [record] = Wufoo().read(urlencode({**values, "FieldStructure": structure}).encode(), "")
    return record


@pytest.mark.parametrize("name", cases("wufoo"))
def test_what_wufoo_sends_is_read(name: str) -> None:
    holds("wufoo", name)


@pytest.mark.parametrize(
    "body", [b"Field1=x", b"Field1=x&HandshakeKey=", b"Field1=x&HandshakeKey=Handshake", b"Field1=x&handshakekey=handshake"]
)  # fmt: skip
def test_a_post_without_the_handshake_key_is_forged(body: bytes) -> None:
    with pytest.raises(Forged):
        take(body)


@pytest.mark.parametrize(
    "body",
    [
        b"HandshakeKey=handshake&Field1=x",
        b"Field1=x&HandshakeKey=handshake",
        b"Field1=x&Handshake%4Bey=hand%73hake",
        b"HandshakeKey=handshake&Field1=x&HandshakeKey=handshake",
    ],
)
def test_the_handshake_key_is_not_kept_however_it_is_written(body: bytes) -> None:
    assert take(body).keep == b"Field1=x"


def test_an_entry_is_known_by_its_form_and_number_or_else_by_its_bytes() -> None:
    assert take(b"Field1=x&EntryId=7&HandshakeKey=handshake").identity == ":7"
    assert take(b"Field1=x&HandshakeKey=handshake").identity.startswith("0:")


def test_a_title_never_hides_a_field_that_came() -> None:
    assert read([{"Title": "Field2", "ID": "Field1"}], Field1="a", Field2="b") == {
        "Field1": "a",
        "Field2": "b",
    }


def test_two_fields_of_one_title_are_both_kept() -> None:
    fields = [{"Title": "Name", "ID": "Field1"}, {"Title": "Name", "ID": "Field2"}]
    assert read(fields, Field1="a", Field2="b") == {
        "Field1": "a", "Field2": "b", "Name": "a", "Name.0": "a", "Name.1": "b",
    }  # fmt: skip


@pytest.mark.parametrize(
    "fields", [[], [1], [{"Title": 1, "ID": "Field1"}], [{"Title": "x", "ID": ["Field1"]}], [{"Title": "T" * 600, "ID": "Field1"}]]
)  # fmt: skip
def test_a_structure_of_another_shape_gives_no_title(fields: list[Any]) -> None:
    assert read(fields, Field1="a") == {"Field1": "a"}


def test_a_broken_structure_is_told_by_its_name() -> None:
    with pytest.raises(Unreadable) as caught:
        land("wufoo", asked(b"Field1=x&FieldStructure=%7B&HandshakeKey=handshake"), handshake_key=KEY)
    assert (caught.value.reason, caught.value.where) == ("syntax", "FieldStructure")
