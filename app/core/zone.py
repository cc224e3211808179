"""Time zones as people name them: `America/New_York`."""

from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator


def _known(zone: str) -> str:
    try:
        ZoneInfo(zone)
    except (LookupError, ValueError, OSError):
        raise ValueError("is no time zone; write one as America/New_York") from None
    return zone


Zone = Annotated[str, AfterValidator(_known)]
