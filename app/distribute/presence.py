"""Whether somebody who works for a buyer is there at a moment: by its hours, and not away."""

from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from app.catalog.opening import Hours
from app.catalog.people import PersonDoc
from app.distribute.hours import Opening, moment


def is_there(person: PersonDoc, at: datetime) -> bool:
    """Without hours a person is there whenever it is not away."""
    zone = ZoneInfo(person.hours.zone if person.hours is not None else "UTC")
    if any(moment(first, zone) <= at < moment(last, zone) for first, last in (a.span for a in person.away)):
        return False
    return person.hours is None or _opening(person.hours.model_dump_json()).is_open(at)


@lru_cache(1_024)
def _opening(hours: str) -> Opening:
    """Compiled once for all who work the same hours."""
    return Opening(Hours.model_validate_json(hours))
