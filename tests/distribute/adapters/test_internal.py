"""The adapter `internal` offers a lead to people and speaks with nobody; its steps are as its settings say."""

import pytest
from pydantic import ValidationError

from app.catalog.people import PersonDoc
from app.distribute.adapters.internal import Internal
from app.distribute.exchange import shown_offer
from app.distribute.offering import NEXT, InternalSettings, Offer, Offered, Step, left
from app.model import Pooled
from tests.distribute.drive import ANN, drive

OFFER = {"team": "west", "for": "10m", "then": [{"team": "all", "for": "20m"}, {"to": "house"}]}


def settings(**told: object) -> InternalSettings:
    return InternalSettings.model_validate(told)


def test_it_is_offered_and_pooled() -> None:
    driven = drive(Internal().converse(ANN, settings(offer=OFFER)), Offered())
    [offer] = driven.calls
    assert isinstance(offer, Offer)
    assert (offer.delivery_id, offer.hands_over) == (ANN.delivery_id, False)
    assert isinstance(driven.outcome, Pooled)


def test_what_would_be_sent_names_each_step_and_nobody_s_data() -> None:
    [offer] = drive(Internal().converse(ANN, settings(offer=OFFER))).calls
    shown = shown_offer(offer)
    assert (shown.method, shown.url) == ("OFFER", "pool:sunco-west")
    assert shown.sent == b"team west for 10m\neverybody of the buyer for 20m\ncontract house"


def test_steps_are_groups_in_their_order_and_what_comes_after_them() -> None:
    told = settings(offer=OFFER)
    assert told.steps == (Step("west", 600), Step(None, 1200))
    assert told.onward == "house"
    assert settings().steps == (Step(None, None),)
    assert settings().told() == ("everybody of the buyer until it is claimed",)
    assert settings(offer={"team": "west", "for": "90s"}).onward == NEXT
    assert settings(offer={"team": "west", "for": "90s"}).told() == ("team west for 90s", "the next contract")


@pytest.mark.parametrize(("said", "last"), [("all", 32_767), ("nobody", 0), (2, 2)])
def test_so_many_former_owners_are_left_out(said: object, last: int) -> None:
    assert settings(exclude=said).excluded == last


@pytest.mark.parametrize("said", [0, -1, "some", 1.5, 1_001])
def test_others_are_no_number_of_owners(said: object) -> None:
    with pytest.raises(ValidationError):
        settings(exclude=said)


def test_a_group_has_somebody_left_who_did_not_have_it_lately() -> None:
    people = tuple(
        PersonDoc.model_validate(one)
        for one in (
            {"id": "dana", "team": "west"},
            {"id": "sam", "team": "west"},
            {"id": "kim", "paused": True},
        )
    )
    west, everybody = Step("west"), Step()
    assert left(people, ("dana",), 99, west)
    assert not left(people, ("dana", "sam"), 99, west)
    assert not left(people, ("dana", "sam"), 99, everybody)  # Kim is paused
    assert left(people, ("dana", "sam"), 1, west)
    assert left(people, ("dana", "sam"), 0, west)
    assert not left(people, (), 0, Step("east"))
