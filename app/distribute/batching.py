"""Many leads in one file: when it is due, what it is called, and what an adapter has to do with it."""

import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Protocol, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from msgspec import Struct
from pydantic import Field, PrivateAttr, model_validator

from app.core.duration import Duration
from app.core.registry import Settings
from app.core.zone import Zone
from app.distribute.adapter import Conversation, Handover
from app.distribute.hours import instant

MOST = 10_000
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_LONGEST = 7 * 86_400


class Batch(Settings):
    """Leads wait for each other, and leave in one file."""

    every: Duration | None = Field(None, description="The longest that a lead waits; at most 7d.")
    at: tuple[str, ...] = Field((), max_length=96, description='Times of the day, as ["06:00", "18:00"].')
    zone: Zone = Field("UTC", description="Whose clock that is, and whose day is in the file's name.")
    count: int | None = Field(None, ge=1, le=MOST, description="Earlier, as soon as so many new leads wait.")
    most: int = Field(1_000, ge=1, le=MOST, description="In one file; the rest goes in the next at once.")

    _minutes: tuple[int, ...] = PrivateAttr(())
    _zone: ZoneInfo = PrivateAttr()

    @model_validator(mode="after")
    def _compiled(self) -> Self:
        if (self.every is None) == (not self.at):
            raise ValueError("batch needs every or at: by count alone the last leads would wait for ever")
        if self.every is not None and not 1 <= self.every.seconds <= _LONGEST:
            raise ValueError("every is between 1s and 7d")
        if self.count is not None and self.count > self.most:
            raise ValueError("count is at most what goes in one file (most)")
        self._minutes = tuple(sorted({_minute(text) for text in self.at}))
        self._zone = ZoneInfo(self.zone)
        return self

    def due(self, since: datetime) -> datetime:
        """When a lead that waits since then is sent at the latest."""
        if self.every is not None:
            return since + timedelta(seconds=self.every.seconds)
        today = since.astimezone(self._zone).date()
        days = (today + timedelta(days=n) for n in range(-1, 3))
        return min(at for day in days for at in self._on(day) if at > since)

    def last(self, until: datetime) -> datetime:
        """The time of the day that came last; who waits since then or longer is due."""
        today = until.astimezone(self._zone).date()
        return max(at for n in range(-2, 2) for at in self._on(today + timedelta(days=n)) if at <= until)

    def wall(self, at: datetime) -> datetime:
        """That moment by its clock."""
        return at.astimezone(self._zone)

    def _on(self, day: date) -> list[datetime]:
        """A time that the spring jump swallows is the jump; of one that comes twice the first counts."""
        return [instant(day, minute, self._zone) for minute in self._minutes]


class Bundle(Struct, frozen=True, kw_only=True):
    """One file of many leads. Its id is the same at every try, as a delivery's is."""

    id: UUID
    contract: str
    campaign: str
    at: datetime  # of this try

    @property
    def made(self) -> datetime:
        """What its id says: the same at each try."""
        if self.id.version != 7:
            return self.at
        return datetime.fromtimestamp((self.id.int >> 80) / 1000, UTC)


class File(Struct, frozen=True):
    name: str
    body: bytes
    content_type: str


class Laid(Struct, frozen=True):
    """`spoilt`: delivery → why it has no row."""

    file: File
    spoilt: Mapping[UUID, str] = {}


class Gathering(Settings):
    """Settings of an adapter whose leads may leave together."""

    batch: Batch | None = Field(None, description="Many leads in a file, instead of one.")

    @abstractmethod
    def name_of(self, bundle: Bundle) -> str: ...

    @abstractmethod
    def laid(self, bundle: Bundle, handovers: Sequence[Handover]) -> Laid:
        """The file of them all, in this order; where nobody has a row, one of none."""


class Bundler(Protocol):
    """An adapter that can send many at once, in a conversation whose outcome is everybody's."""

    def bundle(self, bundle: Bundle, file: File, to: Settings) -> Conversation: ...


def gathering(settings: Settings) -> Gathering | None:
    """The settings of a contract whose leads wait for each other."""
    return settings if isinstance(settings, Gathering) and settings.batch is not None else None


def due_of(settings: Settings, since: datetime) -> datetime:
    """From when on a delivery may be begun: at once, but for one that waits for others."""
    found = gathering(settings)
    return since if found is None or found.batch is None else found.batch.due(since)


def alone(handover: Handover) -> Bundle:
    """One lead as a file of many is shown before there is any."""
    return Bundle(
        id=handover.delivery_id, contract=handover.contract, campaign=handover.campaign, at=handover.at
    )


def standing_for(bundle: Bundle) -> Handover:
    """What a template of something around many leads sees: nothing of any of them."""
    return Handover(
        delivery_id=bundle.id, lead_id=bundle.id, contract=bundle.contract, campaign=bundle.campaign, source="",
        price=Decimal(0), lead={}, at=bundle.at,
    )  # fmt: skip


def _minute(text: str) -> int:
    told = _CLOCK.fullmatch(text)
    if told is None:
        raise ValueError(f"{text!r} is no time; write 06:00")
    return int(told[1]) * 60 + int(told[2])
