"""Buyers who bid over real sockets: each path is one bidder, with what he says to pings and to leads."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from tests.buyer import Buyer, Received, Stream, reply


class Bidders(Buyer):
    """`/ping/NAME` answers as `bids[NAME]` says; one without an entry there says nothing until it is cut off.
    `/lead/NAME` takes the lead, unless NAME is in `refusing`."""

    def __init__(self, bids: Mapping[str, Any]) -> None:
        super().__init__()
        self.bids = dict(bids)
        self.refusing: set[str] = set()
        self.odd = ""  # what a bidder calls a bid that has no price

    async def answer(self, request: Received, stream: Stream) -> None:
        _, what, name = request.path.split("/")
        if what == "lead":
            took = name not in self.refusing
            said = {"status": "accepted", "id": f"lead-{name}"} if took else {"status": "rejected"}
        elif name in self.bids:
            price = self.bids[name]
            said = (
                {"price": price, "id": f"bid-{name}"}
                if price is not None
                else {"reason": "no appetite", "odd": self.odd}
            )
        else:
            await asyncio.Event().wait()
        await stream.send_all(reply(200, json.dumps(said).encode()))

    def pings(self) -> list[dict[str, Any]]:
        return [json.loads(one.body) for one in self.received if one.path.startswith("/ping/")]

    def leads(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(one.body) for one in self.received if one.path == f"/lead/{name}"]


CAMPAIGN = """
campaigns:
  - id: solar
    fields:
      first_name:  {type: name, required: true}
      email:       {type: email, required: true}
      phone:       {type: phone, country: US}
      state:       {type: state, country: US}
      bill:        {type: number}
    checks: %(checks)s
    auction: %(auction)s
    distribution: {sell: "%(sell)s", rank: [price, priority]}
"""


def campaign(auction: str = "{}", *, checks: str = "[]", sell: str = "exclusive") -> str:
    return CAMPAIGN % {"auction": auction, "checks": checks, "sell": sell}


def source(id_: str = "acme", *, more: str = "") -> str:
    return f"""
  - {{id: {id_}, campaign: solar, reply: sold, deadline: 20s{more}}}
"""


def bidder(at: Bidders, name: str, *, more: str = "", bid: str = "", price: str = "1.00") -> str:
    """A buyer of this name who is pinged."""
    return f"""
  - id: {name}
    name: {name.title()} Inc
    contracts:
      - id: {name}
        campaign: solar
        price: "{price}"
        {more}
        bid:
          ping:
            url: {at.url(f"/ping/{name}")}
            fields: {{state: state, bill: bill, phone: phone, email: email}}
            accepted: has(reply.json.price)
            price: reply.json.price
            reference: reply.json.id
          {bid}
        deliver: {_deliver(at, name)}
"""


def standing(at: Bidders, name: str, price: str, *, more: str = "") -> str:
    """A buyer who is asked nothing: he bids his price."""
    return f"""
  - id: {name}
    contracts:
      - id: {name}
        campaign: solar
        price: "{price}"
        {more}
        deliver: {_deliver(at, name)}
"""


def _deliver(at: Bidders, name: str) -> str:
    return (
        f"{{adapter: webhook, url: {at.url(f'/lead/{name}')}, body: json, timeout: 2s,"
        " fields: {email: email, price: price, bid: ping_reference},"
        ' accepted: reply.json.status == "accepted", rejected: reply.json.status == "rejected",'
        " reference: reply.json.id}"
    )


def market(*buyers: str, campaign: str, sources: str = source()) -> str:
    return f"{campaign}\nsources:{sources}\nbuyers:{''.join(buyers) or ' []'}"
