import time

import pytest

from app.core.expressions import Expression, ExpressionError
from app.distribute.readings import Reading, Rule
from app.distribute.replies import Opened
from tests.distribute.drive import reply

JSON = reply(
    200, '{"ok": true, "n": 12.5, "result": {"leads": [{"id": "SC-1"}, {"id": 7}]}, "null": null}', x_ref="R9"
)
XML = reply(200, '<response v="2"><id>77</id><errors><error>No Match</error></errors></response>')
PAGE = reply(
    200,
    b"<html><body><div id=result><b>Lead</b> <i class='a id'>77</i><br>"
    b'<INPUT readonly name="F9errCode" value="0"></div><p>caf\xe9',
    content_type="text/html; charset=iso-8859-1",
)
TEXT = reply(200, "SUCCESS ID=8842 price=$12.50\nthanks")


def of(text, buyers_reply):
    reading = Reading(text)
    return reading.of(Opened(buyers_reply, reading.needs))


@pytest.mark.parametrize(
    ("text", "from_reply", "found"),
    [
        ("reply.json.result.leads[0].id", JSON, "SC-1"),
        ('reply.headers["x-ref"]', JSON, "R9"),
        ('reply.json.ok ? "yes" : "no"', JSON, "yes"),
        ('reply["json"].n', JSON, "12.5"),
        ("string(reply.status)", JSON, "200"),
        ("$.result.leads.0.id", JSON, "SC-1"),
        ("$.result.leads[1].id", JSON, "7"),
        ("result.leads.0.id", JSON, "SC-1"),
        ("n", JSON, "12.5"),
        ("response.id", XML, "77"),
        ("response.@v", XML, "2"),
        ("response.errors.error", XML, "No Match"),
        ("reply.xml.response.id", XML, "77"),
        ("//id", XML, "77"),
        ("/response/errors/error", XML, "No Match"),
        ("/response/@v", XML, "2"),
        ("//errors", XML, "No Match"),
        ("/response/id/text()", XML, "77"),
        ("css:#result .id", PAGE, "77"),
        ("css:div > b", PAGE, "Lead"),
        ("css:input[name=F9errCode]@value", PAGE, "0"),
        ("css:INPUT@Name", PAGE, "F9errCode"),
        ("css:p", PAGE, "café"),
        ("css:i.id:not(.b), b", PAGE, "Lead"),
        ("css:errors > error", XML, "No Match"),
        (r"regex:ID=(\d+)", TEXT, "8842"),
        (r"regex:\$[0-9]+\.[0-9]{2}", TEXT, "$12.50"),
        (r"regex:price=\$(.+?)\n", TEXT, "12.50"),
        (r"regex:(SUCCESS|OK)", TEXT, "SUCCESS"),
    ],
)
def test_a_reading_finds_its_text(text, from_reply, found):
    assert of(text, from_reply) == found


@pytest.mark.parametrize(
    ("text", "from_reply"),
    [
        ("reply.json.none", JSON),
        ("reply.json.result", JSON),
        ("reply.json.ok", JSON),
        ("null", JSON),
        ("$.result.leads.9.id", JSON),
        ("css:.none", PAGE),
        ("css:input@none", PAGE),
        ("css:b", reply(200, b"")),
        ("css:b", reply(200, b"\x00\xff")),
        ("css:b", JSON),
        ("$.result.leads.x", JSON),
        ("$.n.x", JSON),
        ("$.response.id", XML),
        ("//id", JSON),
        ("//nothing", XML),
        ("reply.json.x", XML),
        ("reply.xml.x", TEXT),
        ("id", TEXT),
        (r"regex:ID=(x)", TEXT),
    ],
)
def test_where_nothing_stands_there_is_none(text, from_reply):
    assert of(text, from_reply) is None


def test_a_text_is_cut():
    assert of("reply.text", reply(200, "x" * 500)) == "x" * 200


@pytest.mark.parametrize(
    "text",
    [
        "reply.json.(",
        "",
        "//[",
        "regex:(",
        "regex:(?=a)",
        r"regex:(a)\1",
        "$..x",
        "css:",
        "css:[",
        "css:a:nope",
        "css:a@",
    ],
)
def test_what_is_no_reading_is_refused_when_saved(text):
    with pytest.raises(ValueError):
        Reading(text)


def test_an_error_in_cel_says_where():
    with pytest.raises(ExpressionError) as refused:
        Reading("reply.json.id +")
    assert refused.value.column == 16


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+b", "(a|a)*b", "(a?)*b", "(?:ab)+c", "(a*){9}b", ".*a.*b.*c", "a?a?a?a?a", "(a|b){2,}c"],
)
def test_a_regex_that_could_run_for_hours_is_refused(pattern):
    with pytest.raises(ValueError, match="too long"):
        Reading(f"regex:{pattern}")


def test_the_slowest_regex_that_is_allowed_ends_soon():
    began = time.process_time()
    assert of("regex:a?a?a*a*b|zq$", reply(200, "a" * 498 + "zq")) == "zq"
    assert time.process_time() - began < 1


def test_a_regex_sees_the_beginning_only():
    assert of(r"regex:ID=(\d+)", reply(200, "x" * 500 + "ID=7")) is None


@pytest.mark.parametrize(
    ("text", "needs"),
    [
        ("reply.status == 200", ("status",)),
        ('reply.json.a == "reply.text"', ("json",)),
        ("reply.json.reply == 1", ("status", "headers", "text", "json", "xml")),
        ('reply["json"].a == 1', ("status", "headers", "text", "json", "xml")),
        ("reply.text.matches('x') && reply.status < 300", ("status", "text")),
    ],
)
def test_only_the_parts_that_a_rule_looks_at_are_read(text, needs):
    assert Rule(Expression(text)).needs == needs


@pytest.mark.parametrize("text", ["css:div div div p.none", "//div//div//div//p[@c]"])
@pytest.mark.parametrize(
    "body", [b"<r>" + b"<div>" * 200 + b"</div>" * 200 + b"</r>", b"<r>" + b"<div/>" * 40_000 + b"</r>"]
)
def test_a_page_that_could_be_searched_for_minutes_is_not(text, body):
    began = time.process_time()  # our own, however busy the machine is
    assert of(text, reply(200, body)) is None
    assert time.process_time() - began < 1.0


def test_a_long_reply_is_still_searched():
    rows = "".join(f"<row><id>{n}</id></row>" for n in range(900))
    assert of("//row[last()]/id", reply(200, f"<rows>{rows}</rows>")) == "899"
    assert of("css:row:last-child > id", reply(200, f"<rows>{rows}</rows>")) == "899"
