"""A wire, and what it makes of one lead that is to be a file on a server of the test."""

from typing import Any

from app.distribute.adapter import Handover, adapters
from app.distribute.exchange import Conversed
from app.distribute.wire import Limits, Wire
from tests.distribute.drive import ANN

NAME = f"{ANN.delivery_id}.json"
PART = f".{NAME}.part"
BODY = b'{"email":"ann@example.com"}'
LEAD = {"body": "json", "fields": {"email": "email"}}


async def filed(
    adapter: str, told: dict[str, Any], *, handover: Handover = ANN, allow_private: bool = True
) -> Conversed:
    found = adapters.discover()[adapter]
    to = found.settings.model_validate({**LEAD, **told})
    async with Wire(allow_private=allow_private, limits=Limits(connect=1.0, dns=1.0)) as wire:
        return await wire.converse(found.converse(handover, to))
