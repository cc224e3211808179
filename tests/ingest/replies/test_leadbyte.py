"""Whom LeadByte's two calls know, and the number that stands for a lead."""

from uuid import UUID

import pytest
from pydantic import ValidationError

from app.ingest.reply import Asked, Posted, Result, replies

REPLY = replies.discover()["leadbyte"]
LEAD = UUID("01a20202-aefc-7ccb-9e6d-fd8cf1aed9d0")
QUEUE = f"restapi/v1.3/apiqueue/{LEAD}"


def proves(told: dict[str, str], tail: str = "", **words: str) -> bool:
    return REPLY.proves(Posted(asked=Asked(tail=tail), words=words), REPLY.settings.model_validate(told))


def test_the_classic_call_knows_both_ids_and_wants_them_both() -> None:
    told = {"campid": "SOLAR", "sid": "7"}
    assert proves(told, campid="SOLAR", sid="7")
    assert not proves(told, campid="SOLAR", sid="8")
    assert not proves(told, campid="SOLAR")


def test_where_there_is_a_key_it_is_wanted_too() -> None:
    told = {"campid": "SOLAR", "sid": "7", "key": "s3cret"}
    assert proves(told, campid="SOLAR", sid="7", key="s3cret")
    assert not proves(told, campid="SOLAR", sid="7")


def test_the_queue_is_asked_with_the_key_alone() -> None:
    told = {"campid": "SOLAR", "sid": "7", "key": "s3cret"}
    assert proves(told, QUEUE, key="s3cret")
    assert not proves(told, QUEUE, key="other")
    assert not proves({"campid": "SOLAR", "sid": "7"}, QUEUE, campid="SOLAR", sid="7")


@pytest.mark.parametrize(
    "tail", ["restapi/v1.3/apiqueue/7", "restapi/v1.3/apiqueue/", f"apiqueue/{LEAD}/x", "x"]
)
def test_what_is_no_lead_is_not_asked_about(tail: str) -> None:
    assert REPLY.asks_about(Posted(asked=Asked(tail=tail))) is None


def test_one_id_without_the_other_is_told_when_saved() -> None:
    with pytest.raises(ValidationError, match="said together"):
        REPLY.settings.model_validate({"campid": "SOLAR"})


def test_the_number_of_a_lead_is_always_the_same_and_fits_where_numbers_are_floats() -> None:
    one = Result(lead=LEAD, standing="accepted").number
    assert one == Result(lead=LEAD, standing="no_buyer").number == 2263550557825595
    numbers = {Result(lead=UUID(int=n), standing="accepted").number for n in range(2_000)}
    assert len(numbers) == 2_000
    assert all(0 < n < 2**53 for n in numbers)
