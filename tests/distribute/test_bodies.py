import json
from datetime import UTC, datetime
from urllib.parse import parse_qsl

import pytest

from app.core.expressions import ExpressionError
from app.distribute.bodies import Filling, clashing, from_fields, from_template, nest
from app.distribute.templates import TemplateFailed
from tests.distribute.drive import ANN, ann


def written(fields, handover=ANN, *, constants=None, tests=None, kind="json", envelope="lead"):
    filled = None if fields is None else {name: Filling(text) for name, text in fields.items()}
    write = from_fields(filled, constants or {}, tests or {}, kind=kind, envelope=envelope)
    return write(handover).decode()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("first_name", "Ann"),
        ("lead.first_name", "Ann"),
        ("postal_code", None),
        ("notes", None),
        ("bill", 120),
        ("owner", True),
        ("lead_id", "019a9f3e-7b90-7d0a-b2f6-5c1e41f6b2d0"),
        ("delivery_id", "019a9f3e-7c41-7d0a-b2f6-5c1e8a40d9b3"),
        ("contract", "sunco-west"),
        ("campaign", "solar"),
        ("source", "acme"),
        ("price", "42.00"),
        ("test", False),
        ("attempt", 1),
        ("sent_at", "2026-11-20T14:32:05+00:00"),
        ("lead.bill * 12", 1440),
        ('lead.state in ["TX", "CA"] ? "south" : "north"', "south"),
        ('delivery.source + "-" + delivery.campaign', "acme-solar"),
        ("lead.missing + 1", None),
        ("{{ lead.first_name }} {{ lead.last_name }}", "Ann O'Hara"),
        ("{{ lead.missing }}", None),
        ('"always"', "always"),
        ({"value": "always"}, "always"),
        (7, 7),
        (False, False),
    ],
)
def test_a_field_is_filled(text, value):
    assert Filling(text).fill(ANN) == value


@pytest.mark.parametrize(
    "text", ["lead.", "{{ lead", {"other": 1}, {"value": None}, {"value": []}, None, [], ""]
)
def test_what_can_not_fill_a_field_is_refused_when_saved(text):
    with pytest.raises(ValueError):
        Filling(text)


def test_an_error_in_cel_says_where():
    with pytest.raises(ExpressionError) as refused:
        Filling("lead.bill * ")
    assert refused.value.column == 13


def test_without_fields_all_that_is_known_goes_out():
    assert written(None) == (
        '{"first_name":"Ann","last_name":"O\'Hara","email":"ann@example.com","phone":"+15125550123",'
        '"state":"TX","bill":120,"owner":true,"lead_id":"019a9f3e-7b90-7d0a-b2f6-5c1e41f6b2d0"}'
    )


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("json", '{"fname":"Ann","own":true,"key":"k&1"}'),
        ("form", "fname=Ann&own=true&key=k%261"),
        (
            "xml",
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            "<lead><fname>Ann</fname><own>true</own><key>k&amp;1</key></lead>",
        ),
    ],
)
def test_each_way_of_writing(kind, body):
    fields = {"fname": "first_name", "zip": "postal_code", "own": "owner"}
    assert written(fields, constants={"key": "k&1"}, kind=kind) == body


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("json", '{"contact":{"name":"Ann","at":{"state":"TX"}},"bill":120}'),
        ("form", "contact.name=Ann&contact.at.state=TX&bill=120"),
        (
            "xml",
            '<?xml version="1.0" encoding="UTF-8"?>\n<leads><lead>'
            "<contact><name>Ann</name><at><state>TX</state></at></contact><bill>120</bill></lead></leads>",
        ),
    ],
)
def test_dotted_names_nest(kind, body):
    fields = {"contact.name": "first_name", "contact.at.state": "state", "bill": "bill"}
    assert written(fields, kind=kind, envelope="leads.lead") == body


def test_only_test_deliveries_carry_the_test_fields():
    assert written({"s": "state"}, tests={"lp_test": "1"}) == '{"s":"TX"}'
    assert written({"s": "state"}, ann(test=True), tests={"lp_test": "1"}) == '{"s":"TX","lp_test":"1"}'


def test_a_name_that_is_a_folder_too_clashes():
    assert clashing(["a", "a.b"]) == "a"
    assert clashing(["a.b", "a.c", "ab"]) is None
    assert nest({"a.b": 1, "a.c": 2, "ab": 3}) == {"a": {"b": 1, "c": 2}, "ab": 3}


def test_a_template_writes_the_whole_body():
    write = from_template('{"who": "{{ lead.first_name }}", "raw": "{{ raw.fname }}"}', "json")
    assert write(ann(raw={"fname": "ANN"})) == b'{"who": "Ann", "raw": "ANN"}'


@pytest.mark.parametrize(
    ("kind", "text"), [("json", '{"a": {{ lead.first_name }}}'), ("xml", "<a>{{ lead.bill }}")]
)
def test_a_body_that_is_not_what_it_says_is_not_sent(kind, text):
    with pytest.raises(TemplateFailed, match=f"no_{kind}"):
        from_template(text, kind)(ANN)


def test_time_is_written_with_its_zone():
    assert Filling("sent_at").fill(ann(at=datetime(2026, 1, 2, tzinfo=UTC))) == "2026-01-02T00:00:00+00:00"


def unnamed(_delivery):
    """As a service that nobody has told how the world reaches it gives a link."""
    return ""


@pytest.mark.parametrize("text", ["confirm_url", '"Have it? " + delivery.confirm_url', "{{ confirm_url }}"])
def test_a_body_with_a_link_to_nowhere_is_not_written(text) -> None:
    with pytest.raises(TemplateFailed, match="LEADGATE_PUBLIC_URL is not set"):
        written({"url": text}, ann(link=unnamed))
    assert written({"url": "confirm_url"}, ann(link=lambda id_: f"https://us.example/c/{id_}")) == (
        f'{{"url":"https://us.example/c/{ANN.delivery_id}"}}'
    )


@pytest.mark.parametrize(
    "text",
    [
        "first_name",
        "lead.bill * 12",
        "{{ lead.city }}{% if confirm_url %}Have it? {{ confirm_url }}{% endif %}",
    ],
)
def test_what_asks_for_no_link_is_written_without_one(text) -> None:
    assert written({"a": text}, ann(link=unnamed)) == written({"a": text}, ANN)


@pytest.mark.parametrize(
    "used", ["{{ confirm_url | upper }}", "{{ confirm_url | tojson }}", "{{ 'at ' ~ confirm_url }}"]
)
def test_no_filter_makes_a_link_of_nothing(used) -> None:
    with pytest.raises(TemplateFailed):
        from_template(f'{{"a": "{used}"}}', "json")(ann(link=unnamed))


def test_json_may_stand_in_one_field_of_a_form():
    said = """{"name": {{ lead.first_name | tojson }}, "last": {{ lead.last_name | tojson }}}"""
    body = written({"payload": said, "v": {"value": "2"}}, kind="form")
    fields = dict(parse_qsl(body, strict_parsing=True))
    assert json.loads(fields["payload"]) == {"name": "Ann", "last": "O'Hara"}
    assert fields["v"] == "2"
