"""When somebody is there: hours of a week by the wall clock of a zone, without holidays and absence."""

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

from app.catalog.document import Document

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z")
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}\Z")


def _day(text: Any) -> date:
    try:
        if isinstance(text, str) and _DAY.match(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise ValueError("is no day; write it as 2026-12-24")


def _moment(text: Any) -> str:
    try:
        if isinstance(text, str) and (_DAY.match(text) or _MOMENT.match(text)):
            datetime.fromisoformat(text)
            return text
    except ValueError:
        pass
    raise ValueError('is no day and no time; write 2026-12-24, or "2026-12-24 12:00"')


Day = Annotated[date, BeforeValidator(_day), PlainSerializer(date.isoformat, return_type=str)]
Moment = Annotated[str, BeforeValidator(_moment)]


class Holidays(Document):
    """Days on which nobody is there: those of a country, or of a part of it, with some more and without others.

    Which days that are is looked up when it is applied, and kept: `days` changes by `apply` alone.
    """

    country: str = Field(pattern=r"^[A-Z]{2,3}$")
    subdiv: str | None = Field(None, min_length=1, max_length=20, description="As CA, of US.")
    observed: bool = Field(True, description="Also the weekday on which a holiday of a weekend is kept.")
    categories: tuple[Literal["public", "government", "bank", "half_day", "optional", "unofficial"], ...] = (
        Field((), description="Empty: what the country's usual ones are.")
    )
    add: Mapping[Day, str] = Field({}, max_length=400)
    remove: tuple[str, ...] = Field((), description="By name, as they are listed in `days`.")
    days: Mapping[Day, str] = Field({}, description="Written by `apply`: day → name.")
    known_to: int = Field(0, description="Written by `apply`: the last year that `days` has.")
    by: str = Field("", description="Written by `apply`: what knew them.")


class Away(Document):
    """Nobody is there from then to then: whole days, the last one too, or times of the same zone."""

    model_config = ConfigDict(serialize_by_alias=True)  # as it was written

    from_: Moment = Field(alias="from")
    to: Moment

    @property
    def span(self) -> tuple[datetime, datetime]:
        """[from, to) by the wall clock."""
        to = datetime.fromisoformat(self.to)
        whole = _DAY.match(self.to) is not None
        return datetime.fromisoformat(self.from_), to + timedelta(days=1) if whole else to

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.span[1] <= self.span[0]:
            raise ValueError("ends before it begins")
        return self


class Hours(Document):
    """When a contract takes leads, or a person works: weekday ranges → one or several `HH:MM-HH:MM`, in `zone`.

    A holiday closes what opens on that day, also where that lasts past midnight. A `special` day has hours of its
    own, holiday or not. `away` closes whatever is open.
    """

    zone: str
    open: Mapping[str, str | tuple[str, ...]]
    holidays: Holidays | None = None
    special: Mapping[Day, str | tuple[str, ...]] = Field({}, max_length=400)
    away: tuple[Away, ...] = Field((), max_length=400)

    @property
    def plain(self) -> bool:
        """Whether every week is like the next."""
        return not (self.holidays or self.special or self.away)
