"""The months that statements and invoices are of."""

import re
from datetime import UTC, date, datetime, time
from typing import Self
from zoneinfo import ZoneInfo

from msgspec import Struct

_MONTH = re.compile(r"^(\d{4})-(0[1-9]|1[0-2])\Z", re.ASCII)


class Month(Struct, frozen=True):
    """`2026-11` in a time zone: from its first midnight to that of the next, exclusive."""

    name: str
    zone: str
    first: datetime
    past: datetime

    @classmethod
    def of(cls, name: str, zone: str = "UTC") -> Self:
        """Raises ValueError for what is no month, or no zone."""
        found = _MONTH.match(name)
        if found is None or int(found[1]) < 2000:
            raise ValueError("is no month; write 2026-11")
        try:
            info = ZoneInfo(zone)
        except (LookupError, ValueError, OSError):
            raise ValueError(f"of the zone {zone!r}: that is no time zone; write America/New_York") from None
        year, month = int(found[1]), int(found[2])
        following = date(year + month // 12, month % 12 + 1, 1) if year < 9999 else date.max
        bounds = (
            datetime.combine(day, time(), info).astimezone(UTC) for day in (date(year, month, 1), following)
        )
        return cls(name, zone, *bounds)

    @property
    def last(self) -> date:
        """The last day of it, as its zone counts."""
        first = self.first.astimezone(ZoneInfo(self.zone)).date()
        following = self.past.astimezone(ZoneInfo(self.zone)).date()
        return date.fromordinal(following.toordinal() - 1) if following > first else first

    def local(self, at: datetime) -> datetime:
        return at.astimezone(ZoneInfo(self.zone))
