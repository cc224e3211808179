import msgspec
import pytest

from app.core.errors import Forged, Unreadable
from app.ingest.platform import Said, Taken
from app.ingest.platforms.tiktok import Tiktok
from tests.ingest.platforms.golden import asked, cases, holds, land, told

TOKEN = "example-token-0001"


def take(body: bytes, token: str = TOKEN) -> Said | Taken:
    return Tiktok().take(asked(body, {"token": token}), told("tiktok", token=TOKEN), 0.0)


@pytest.mark.parametrize("name", cases("tiktok"))
def test_what_integrators_report_of_tiktok_is_read(name: str) -> None:
    holds("tiktok", name)


def test_a_post_without_the_token_is_forged() -> None:
    with pytest.raises(Forged):
        take(b'{"entry": []}', token="")


@pytest.mark.parametrize("body", [b'{"event": "ping"}', b'{"entry": []}', b'{"entry": [{"id": "1"}, 2]}'])
def test_what_has_no_lead_is_answered_and_not_kept(body: bytes) -> None:
    assert isinstance(take(body), Said)
    with pytest.raises(Unreadable):
        Tiktok().read(body, "")


def test_a_lead_without_an_id_is_known_by_its_bytes() -> None:
    taken = take(b'{"entry": [{"changes": [{"field": "email", "value": "a@example.com"}]}]}')
    assert isinstance(taken, Taken)
    assert taken.identity.startswith("0:")


@pytest.mark.parametrize(
    "body, code, where",
    [
        (b"[]", "shape", None),
        (b"{", "syntax", "line 1, column 2"),
        (b'{"entry": [{"changes": [1]}]}', "shape", "entry.0.0"),
        (b'{"entry": [{"changes": [{"field": "a", "value": "\\u0000"}]}]}', "nul", "a"),
    ],
)
def test_what_is_wrong_has_its_code_and_place(body: bytes, code: str, where: str | None) -> None:
    with pytest.raises(Unreadable) as caught:
        land("tiktok", asked(body, {"token": TOKEN}), token=TOKEN)
    assert (caught.value.reason, caught.value.where) == (code, where)


def test_leads_of_one_body_are_bounded() -> None:
    entry = {"changes": [{"field": "a", "value": "b"}]}
    assert isinstance(take(msgspec.json.encode({"entry": [entry] * 1_000})), Taken)
    with pytest.raises(Unreadable) as caught:
        Tiktok().read(msgspec.json.encode({"entry": [entry] * 1_001}), "")
    assert caught.value.reason == "records"
