import hmac
from typing import Any

import msgspec
import pytest

from app.core.errors import Forged, Unreadable
from app.ingest.platform import Asked, Later, Page, Said, Taken
from app.ingest.platforms.meta import Meta
from tests.ingest.platforms.converse import converse, got
from tests.ingest.platforms.golden import asked, case, cases, told

TOLD = {"verify_token": "0ur-verify-token", "app_secret": "0ur-app-secret", "access_token": "0ur-access"}


def ours(**more: Any) -> Any:
    return told("meta", **TOLD, **more)


def signed(body: bytes, secret: str = TOLD["app_secret"]) -> Asked:
    signature = hmac.digest(secret.encode(), body, "sha256").hex()
    return asked(body, x_hub_signature_256=f"sha256={signature}")


def take(request: Asked) -> Said | Taken:
    return Meta().take(request, ours(), 0.0)


def webhook(*leads: Any, field: str = "leadgen") -> bytes:
    changes = [{"field": field, "value": {"leadgen_id": lead, "form_id": 1}} for lead in leads]
    return msgspec.json.encode({"object": "page", "entry": [{"id": "1", "time": 1, "changes": changes}]})


def challenge(**more: str) -> Asked:
    query = {"hub.mode": "subscribe", "hub.verify_token": TOLD["verify_token"], "hub.challenge": "1158201444"}
    query |= {name.replace("_", ".", 1): value for name, value in more.items()}
    return Asked(method="GET", query=tuple(query.items()))


@pytest.mark.parametrize("name", cases("meta"))
def test_what_meta_gives_is_read(name: str) -> None:
    given = case("meta", name)
    assert Meta().read(given["body"], "") == given["records"]


def test_a_challenge_is_said_back_to_who_knows_the_token() -> None:
    assert take(challenge()) == Said(b"1158201444", "text/plain")
    for token in ("", "0ur-verify-toke", "ключ"):
        with pytest.raises(Forged):
            take(challenge(hub_verify_token=token))


@pytest.mark.parametrize("text", ["", "<script>alert(1)</script>", "a\r\nb", "9" * 201])
def test_what_is_no_challenge_is_not_said_back(text: str) -> None:
    with pytest.raises(Unreadable):
        take(challenge(hub_challenge=text))
    with pytest.raises(Unreadable):
        take(challenge(hub_mode="unsubscribe"))


@pytest.mark.parametrize("signature", [None, "", "sha256=", "sha256=" + "0" * 64, "é", "\udcff"])
def test_a_body_that_is_not_signed_is_forged_whatever_it_is(signature: str | None) -> None:
    headers = {} if signature is None else {"x_hub_signature_256": signature}
    for body in (webhook(1), b"{", b""):
        with pytest.raises(Forged):
            take(asked(body, **headers))


def test_a_signature_of_another_secret_or_of_other_bytes_is_forged() -> None:
    body = webhook(1)
    with pytest.raises(Forged):
        take(signed(body, TOLD["verify_token"]))
    with pytest.raises(Forged):
        take(Asked(headers=signed(body).headers, body=body + b" "))
    with pytest.raises(Forged):
        take(asked(body, x_hub_signature=signed(body).headers["x-hub-signature-256"]))


def test_every_change_of_a_call_is_a_lead_once() -> None:
    assert take(signed(webhook(1, "22", 9223372036854775807, 1))) == Taken(
        fetch=("1", "22", "9223372036854775807")
    )


def test_a_call_without_a_lead_is_answered_and_keeps_nothing() -> None:
    for body in (webhook(1, field="feed"), webhook(), b'{"entry":[]}', b'{"entry":[{"messaging":[]}]}'):
        assert isinstance(take(signed(body)), Said)


@pytest.mark.parametrize("lead", [None, "", "1/2", "../me", True, 1.5, -1, "9" * 33, {"a": 1}])
def test_an_id_that_is_no_number_is_told_by_its_place(lead: Any) -> None:
    with pytest.raises(Unreadable) as caught:
        take(signed(webhook(1, lead)))
    assert caught.value.where == "entry.0.changes.1.value.leadgen_id"


def test_a_lead_is_asked_for_with_the_token_in_a_header_and_nowhere_else() -> None:
    (get,), body = converse(
        Meta().fetching("77", ours(api="http://127.0.0.1:1/", fields=["campaign_name"])),
        got({"id": "77", "field_data": []}),
    )
    fields = "created_time,id,ad_id,form_id,field_data,campaign_name"
    assert get.url == f"http://127.0.0.1:1/v25.0/77?fields={fields}"
    assert get.headers["authorization"] == "Bearer 0ur-access"
    assert get.secrets == ("0ur-access",)
    assert body == b'{"id":"77","field_data":[]}'


@pytest.mark.parametrize(
    ("answer", "reason", "after"),
    [
        (got({"error": {"code": 190}}, 400), "denied", None),
        (got({"error": {"code": 100, "error_subcode": 33}}, 400), "failed", None),
        (got({"error": {"code": 4}}, 403), "limited", 300.0),
        (got({"error": {"code": 80005}}, 400, retry_after="120"), "limited", 120.0),
        (
            got({"error": {"code": 613}}, 400,
                x_business_use_case_usage='{"1":[{"estimated_time_to_regain_access":19}]}'),
            "limited", 1140.0,
        ),
        (got({"error": {"code": 32}}, 400, x_business_use_case_usage='{"1":7}'), "limited", 300.0),
        (got(b"", 429, retry_after="7"), "limited", 7.0),
        (got(b"", 429, retry_after="Wed, 21 Oct 2026 07:28:00 GMT"), "limited", 60.0),
        (got(b"<html>", 503), "failed", None),
        (got(b"", 401), "denied", None),
        (got(b"<html>log in</html>"), "garbled", None),
        (got(b"[]"), "garbled", None),
    ],
)  # fmt: skip
def test_whatever_is_no_lead_is_asked_again_later(answer: Any, reason: str, after: float | None) -> None:
    with pytest.raises(Later) as caught:
        converse(Meta().fetching("77", ours()), answer)
    assert (caught.value.reason, caught.value.after) == (reason, after)


def test_a_lead_of_the_testing_tool_is_a_test() -> None:
    assert Meta().is_test(b'{"field_data":[{"name":"email","values":["<test lead: dummy data for email>"]}]}')
    assert not Meta().is_test(b'{"field_data":[{"name":"email","values":["test@example.com"]}]}')


def test_a_form_is_looked_through_page_by_page_since_a_time() -> None:
    settings = ours(forms=["5"])
    assert Meta().polled(settings) == ("5",)
    listed = {"data": [{"id": "1"}, {"id": "2"}, {"id": "me"}, "?"]}
    more = {"cursors": {"before": "b", "after": "a+f"}, "next": "https://elsewhere.example/?access_token=x"}
    (get,), page = converse(Meta().polling("5", 1700000000.9, "", settings), got({**listed, "paging": more}))
    assert page == Page(["1", "2"], "a+f")
    assert get.url.startswith("https://graph.facebook.com/v25.0/5/leads?fields=id&limit=100&filtering=%5B%7B")
    assert "1700000000%7D%5D" in get.url
    (get,), page = converse(
        Meta().polling("5", 0, "a+f", settings), got({**listed, "paging": {"cursors": {"after": "z"}}})
    )
    assert get.url.endswith("&after=a%2Bf")
    assert page == Page(["1", "2"])
    for broken in (b"[]", b"{}", b'{"data":7}'):
        with pytest.raises(Later):
            converse(Meta().polling("5", 0, "", settings), got(broken))


def test_a_lead_without_an_answer_is_told() -> None:
    for body in (
        b'{"field_data":[]}',
        b'{"error":{}}',
        b'{"field_data":[{"values":[]}]}',
        b'{"field_data":7}',
    ):
        with pytest.raises(Unreadable):
            Meta().read(body, "")
