"""Answers are well-formed whatever stands in them, and of the kind that was asked for."""

import pytest

from app.ingest.wording import JSON, XML, as_json, as_xml, chosen


def test_xml_repeats_lists_empties_nothing_and_escapes_the_rest() -> None:
    tree = {"a": "<&>\x00\x0b\ud800", "none": None, "yes": True, "inner": {"each": ["1", 2]}, "no": []}
    said = as_xml("r", tree, 201, {"X": "y"})
    assert (
        said.body
        == b"<r><a>&lt;&amp;&gt;</a><none/><yes>true</yes><inner><each>1</each><each>2</each></inner></r>"
    )
    assert (said.status, said.content_type, said.headers) == (201, "application/xml", {"X": "y"})


def test_json_is_what_it_is() -> None:
    assert as_json({"a": None}).body == b'{"a":null}'


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("application/xml", XML),
        ("application/json;q=0.5, application/xml", XML),
        ("application/xml;q=0.5, */*;q=0.8", JSON),
        ("application/*", JSON),
        ("text/html", None),
        ("application/json;q=0", None),
        ("application/json;q=nan", None),
        ("application/xml;q=much", None),
        (",;,", None),
    ],
)
def test_the_kind_follows_the_weights(accept: str, kind: str | None) -> None:
    assert chosen(accept, (JSON, XML)) == kind
