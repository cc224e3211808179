"""What is told of files of many leads, and of those in which buyers say what they took."""

import logging
from uuid import UUID

from app.core.events import Code, Event, Id


class Bundled(Event, frozen=True, kw_only=True):
    """A file of many leads was put, or was not."""

    bundle: UUID
    contract: Id
    leads: int
    outcome: Code
    ms: float


class AcknowledgementRead(Event, frozen=True, kw_only=True):
    """A buyer's own file was read and followed."""

    contract: Id
    settled: int
    repeated: int
    strange: int
    contradicted: int


class AcknowledgementUnread(Event, frozen=True, kw_only=True):
    """A buyer's own file can't be read, or what is in it contradicts what we know. It is not read again."""

    level = logging.ERROR
    contract: Id
    why: Code


class AcknowledgementPassedOver(Event, frozen=True, kw_only=True):
    """A mail of a buyer's has nothing for this contract, and stays for another, or for a person. Told once."""

    contract: Id
    why: Code


class AcknowledgingTroubled(Event, frozen=True, kw_only=True):
    """The folder of a buyer's files, or their mailbox, can't be looked into. Told once, until it can."""

    level = logging.ERROR
    contract: Id
    why: Code


class AcknowledgingWell(Event, frozen=True, kw_only=True):
    """The first look again that was not in vain."""

    level = logging.WARNING
    contract: Id
    failures: int
