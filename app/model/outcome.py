"""How one conversation with a buyer ended: a value, never an exception."""

from decimal import Decimal

from msgspec import Struct


class Accepted(Struct, frozen=True, gc=False, kw_only=True):
    """The buyer took the lead and said so in the way its contract declares."""

    reference: str | None = None
    price: Decimal | None = None  # None: the contract's own price holds
    read: str = ""  # how the reply was read, for the trace


class Rejected(Struct, frozen=True, gc=False, kw_only=True):
    """The buyer read the lead and said no; asking again will not help."""

    reason: str
    read: str = ""


class Duplicate(Struct, frozen=True, gc=False, kw_only=True):
    """The buyer has this person already: not asked again, and not a quarrel with the lead."""

    reason: str
    read: str = ""


class TryLater(Struct, frozen=True, gc=False, kw_only=True):
    """The lead was certainly not handed over; asking again may help."""

    reason: str
    after: float | None = None  # seconds, as the buyer asked (Retry-After)
    read: str = ""


class Unclear(Struct, frozen=True, gc=False, kw_only=True):
    """The lead may or may not have been taken; never asked again unless the contract is idempotent."""

    reason: str
    read: str = ""
    reference: str | None = None  # the buyer's, by which it may confirm
    price: Decimal | None = None  # what it bid before; None: the contract's own price holds


class Pooled(Struct, frozen=True, gc=False, kw_only=True):
    """Nobody was asked: the lead lies in the pool until a person claims it."""

    reason: str = ""
    read: str = ""


Outcome = Accepted | Rejected | Duplicate | TryLater | Unclear | Pooled


def word_of(outcome: Outcome) -> str:
    """The word for it in the trace, in metrics and in the database."""
    return type(outcome).__name__
