import hmac
from typing import Any

import msgspec
import pytest

from app.core.errors import Forged, Unreadable
from app.ingest.platform import Asked, Gone, Later, Said, Taken
from app.ingest.platforms.linkedin import Linkedin
from tests.ingest.platforms.converse import converse, got
from tests.ingest.platforms.golden import asked, case, cases, told

SECRET = "0ur-client-secret"
CODE = "890e4665-4dfe-4ab1-b689-ed553bceeed0"


def ours(**more: Any) -> Any:
    return told("linkedin", client_secret=SECRET, access_token="0ur-access", **more)


def sign(text: bytes, secret: str = SECRET) -> str:
    return hmac.digest(secret.encode(), text, "sha256").hex()


def signed(body: bytes, secret: str = SECRET) -> Asked:
    return asked(body, x_li_signature=sign(b"hmacsha256=" + body, secret))


def take(request: Asked) -> Said | Taken:
    return Linkedin().take(request, ours(), 0.0)


def event(action: str = "CREATED", lead: Any = "urn:li:leadGenFormResponse:1a2b3c-4", **more: Any) -> bytes:
    return msgspec.json.encode(
        {"type": "LEAD_ACTION", "leadAction": action, "leadGenFormResponse": lead, **more}
    )


def challenge(code: str) -> Asked:
    return Asked(method="GET", query=(("challengeCode", code),))


@pytest.mark.parametrize("name", cases("linkedin"))
def test_what_linkedin_gives_is_read(name: str) -> None:
    given = case("linkedin", name)
    assert Linkedin().read(given["body"], "") == given["records"]
    assert Linkedin().is_test(given["body"])


def test_a_challenge_is_signed() -> None:
    said = take(challenge(CODE))
    assert isinstance(said, Said)
    assert said.content_type == "application/json"
    assert msgspec.json.decode(said.body) == {"challengeCode": CODE, "challengeResponse": sign(CODE.encode())}


@pytest.mark.parametrize(
    "code", ["", "hello", CODE + "x", CODE + "\n", " " + CODE, "hmacsha256=" + event().decode()]
)
def test_nothing_but_a_challenge_is_signed_for_strangers(code: str) -> None:
    """Who could have a body signed as a challenge could forge a webhook."""
    with pytest.raises(Unreadable):
        take(challenge(code))


def test_a_lead_that_was_created_is_fetched_and_one_that_was_deleted_is_deleted() -> None:
    assert take(signed(event())) == Taken(fetch=("1a2b3c-4",))
    assert take(signed(event("DELETED"))) == Taken(delete=("1a2b3c-4",))


def test_a_signature_with_its_prefix_or_in_capitals_is_the_same() -> None:
    body = event()
    text = sign(b"hmacsha256=" + body)
    for signature in (f"hmacsha256={text}", text.upper()):
        assert isinstance(take(asked(body, x_li_signature=signature)), Taken)


def test_what_is_not_signed_or_otherwise_is_forged_whatever_it_is() -> None:
    body = event()
    for signature in (
        None,
        "",
        "hmacsha256=",
        sign(body),
        sign(b"hmacsha256=" + body, "another"),
        "é",
        "\udcff",
    ):
        headers = {} if signature is None else {"x_li_signature": signature}
        for one in (body, b"{"):
            with pytest.raises(Forged):
                take(asked(one, **headers))


def test_other_events_are_answered_and_keep_nothing() -> None:
    for body in (event("VIEWED"), event(type="ORGANIZATION_SOCIAL_ACTION"), b"{}"):
        assert isinstance(take(signed(body)), Said)


@pytest.mark.parametrize(
    "lead", ["", "1a2b3c-4", "urn:li:leadGenFormResponse:../me", "urn:li:leadGenFormResponse:", 7]
)
def test_an_event_that_names_no_lead_is_unreadable(lead: Any) -> None:
    with pytest.raises(Unreadable):
        take(signed(event(lead=lead)))


def test_a_lead_is_asked_for_with_its_form_the_token_in_a_header() -> None:
    (get,), body = converse(
        Linkedin().fetching("1a2b3c-4", ours(api="http://127.0.0.1:1", version="202611")), got(b'{"id":1}')
    )
    assert get.url.startswith("http://127.0.0.1:1/rest/leadFormResponses/1a2b3c-4?fields=ownerInfo,")
    assert "form:(hiddenFields" in get.url
    assert get.headers["authorization"] == "Bearer 0ur-access"
    assert get.headers["linkedin-version"] == "202611"
    assert body == b'{"id":1}'


def test_a_lead_that_is_gone_is_gone() -> None:
    with pytest.raises(Gone):
        converse(Linkedin().fetching("1", ours()), got(b"", 404))


@pytest.mark.parametrize(
    ("answer", "reason", "after"),
    [
        (got(b"", 401), "denied", None),
        (got(b"", 403), "denied", None),
        (got(b"", 429), "limited", 60.0),
        (got(b"", 429, retry_after="9"), "limited", 9.0),
        (got(b"", 426), "failed", None),
        (got(b"", 500), "failed", None),
        (got(b"<html>"), "garbled", None),
    ],
)
def test_whatever_is_no_lead_is_asked_again_later(answer: Any, reason: str, after: float | None) -> None:
    with pytest.raises(Later) as caught:
        converse(Linkedin().fetching("1", ours()), answer)
    assert (caught.value.reason, caught.value.after) == (reason, after)


def test_answers_of_odd_shapes_are_skipped_or_told() -> None:
    for answers in ([], [{}], [{"questionId": 1}], [{"questionId": 1, "answerDetails": "?"}], "?"):
        with pytest.raises(Unreadable):
            Linkedin().read(msgspec.json.encode({"formResponse": {"answers": answers}}), "")
