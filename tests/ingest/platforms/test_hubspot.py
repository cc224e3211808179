from typing import Any

import pytest
from pydantic import ValidationError

from app.core.errors import Forged, Unreadable
from app.ingest.platform import Taken
from app.ingest.platforms.hubspot import Hubspot
from tests.ingest.platforms.golden import asked, cases, holds, land, told

SITE = "https://www.example.com"
BODY = b'{"fields": [{"name": "email", "value": "ann@example.com"}]}'


def take(body: bytes = BODY, query: Any = (), origin: str = SITE, **settings: Any) -> Taken:
    request = asked(body, dict(query), origin=origin)
    return Hubspot().take(request, told("hubspot", **(settings or {"origins": [SITE]})), 0.0)


@pytest.mark.parametrize("name", cases("hubspot"))
def test_what_a_page_sends_to_hubspot_is_read(name: str) -> None:
    holds("hubspot", name)


@pytest.mark.parametrize(
    "origin", ["", "null", "https://evil.example", "http://www.example.com", SITE + ".evil"]
)
def test_a_script_of_another_site_is_forged(origin: str) -> None:
    assert take().keep == BODY
    with pytest.raises(Forged):
        take(origin=origin)


@pytest.mark.parametrize("query", [{}, {"portal": "1"}, {"form": "f"}, {"portal": "1", "form": "F"}])
def test_another_portal_s_form_is_forged(query: dict[str, str]) -> None:
    assert take(query={"portal": "1", "form": "f"}, portal="1", form="f").keep == BODY
    with pytest.raises(Forged):
        take(query=query, portal="1", form="f")


@pytest.mark.parametrize(
    "settings", [{}, {"portal": "1"}, {"form": "f"}, {"origins": ["*"]}, {"token": "short"}]
)
def test_a_source_says_what_proves_the_sender(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        told("hubspot", **settings)


def test_a_plain_name_is_the_person_s_where_a_company_has_it_too() -> None:
    body = b'{"fields": [{"objectTypeId": "0-2", "name": "phone", "value": "1"}, {"name": "phone", "value": "2"}]}'
    [record] = Hubspot().read(body, "")
    assert record == {"phone": "2", "phone.0": "2", "phone.1": "1", "0-2.phone": "1"}


@pytest.mark.parametrize(
    "body, code, where",
    [
        (b"", "empty", None),
        (b"{", "syntax", "line 1, column 2"),
        (b"{}", "shape", None),
        (b'{"fields": []}', "empty", None),
        (b'{"fields": [{"value": "x"}]}', "shape", "$.fields[0]"),
        (b'{"fields": [{"name": "a", "value": {}}]}', "shape", "$.fields[0].value"),
        (b'{"fields": [{"name": "a", "value": "\\u0000"}]}', "nul", "a"),
        (b'{"fields": [{"name": "a", "value": 9223372036854775808}]}', "number", "a"),
        (b'{"fields": [{"name": "a"}], "context": ' + b'{"a":' * 40 + b"1" + b"}" * 41, "depth", None),
    ],
)
def test_what_is_wrong_has_its_code_and_place(body: bytes, code: str, where: str | None) -> None:
    with pytest.raises(Unreadable) as caught:
        land("hubspot", asked(body, origin=SITE), origins=[SITE])
    assert caught.value.reason == code
    assert where is None or caught.value.where == where


def test_scripts_may_read_the_answer_as_they_may_hubspot_s() -> None:
    assert Hubspot().origins(told("hubspot", origins=[SITE])) == (SITE,)
    assert Hubspot().origins(told("hubspot", portal="1", form="f")) == ("*",)
