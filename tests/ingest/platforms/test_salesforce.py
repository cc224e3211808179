from typing import Any

import pytest
from pydantic import ValidationError

from app.core.errors import Forged, Unreadable
from app.ingest.platform import Said, Taken
from app.ingest.platforms.salesforce import Salesforce
from tests.ingest.platforms.golden import asked, cases, holds, told

OID = "00D50000000IZ3Z"
SITE = "https://www.example.com"


def take(body: bytes, query: Any = (), origin: str = "", **settings: Any) -> Taken:
    request = asked(body, dict(query), origin=origin)
    return Salesforce().take(request, told("salesforce", oid=OID, **settings), 0.0)


def answer(body: bytes, *hosts: str) -> Said:
    return Salesforce().answer(asked(body), told("salesforce", oid=OID, redirect_hosts=hosts))


@pytest.mark.parametrize("name", cases("salesforce"))
def test_what_a_page_sends_to_salesforce_is_read(name: str) -> None:
    holds("salesforce", name)


@pytest.mark.parametrize(
    "body", [b"last_name=Lee", b"oid=&last_name=Lee", b"oid=00D50000000IZ3z", b"oid=00D"]
)
def test_another_organisation_s_form_is_forged(body: bytes) -> None:
    with pytest.raises(Forged):
        take(body)


def test_another_site_s_page_and_a_server_without_the_token_are_forged() -> None:
    body = f"oid={OID}".encode()
    token = "example-token-0001"
    assert take(body, origin=SITE, origins=[SITE]).keep == body
    assert take(body, query={"token": token}, token=token).keep == body
    with pytest.raises(Forged):
        take(body, origin="https://evil.example", origins=[SITE])
    with pytest.raises(Forged):
        take(body, token=token)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/thanks",
        "//www.example.com/",
        "javascript:alert(1)",
        "https://evil.example/",
        "https://www.example.com.evil.example/",
        "https://www.example.com@evil.example/",
        "https://evil.example%5C@www.example.com/",
        "https://evil.example%23@www.example.com/",
        "https%3A%2F%2Fevil.example%2F%0D%0ASet-Cookie%3A+a%3Db",
        "https://[",
        "https://www.example.com:99999/",
    ],
)
def test_no_page_is_sent_to_a_host_that_is_not_named(url: str) -> None:
    said = answer(f"oid={OID}&email=ann%40example.com&retURL={url}".encode(), "www.example.com")
    assert (said.status, dict(said.headers).get("Location")) == (200, None)
    assert said.content_type.startswith("text/html")
    assert b"ann" not in said.body
    assert b"example" not in said.body


def test_an_address_is_made_fit_for_a_header() -> None:
    said = answer(
        b"retURL=https%3A%2F%2Fwww.example.com%2Fgrazie+mille%2F%C3%A9%0D%0AX%3A+1", "www.example.com"
    )
    assert dict(said.headers)["Location"] == "https://www.example.com/grazie%20mille/%C3%A9%0D%0AX:%201"


def test_without_named_hosts_nobody_is_sent_anywhere() -> None:
    assert answer(b"retURL=https://www.example.com/").status == 200


def test_a_charset_that_is_none_is_refused() -> None:
    with pytest.raises(Unreadable) as caught:
        take(f"oid={OID}".encode(), query={"encoding": 'klingon"; x'})
    assert caught.value.reason == "charset"


@pytest.mark.parametrize("oid", ["", "00D", "00D50000000IZ3Z0", "00D50000000IZ3-"])
def test_an_oid_is_one_of_salesforce(oid: str) -> None:
    with pytest.raises(ValidationError):
        told("salesforce", oid=oid)


def test_scripts_of_the_named_origins_may_read_the_answer() -> None:
    assert Salesforce().origins(told("salesforce", oid=OID, origins=[SITE])) == (SITE,)
    assert Salesforce().origins(told("salesforce", oid=OID)) == ()
