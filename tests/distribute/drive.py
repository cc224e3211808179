"""Hold an adapter's half of the conversation still and speak the buyer's half."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from app.distribute.adapter import Answer, Conversation, Grant, Handover, Intent, Reply, Token
from app.distribute.filing import Filed, Put
from app.distribute.mailing import Mail, Said, Sent
from app.distribute.offering import Offer, Offered
from app.model import Outcome

ANN = Handover(
    delivery_id=UUID("019a9f3e-7c41-7d0a-b2f6-5c1e8a40d9b3"),
    lead_id=UUID("019a9f3e-7b90-7d0a-b2f6-5c1e41f6b2d0"),
    contract="sunco-west",
    campaign="solar",
    source="acme",
    price=Decimal("42.00"),
    lead={
        "first_name": "Ann",
        "last_name": "O'Hara",
        "email": "ann@example.com",
        "phone": "+15125550123",
        "state": "TX",
        "bill": 120,
        "owner": True,
        "notes": None,
    },
    at=datetime(2026, 11, 20, 14, 32, 5, tzinfo=UTC),
)


TOKEN = Token(text="a-token", lasts=3600.0)


def ann(**other: Any) -> Handover:
    return msgspec.structs.replace(ANN, **other)


@dataclass
class Driven:
    calls: list[Any]
    outcome: Outcome | None


def drive(conversation: Conversation, *replies: Answer) -> Driven:
    """Send the answers in order; `outcome` is None while the adapter waits for another."""
    calls: list[Intent] = []
    try:
        calls.append(next(conversation))
        for reply in replies:
            calls.append(conversation.send(reply))
    except StopIteration as end:
        return Driven(calls, end.value)
    return Driven(calls, None)


def reply(status: int = 200, body: bytes | str = b"", **headers: str) -> Reply:
    content = body.encode() if isinstance(body, str) else body
    return Reply(status=status, headers={k.replace("_", "-"): v for k, v in headers.items()}, body=content)


def said(*words: tuple[str, int, str], whole: bool = False) -> Sent:
    """What a mail server said: step, code and text of each reply."""
    return Sent(said=tuple(Said(*word) for word in words), whole=whole)  # type: ignore[arg-type]  # steps as text


def answer(asked: Intent, buyers: Reply) -> Answer:
    """The same answer to whatever was asked, in its own kind; by mail it is the one to the whole message, of a file its number."""
    match asked:
        case Mail():
            return said(("end", buyers.status, buyers.body.decode("utf-8", "replace")), whole=True)
        case Put():
            return Filed(whole=200 <= buyers.status < 300, code=f"ftp_{buyers.status}")
        case Grant():
            return TOKEN
        case Offer():
            return Offered()
        case _:
            return buyers
