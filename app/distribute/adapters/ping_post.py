"""Asks a buyer for his bid without the person's contacts, and hands the lead over only where he wants it."""

from decimal import Decimal
from typing import Annotated, cast

from msgspec.structs import replace
from pydantic import AfterValidator, Field

from app.core.money import Amount
from app.core.registry import Settings
from app.distribute.adapter import Adapter, Call, Conversation, Handover, adapters
from app.distribute.ping import PingRequest
from app.distribute.request import RequestSettings
from app.model import Accepted, Outcome, Rejected, TryLater, Unclear


def _not_negative(amount: Decimal) -> Decimal:
    if amount < 0:
        raise ValueError("must not be negative")
    return amount


class PingPostSettings(Settings):
    ping: PingRequest = Field(description="The first request; contacts are left out of it whatever it names.")
    post: RequestSettings = Field(description="The second, with the lead and what he called his bid.")
    minimum: Annotated[Amount, AfterValidator(_not_negative)] | None = Field(
        None, description="A lower bid is no bid; without it any is taken."
    )


@adapters.register
class PingPost(Adapter[PingPostSettings]):
    """Two requests, one delivery: a no to the ping is Rejected, and no answer to it certainly hands nothing over."""

    name = "ping_post"
    settings = PingPostSettings
    bids = True
    examples = (
        {
            "ping": {
                "url": "https://buyer.example/ping",
                "fields": {"state": "state", "zip": "postal_code", "bill": "bill"},
                "hashes": {"hash": "sha256", "salt": "example-salt"},
                "accepted": 'reply.json.result == "bid"',
                "price": "reply.json.price",
                "reference": "reply.json.bid_id",
                "reason": "reply.json.reason",
                "timeout": "2s",
            },
            "post": {
                "url": "https://buyer.example/post",
                "fields": {
                    "bid_id": "ping_reference",
                    "lead_id": "delivery_id",
                    "name": "{{ lead.first_name }} {{ lead.last_name }}",
                    "email": "email",
                    "phone": "phone",
                },
                "accepted": 'reply.json.status == "accepted"',
                "reference": "reply.json.id",
            },
            "minimum": "5.00",
        },
        {
            "ping": {
                "url": "https://buyer.example/lead/ping.do",
                "body": "form",
                "fields": {"zip_code": "postal_code", "lp_s1": "source"},
                "secret": {"fields": {"lp_campaign_key": "example-key"}},
                "accepted": 'reply.xml.response.result == "success"',
                "price": "response.price",
                "reference": "response.ping_id",
            },
            "post": {
                "url": "https://buyer.example/lead/post.do",
                "body": "form",
                "fields": {"lp_ping_id": "ping_reference", "first_name": "first_name", "email": "email"},
                "secret": {"fields": {"lp_campaign_key": "example-key"}},
                "accepted": 'reply.xml.response.result == "success"',
                "reference": "response.lead_id",
                "price": "response.price",
            },
        },
    )

    def converse(self, handover: Handover, to: PingPostSettings) -> Conversation:
        bid = yield from to.ping.converse(handover)
        if isinstance(bid, Unclear):  # of the bid, not of the lead: that has not left
            return TryLater(reason=bid.reason, read=bid.read)
        if not isinstance(bid, Accepted):
            return bid
        price = handover.price if bid.price is None else bid.price
        if to.minimum is not None and price < to.minimum:
            return Rejected(reason="bid_too_low", read=f"{bid.read}; it is less than the minimum")
        post = to.post.converse(replace(handover, price=price, ping_reference=bid.reference or ""))
        sold = yield from _bidden(post, price)
        if isinstance(sold, Accepted | Unclear) and sold.price is None:
            return replace(sold, price=price)
        return sold


def _bidden(post: Conversation, bid: Decimal) -> Conversation:
    """The same calls, each with the bid: of a post that nobody answers it is all that is known of the price."""
    reply = None
    while True:
        try:
            asked = post.send(reply)
        except StopIteration as end:
            return cast("Outcome", end.value)
        reply = yield replace(asked, bid=bid) if isinstance(asked, Call) else asked
