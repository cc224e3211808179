"""What boberdoo's words mean: modes, actions, and the response that hides the buyer."""

from uuid import UUID

import pytest

from app.core.errors import Unprocessable
from app.ingest.reply import Asked, Posted, Result, replies

REPLY = replies.discover()["boberdoo"]
LEAD = UUID(int=7)


def posted(response: str = "short", **words: str) -> Posted:
    return Posted(asked=Asked(), words=words, settings=REPLY.settings(response=response))


@pytest.mark.parametrize(
    ("mode", "pings"), [("ping", True), ("PING", True), ("post", False), ("full", False), ("", False)]
)
def test_only_a_ping_asks_for_a_bid(mode: str, pings: bool) -> None:
    assert REPLY.pings(posted(mode=mode)) is pings


@pytest.mark.parametrize("action", ["", "submitLead", "pingPostLead", "PINGPOSTCONSENT"])
def test_leads_are_taken(action: str) -> None:
    REPLY.refuse_other_calls(posted(api_action=action))


@pytest.mark.parametrize("action", ["updateLead", "getLeadDetails", "undoSaleAndReprocess"])
def test_other_calls_are_not_taken_for_leads(action: str) -> None:
    with pytest.raises(Unprocessable):
        REPLY.refuse_other_calls(posted(api_action=action))


@pytest.mark.parametrize("standing", ["accepted", "no_buyer", "pending", "held"])
def test_the_success_response_hides_whether_a_buyer_was_found(standing: str) -> None:
    said = REPLY.answer([Result(lead=LEAD, standing=standing, price="9.00")], posted("success"))
    assert said.body == f"<response><status>Success</status><lead_id>{LEAD}</lead_id></response>".encode()


def test_the_type_is_repeated_as_text() -> None:
    said = REPLY.no_bid(posted(type="<3\x00>" + "x" * 100))
    assert said.body.startswith(b"<response><status>Unmatched</status><lead_type>&lt;3&gt;xxx")
    assert len(said.body) < 140
