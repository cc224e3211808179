"""What the HTTP enricher asks and what it makes of replies, without a network."""

from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from app.enrich.enrichers.http import Http, HttpSettings
from app.model import Lead, Value
from app.validate.remote import Remote, Request, Response, Unanswered
from tests.validate.checks.conftest import AT
from tests.validate.dialogue import held

HTTP = Http()
POST = {
    "method": "POST",
    "url": "https://s.example/v1",
    "send": {"p": "phone"},
    "fields": {"band": "reply.json.band"},
}


def lead(**fields: Any) -> Lead:
    return Lead(
        id=UUID(int=1), submission_id=UUID(int=1), source="acme", campaign="solar", received_at=AT,
        fields={name: Value(value, value) for name, value in fields.items()},
    )  # fmt: skip


def settings(**told: Any) -> HttpSettings:
    return HttpSettings.model_validate({**POST, **told})


def ask(one: Lead, to: HttpSettings) -> Remote | None:
    found = HTTP.ask("credit", one, to)
    assert found is None or isinstance(found, Remote)
    return found


def request(one: Lead, to: HttpSettings) -> Request:
    found = ask(one, to)
    assert found is not None
    return next(found.converse())


def said(body: bytes, status: int = 200, **told: Any) -> Any:
    found = ask(lead(phone="+1"), settings(**told))
    assert found is not None
    return held(found.converse(), Response(status=status, body=body))[1]


ANN = lead(phone="+15550100", first_name='An"n', last_name="O'Hara", zip="94110")


def test_a_body_is_written_as_json_form_or_xml() -> None:
    send = {"person.name": "{{ lead.first_name }} {{ lead.last_name }}", "zip": "zip", "always": {"value": 1}}
    assert request(ANN, settings(send=send)).body == (
        b'{"person":{"name":"An\\"n O\'Hara"},"zip":"94110","always":1}'
    )
    form = request(ANN, settings(send={"n": "first_name"}, body="form", secret={"fields": {"k": "s3cret"}}))
    assert (form.body, form.secrets) == (b"n=An%22n&k=s3cret", ("s3cret",))
    assert form.headers["content-type"] == "application/x-www-form-urlencoded"
    xml = request(ANN, settings(send={"n": "first_name"}, body="xml", envelope="q.person"))
    assert xml.body.endswith(b"<q><person><n>An&quot;n</n></person></q>")
    whole = request(ANN, settings(send=None, template='{"q": "{{ lead.first_name }}"}'))
    assert whole.body == b'{"q": "An\\"n"}'


def test_an_address_takes_values_only_where_that_is_said_to_be_dangerous() -> None:
    told = {
        "method": "GET",
        "send": None,
        "url": "https://s.example/{{ lead.zip }}?a=1",
        "query": {"q": "first_name"},
    }
    with pytest.raises(ValidationError, match="dangerously_in_url"):
        settings(**told)
    to = settings(**told, dangerously_in_url=True, secret={"query": {"key": "k3y"}})
    made = request(ANN, to)
    assert (made.method, made.url, made.body) == ("GET", "https://s.example/94110?a=1&q=An%22n&key=k3y", b"")
    assert made.secrets == ("k3y",)


def test_it_proves_itself() -> None:
    assert request(ANN, settings(auth={"bearer": "t0ken"})).headers["authorization"] == "Bearer t0ken"
    headers = {"headers": {"x-campaign": "{{ campaign }}"}, "secret": {"headers": {"x-key": "k"}}}
    assert {"x-campaign": "solar", "x-key": "k"}.items() <= request(ANN, settings(**headers)).headers.items()


def test_nothing_is_asked_without_the_fields_that_it_sends() -> None:
    assert ask(lead(), settings()) is None
    assert ask(lead(zip="94110"), settings(needs=["zip"])) is not None
    masked = lead()
    masked.fields["phone"] = Value("x", None, False)
    assert ask(masked, settings()) is None


def test_who_asks_the_same_has_the_same_key_and_another_key_of_the_service_another() -> None:
    one, other = ask(lead(phone="+1", zip="1"), settings()), ask(lead(phone="+1", zip="2"), settings())
    assert one == other
    assert one != ask(lead(phone="+2"), settings())
    assert one != HTTP.ask("second", lead(phone="+1"), settings())


def test_values_stand_at_json_paths_xml_paths_and_behind_patterns() -> None:
    fields = {"band": "reply.json.band", "deep": "a.b[1].c", "yes": "reply.json.owner", "n": "$.n"}
    body = b'{"band": " A ", "a": {"b": [0, {"c": 7}]}, "owner": true, "n": 1.5}'
    assert said(body, fields=fields) == {"band": "A", "deep": 7, "yes": True, "n": 1.5}
    assert said(b"<r><v x='2'>A</v></r>", fields={"band": "//v", "x": "//v/@x"}) == {"band": "A", "x": "2"}
    assert said(b"OK band=B;", fields={"band": "regex:band=(\\w)"}) == {"band": "B"}


def test_what_is_of_another_shape_is_left_out() -> None:
    assert said(b'{"band": {"x": 1}}') == {}
    assert said(b'{"band": [1]}') == {}
    assert said(b'{"band": null}') == {}
    assert said(b"[]") == {}
    assert len(said(b'{"band": "%s"}' % (b"x" * 9000))["band"]) == 2000


def test_the_service_knows_nothing_where_it_says_404_or_what_was_looked_for_is_not_true() -> None:
    assert said(b"no", 404) == {}
    assert said(b'{"hit": false, "band": "A"}', found="reply.json.hit == true") == {}
    assert said(b'{"hit": true, "band": "A"}', found="reply.json.hit == true") == {"band": "A"}
    assert said(b'{"band": "A"}', 402, found="reply.status == 402") == {"band": "A"}


@pytest.mark.parametrize(
    ("status", "body", "told", "reason", "fault"),
    [
        (500, b"{}", {}, "http_500", True), (429, b"{}", {}, "http_429", True), (401, b"{}", {}, "http_401", True),
        (400, b"{}", {}, "http_400", False), (302, b"{}", {}, "http_302", False),
        (200, b"", {}, "unreadable", True), (200, b"<html", {}, "unreadable", True),
        (200, b"\xff\xfe\x00", {}, "unreadable", True), (200, b"[" * 100_000, {}, "unreadable", True),
        (503, b"{}", {"found": "reply.json.hit == true"}, "http_503", True),
    ],
)  # fmt: skip
def test_what_is_no_answer(status: int, body: bytes, told: dict[str, Any], reason: str, fault: bool) -> None:
    with pytest.raises(Unanswered) as raised:
        said(body, status, **told)
    assert (raised.value.reason, raised.value.fault) == (reason, fault)


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"url": "ftp://s.example/"}, "http"), ({"url": "https://{{ lead.host }}/"}, "written out"),
        ({"url": "https://u:p@s.example/"}, "user or password"), ({"send": None}, "what is sent"),
        ({"template": "{}"}, "exclude"), ({"method": "GET"}, "GET has no body"), ({"fields": {}}, "at least 1"),
        ({"fields": {"Band": "x"}}, "no field name"), ({"send": {"a": "phone", "a.b": "zip"}}, "hold others"),
        ({"send": {"1": "phone"}, "body": "xml"}, "no XML name"), ({"headers": {"host": "x"}}, "can be set"),
        ({"send": {"a": "lead.phone +"}}, "Syntax|compile|mismatched|extraneous|no viable"),
        ({"fields": {"band": "regex:(a+)+b"}}, "too long"), ({"nope": 1}, "Extra"),
    ],
)  # fmt: skip
def test_what_could_not_work_is_told_when_saved(told: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        settings(**told)
