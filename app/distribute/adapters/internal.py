"""Into the pool, from which people of the buyer claim it."""

from app.distribute.adapter import Adapter, Conversation, Handover, adapters
from app.distribute.offering import InternalSettings, Offer
from app.model import Pooled


@adapters.register
class Internal(Adapter[InternalSettings]):
    """Nothing is sent: the lead is offered to people, one group after another."""

    name = "internal"
    settings = InternalSettings
    examples = (
        {},
        {
            "view": "blind_next", "hold": "15m", "renewals": 2, "quota": [{"per": "day", "leads": 10}],
            "offer": {"team": "west", "for": "10m", "then": [{"team": "all", "for": "20m"}, {"to": "house"}]},
            "exclude": 3,
        },
        {"view": "open", "exclude": "nobody", "offer": {"team": "west"}},
    )  # fmt: skip

    def converse(self, handover: Handover, to: InternalSettings) -> Conversation:
        yield Offer(delivery_id=handover.delivery_id, contract=handover.contract, steps=to.told())
        return Pooled(read="offered to people")
