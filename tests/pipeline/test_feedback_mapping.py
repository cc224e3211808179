"""A file in a buyer's own shape is read by a mapping, row by row, however long it is."""

from io import BytesIO
from itertools import islice
from typing import Any

import pytest

from app.catalog.hearing import FileMapping
from app.core.errors import Unreadable
from app.followup.item import Item, Wrong
from app.pipeline.feedback_mapping import mapped_file

ROW = {"reference": 'item["Lead ID"]', "code": "item.Result"}


def read(body: str | bytes, name: str, item: Any = ROW, **more: Any) -> list[Any]:
    raw = body.encode() if isinstance(body, str) else body
    mapping = FileMapping.model_validate({"item": item, **more})
    return [(row, _shown(one)) for row, one in mapped_file(BytesIO(raw), name, mapping)]


def _shown(one: Item | Wrong | None) -> Any:
    return (one.reference, one.word) if isinstance(one, Item) else one.code if one is not None else None


def test_columns_are_named_as_the_header_names_them() -> None:
    table = "Lead ID,Result,Agent\nA1,Sale,Zoë\nA2,,\n,Sale,\nA4\n"
    found = [(1, ("A1", "Sale")), (2, "needs_code"), (3, ("", "Sale")), (4, "needs_code")]
    assert read(table, "x.csv") == found
    assert read(table.encode("utf-16"), "x.CSV.gz") == found
    assert read(table.replace(",", "\t"), "x.tsv") == found
    assert read(table.replace(",", ";"), "x.txt") == found


def test_what_tells_of_no_lead_is_passed_over_and_counted() -> None:
    table = "Lead ID,Result,Type\nA1,Sale,in\nA2,Sale,out\nA3,No,in\n"
    assert read(table, "x.csv", when='item.Type == "out"') == [(1, None), (2, ("A2", "Sale")), (3, None)]
    assert read(table, "x.csv", when="item.none == 1") == [(1, None), (2, None), (3, None)]


def test_each_line_is_a_body_of_its_own() -> None:
    lines = '{"list": [{"id": "A1"}, {"id": "A2"}], "what": "won"}\n\n{broken\n7\n{"list": {"id": 12345678901234567890123}, "what": "lost"}\n'
    assert read(lines, "x.ndjson", {"reference": "item.id", "code": "body.what"}, each="list") == [
        (1, ("A1", "won")), (1, ("A2", "won")), (2, "unreadable"), (3, None), (4, ("12345678901234567890123", "lost")),
    ]  # fmt: skip


def test_of_a_whole_document_each_event_is_a_row() -> None:
    words = {"reference": "item.id", "code": "item.what"}
    assert read('{"d": [{"id": "a", "what": "won"}, null, {"id": "b", "what": "lost"}]}', "x.json", words, each="d") == [
        (1, ("a", "won")), (2, None), (3, ("b", "lost")),
    ]  # fmt: skip
    xml = "<r><e><id>a</id><what>won</what></e><e><id>b</id><what>lost</what></e></r>"
    assert read(xml, "x.xml", words, each="e") == [(1, ("a", "won")), (2, ("b", "lost"))]


@pytest.mark.parametrize(
    ("body", "name"),
    [("{", "x.json"), ("<a>", "x.xml"), ("a,b\n\0,1\n", "x.csv"), ("Lead ID\n1,2,3\n", "x.csv"), ("[" * 5_000, "x.json")],
)  # fmt: skip
def test_a_file_that_is_not_what_its_name_says_is_refused(body: str, name: str) -> None:
    with pytest.raises(Unreadable):
        read(body, name)


def test_a_table_is_read_as_it_is_needed() -> None:
    file = BytesIO(b"Lead ID,Result\n" + b"A1,won\n" * 500_000)
    found = mapped_file(file, "x.csv", FileMapping.model_validate({"item": ROW}))
    assert len(list(islice(found, 1_000))) == 1_000
    assert file.tell() < 1_000_000
