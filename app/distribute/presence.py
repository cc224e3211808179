"""Whether somebody who works for a buyer is there at a moment: by its hours, and not away."""

from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from app.catalog.people import PersonDoc, days_of
from app.distribute.hours import Opening


def is_there(person: PersonDoc, at: datetime) -> bool:
    """Without hours a person is there whenever it is not away; days are those of the zone of its hours."""
    zone = ZoneInfo(person.hours.zone) if person.hours is not None else UTC
    day = at.astimezone(zone).date()
    if any(first <= day <= last for first, last in map(days_of, person.away)):
        return False
    return person.hours is None or _opening(person.hours.model_dump_json()).is_open(at)


@lru_cache(1_024)
def _opening(hours: str) -> Opening:
    """Compiled once for all who work the same hours."""
    from app.catalog.opening import Hours

    return Opening(Hours.model_validate_json(hours))
