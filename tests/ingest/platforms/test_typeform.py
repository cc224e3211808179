import hmac
from base64 import b64encode
from typing import Any

import msgspec
import pytest

from app.core.errors import Forged, Unreadable
from app.ingest.platform import Asked, Said, Taken
from app.ingest.platforms.typeform import Typeform
from tests.ingest.platforms.golden import asked, cases, holds, land, told

SECRET = "a-secret-of-ours"


def signed(body: bytes, secret: str = SECRET) -> Asked:
    signature = b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()
    return asked(body, content_type="application/json", typeform_signature=f"sha256={signature}")


def event(kind: str = "form_response", **response: Any) -> bytes:
    return msgspec.json.encode({"event_type": kind, "event_id": "e1", "form_response": response})


def take(request: Asked, **settings: Any) -> Said | Taken:
    return Typeform().take(request, told("typeform", secret=SECRET, **settings), 0.0)


def read(body: bytes) -> dict[str, Any]:
    [record] = Typeform().read(body, "")
    return record


def answer(field: Any, **value: Any) -> bytes:
    return event(answers=[{"type": next(iter(value)), "field": field, **value}])


@pytest.mark.parametrize("name", cases("typeform"))
def test_what_typeform_sends_is_read(name: str) -> None:
    holds("typeform", name)


@pytest.mark.parametrize("signature", [None, "", "sha256=", "sha256=x", "é", "\udcff"])
def test_a_body_that_is_not_signed_is_forged(signature: str | None) -> None:
    headers = {} if signature is None else {"typeform_signature": signature}
    with pytest.raises(Forged):
        take(asked(event(token="t"), **headers))


def test_a_signature_of_another_secret_or_another_body_is_forged() -> None:
    body = event(token="t")
    with pytest.raises(Forged):
        take(signed(body, "another secret"))
    with pytest.raises(Forged):
        take(Asked(headers=signed(body).headers, body=body + b" "))


def test_the_signature_is_over_the_bytes_and_looked_at_before_them() -> None:
    with pytest.raises(Forged):
        take(asked(b"{"))
    with pytest.raises(Unreadable):
        land("typeform", signed(b"{"), secret=SECRET)


def test_an_event_that_is_no_response_keeps_nothing() -> None:
    assert isinstance(take(signed(event("form_abandoned", token="t"))), Said)
    assert isinstance(take(signed(b'{"event_type": "form_response"}')), Said)


def test_a_broken_off_response_is_a_lead_only_where_the_source_says_so() -> None:
    request = signed(event("form_response_partial", token="t"))
    assert isinstance(take(request), Said)
    taken = take(request, partial=True)
    assert isinstance(taken, Taken)
    assert taken.identity == "partial:t"


def test_the_event_s_id_stands_in_where_the_response_has_no_token() -> None:
    taken = take(signed(event(form_id="f")))
    assert isinstance(taken, Taken)
    assert taken.identity == "e1"


@pytest.mark.parametrize(
    "value, expected",
    [
        ({"text": "Ann"}, {"q": "Ann"}),
        ({"boolean": False}, {"q": False}),
        ({"file_url": "https://files.example/1"}, {"q": "https://files.example/1"}),
        ({"choice": {"label": "One"}}, {"q": "One"}),
        ({"choice": {"other": "Else"}}, {"q": "Else"}),
        ({"choices": {"labels": ["One"]}}, {"q": "One"}),
        ({"payment": {"amount": "1.00", "last4": "4242"}}, {"q.amount": "1.00", "q.last4": "4242"}),
        ({"kind_to_come": {"a": {"b": 1}}}, {"q.a.b": 1}),
    ],
)
def test_a_value_stands_under_the_key_that_its_type_names(value: Any, expected: Any) -> None:
    assert read(answer({"ref": "q"}, **value)) == expected


def test_a_response_without_an_answer_is_no_lead() -> None:
    for body in (event(answers=[]), event(answers=None), event(), answer({"ref": 1, "id": []}, text="x")):
        with pytest.raises(Unreadable) as caught:
            read(body)
        assert caught.value.reason == "empty"


def test_what_has_another_shape_is_told_by_its_path_and_without_its_value() -> None:
    with pytest.raises(Unreadable) as caught:
        read(b'{"event_type": "form_response", "form_response": {"answers": "ann@example.com"}}')
    assert (caught.value.reason, caught.value.where) == ("shape", "$.form_response.answers")
    assert "ann" not in str(caught.value.problem())


def test_a_title_that_no_name_can_hold_is_left_out() -> None:
    fields = [{"id": "i", "ref": "r", "title": "long " * 200}]
    body = event(
        definition={"fields": fields}, answers=[{"type": "text", "text": "x", "field": {"ref": "r"}}]
    )
    assert read(body) == {"r": "x"}
