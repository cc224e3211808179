"""Whether a browser's clock can be one of a country's or a state's: by what the clock shows, not by a zone's name."""

from datetime import UTC, datetime
from functools import cache, lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from app.validate.data import state_zones

HIDDEN = frozenset(
    ("UTC", "Etc/UTC", "GMT", "Etc/GMT", "Etc/Unknown", "Atlantic/Reykjavik", "Africa/Abidjan")
)
"""What browsers say that tell nobody where they are."""
_HOUR = 3_600


@cache
def _zones_of() -> dict[str, tuple[str, ...]]:
    """Country → its zones, of tzdata's own table."""
    found: dict[str, list[str]] = {}
    text = files("tzdata").joinpath("zoneinfo/zone1970.tab").read_text("utf-8")
    for line in text.splitlines():
        if not line.startswith("#"):
            countries, _, zone = line.split("\t")[:3]
            for country in countries.split(","):
                found.setdefault(country, []).append(zone)
    return {country: tuple(zones) for country, zones in found.items()}


def zones_of_country(country: str) -> tuple[str, ...]:
    """None of an unknown one."""
    return _zones_of().get(country.upper(), ())


def fits_country(zone: str, country: str, at: datetime) -> bool | None:
    """None where nobody can say: an unknown or hidden zone, an unknown country."""
    return _fits(zone, _zones_of().get(country.upper(), ()), at)


def fits_state(zone: str, country: str, state: str, at: datetime) -> bool | None:
    """Of the states of US and the provinces of CA."""
    return _fits(zone, state_zones().get(f"{country} {state}".upper(), ()), at)


def _fits(zone: str, zones: tuple[str, ...], at: datetime) -> bool | None:
    if not zones or zone in HIDDEN or len(zone) > 64:
        return None
    hour = int(at.timestamp()) // _HOUR
    shown = _offset(zone, hour)
    if shown is None:
        return None
    return shown in {_offset(one, hour) for one in zones}


@lru_cache(4_096)
def _offset(zone: str, hour: int) -> float | None:
    """Seconds from UTC that its clock shows in that hour; None where there is no such zone."""
    try:
        shown = datetime.fromtimestamp(hour * _HOUR, UTC).astimezone(ZoneInfo(zone)).utcoffset()
    except (ValueError, OSError, KeyError, OverflowError):
        return None
    return None if shown is None else shown.total_seconds()
