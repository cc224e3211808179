from typing import Any

import pytest

from app.core.errors import Forged, Unreadable
from app.ingest.platform import Taken
from app.ingest.platforms.gravity_forms import GravityForms
from tests.ingest.platforms.golden import asked, cases, holds, land, told

TOKEN = "example-token-0001"


def take(body: bytes, **settings: Any) -> Taken:
    request = asked(body, {"token": TOKEN})
    return GravityForms().take(request, told("gravity_forms", token=TOKEN, **settings), 0.0)


@pytest.mark.parametrize("name", cases("gravity_forms"))
def test_what_gravity_forms_sends_is_read(name: str) -> None:
    holds("gravity_forms", name)


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer x"}, {"authorization": "Basic " + TOKEN}])
def test_a_post_without_the_token_is_forged(headers: dict[str, str]) -> None:
    with pytest.raises(Forged):
        GravityForms().take(asked(b'{"1": "x"}', **headers), told("gravity_forms", token=TOKEN), 0.0)


def test_a_wrong_token_in_the_address_is_not_mended_by_a_header() -> None:
    request = asked(b'{"1": "x"}', {"token": "wrong"}, authorization=f"Bearer {TOKEN}")
    with pytest.raises(Forged):
        GravityForms().take(request, told("gravity_forms", token=TOKEN), 0.0)


def test_an_entry_of_another_form_is_forged_where_the_source_names_its_form() -> None:
    assert take(b'{"id": 7, "form_id": 4, "1": "x"}', form="4").identity == "4:7"
    with pytest.raises(Forged):
        take(b'{"id": 7, "form_id": 5, "1": "x"}', form="4")
    with pytest.raises(Forged):
        take(b'{"1": "x"}', form="4")


def test_chosen_fields_without_the_entry_s_id_are_known_by_their_bytes() -> None:
    assert take(b'{"email": "a@example.com"}').identity == take(b'{"email": "a@example.com"}').identity
    assert take(b'{"email": "a@example.com"}').identity != take(b'{"email": "b@example.com"}').identity


@pytest.mark.parametrize("body, code", [(b"[]", "shape"), (b"{}", "empty"), (b"", "empty"), (b"{", "syntax")])
def test_what_is_no_entry_is_refused(body: bytes, code: str) -> None:
    with pytest.raises(Unreadable) as caught:
        land("gravity_forms", asked(body, {"token": TOKEN}), token=TOKEN)
    assert caught.value.reason == code


def test_a_form_s_number_may_be_written_as_one() -> None:
    assert take(b'{"id": "7", "form_id": "4", "1": "x"}', form=4).identity == "4:7"
