"""A calendar date, such as a birthday, as ISO 8601 text."""

import re
from datetime import date as calendar_date
from typing import Literal

from pydantic import model_validator

from app.core.registry import Settings
from app.ingest.fieldtype import FieldType, fieldtypes
from app.ingest.raw import invalid, valid, written
from app.model import Raw, Value

_ISO = re.compile(
    r"([12]\d{3})(?:-(\d{1,2})-(\d{1,2})|/(\d{1,2})/(\d{1,2})|\.(\d{1,2})\.(\d{1,2})|(\d\d)(\d\d))", re.ASCII
)
_CLOCK = re.compile(
    r"[T ]\d{1,2}:\d\d(:\d\d(\.\d+)?)?\s?([ap]m)?\s?(Z|UTC|[+-]\d\d:?\d\d)?", re.ASCII | re.IGNORECASE
)
_THREE = re.compile(r"(\d{1,4})\s?[-/. ]\s?(\d{1,2})\s?[-/. ]\s?(\d{4}|\d{2})", re.ASCII)
_NAMED = re.compile(
    r"(?:(?P<d1>\d{1,2})(?:st|nd|rd|th)?[\s.,/-]*)?(?P<month>[a-z]{3,9})\.?[\s,/-]*"
    r"(?:(?P<d2>\d{1,2})(?:st|nd|rd|th)?[\s,/-]+)?(?P<year>\d{4})",
    re.ASCII | re.IGNORECASE,
)
_MONTHS = {
    name[:n]: number
    for number, name in enumerate(
        [
            "january",
            "february",
            "march",
            "april",
            "may",
            "june",
            "july",
            "august",
            "september",
            "october",
            "november",
            "december",
        ],
        1,
    )
    for n in range(3, len(name) + 1)
} | {"sept": 9}
_PIVOT = 30  # 00-29 are of this century, 30-99 of the last: fixed, so that a replay reads the same


class DateSettings(Settings):
    """Age depends on the day it is asked, so it is for a check; `min` and `max` are days."""

    order: Literal["mdy", "dmy", "ymd"] = "mdy"
    min: calendar_date | None = None
    max: calendar_date | None = None

    @model_validator(mode="after")
    def _in_order(self) -> "DateSettings":
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("min is after max")
        return self


@fieldtypes.register
class Date(FieldType[DateSettings]):
    """ISO is read in any order setting; a date of the other order is invalid, never guessed."""

    name = "date"
    settings = DateSettings
    parts = {"year": "the year", "month": "1 to 12", "day": "1 to 31"}
    examples = (
        ({}, "12/31/1988", Value("12/31/1988", "1988-12-31", True, {"year": 1988, "month": 12, "day": 31})),
        (
            {"order": "dmy"},
            "31.12.1988",
            Value("31.12.1988", "1988-12-31", True, {"year": 1988, "month": 12, "day": 31}),
        ),
        ({}, "Feb 3, 1980", Value("Feb 3, 1980", "1980-02-03", True, {"year": 1980, "month": 2, "day": 3})),
        ({}, "13/31/1988", Value("13/31/1988", None, False, {}, "is no date (read as month, day, year)")),
    )

    def normal(self, raw: Raw, to: DateSettings) -> Value:
        text = written(raw)
        if len(text) > 40:
            return invalid(raw, "is no date")
        found = _numbers(text, to.order)
        if found is None and (clock := _CLOCK.search(text)) and clock.end() == len(text):
            found = _numbers(text[: clock.start()], to.order)
        if found is None:
            return invalid(raw, "is no date")
        year, month, day, note = found
        try:
            day_found = calendar_date(year, month, day)
        except ValueError:
            return invalid(raw, f"is no date (read as {_SAID[to.order]})")
        if to.min is not None and day_found < to.min:
            return invalid(raw, f"is before {to.min}")
        if to.max is not None and day_found > to.max:
            return invalid(raw, f"is after {to.max}")
        return valid(raw, day_found.isoformat(), {"year": year, "month": month, "day": day}, note)


_SAID = {"mdy": "month, day, year", "dmy": "day, month, year", "ymd": "year, month, day"}


def _numbers(text: str, order: str) -> tuple[int, int, int, str] | None:
    """Year, month, day and a note; not yet a date that exists."""
    if match := _ISO.fullmatch(text):
        year, month, day = (int(group) for group in match.groups() if group)
        return year, month, day, ""
    if match := _THREE.fullmatch(text):
        return _ordered(match.groups(), order)
    if (match := _NAMED.fullmatch(text)) and (named := _MONTHS.get(match["month"].lower())):
        days = [d for d in (match["d1"], match["d2"]) if d]
        return (int(match["year"]), named, int(days[0]), "") if len(days) == 1 else None
    return None


def _ordered(groups: tuple[str, ...], order: str) -> tuple[int, int, int, str] | None:
    by_letter = dict(zip(order, groups, strict=True))
    year = by_letter["y"]
    if len(by_letter["m"]) > 2 or len(by_letter["d"]) > 2:
        return None
    if len(year) != 2 and (len(year) != 4 or year[0] not in "12"):
        return None
    month, day = int(by_letter["m"]), int(by_letter["d"])
    if len(year) == 4:
        return int(year), month, day, ""
    century = 2000 if int(year) < _PIVOT else 1900
    return century + int(year), month, day, "the year has two digits"
