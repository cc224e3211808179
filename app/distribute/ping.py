"""What a buyer is asked before he gets a lead: a request that never has a contact datum in it, and how his bid is read."""

from msgspec.structs import replace
from pydantic import Field

from app.core.hashed import Hashed
from app.distribute.adapter import Conversation, Handover
from app.distribute.request import RequestSettings
from app.model import Scalar


class PingRequest(RequestSettings):
    """As a webhook's request. Contact fields are left out of it whatever it names; `hashes` shows them hashed."""

    envelope: str = Field("ping", description="The root element of an XML body; dots nest.")
    hashes: Hashed | None = Field(None, description="Adds lead.phone_hash and lead.email_hash.")

    def converse(self, handover: Handover, *, hands_over: bool = False) -> Conversation:
        """Accepted is a bid: its price, or the contract's where it says none, and what the buyer calls it."""
        return super().converse(without_contact(handover, self.hashes), hands_over=hands_over)


def without_contact(handover: Handover, hashes: Hashed | None = None) -> Handover:
    """Nobody can be reached by what is left. `contact` is field → which kind it is."""
    lead: dict[str, Scalar] = {
        name: value for name, value in handover.lead.items() if name not in handover.contact
    }
    if hashes is not None:
        for name, kind in handover.contact.items():
            value = handover.lead.get(name)
            if kind in ("phone", "email") and isinstance(value, str):
                lead.setdefault(f"{kind}_hash", hashes.of(value))
    raw = {name: value for name, value in handover.raw.items() if name not in handover.contact}
    return replace(handover, lead=lead, raw=raw, link=None)
