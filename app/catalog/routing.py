"""How a campaign says who comes first, and a contract from where its leads must be."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, model_validator

from app.catalog.document import Document

Rank = Literal[
    "price", "priority", "score", "expected_value", "sticky", "percentage", "load", "weight", "round_robin"
]
SORTS = ("price", "priority", "score", "expected_value")
"""Rank words that put contracts in order by what they are; the others count, or ask who the lead's person is."""
TURNS = ("weight", "round_robin")


def _no_bid(word: Any) -> Any:
    if word == "bid":
        raise ValueError(
            "is no word of a ranking, since bids are ranked by the auction; write auction: {on: post} at the campaign,"
            " where who isn't asked for a bid bids its price, and leave price here for those who bid the same"
        )
    return word


RankWord = Annotated[Rank, BeforeValidator(_no_bid)]

_CODE = re.compile(r"[A-Z0-9][A-Z0-9 -]{0,11}\*?\Z")
_ZIP_AND_MORE = re.compile(r"[0-9]{5}-[0-9]{4}\Z")
_PERCENT = Decimal("0.01")


def _code(text: str) -> str:
    code = text.upper().replace(" *", "*")
    if not _CODE.match(code):
        raise ValueError("is no postal code, nor the beginning of one; write 94107 or 941*")
    if _ZIP_AND_MORE.match(code):
        raise ValueError(f"is narrower than areas are; write {code[:5]}")
    return code


def _share(value: Any) -> Any:
    """Exact: a float would be a little more or less than what was written."""
    return Decimal(str(value)) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _hundredths(value: Decimal) -> Decimal:
    if value != value.quantize(_PERCENT):
        raise ValueError("is finer than shares are; write it with two places at most, as 12.5 or 33.33")
    return value


Code = Annotated[str, AfterValidator(_code)]
Percent = Annotated[
    Decimal,
    BeforeValidator(_share),
    Field(gt=0, le=100),
    AfterValidator(_hundredths),
    PlainSerializer(lambda value: f"{value.normalize():f}", return_type=str),
]


class Near(Document):
    """A circle: around a postal code of the United States or Canada, or around a point."""

    postal_code: str | None = Field(None, max_length=10)
    latitude: float | None = Field(None, ge=-90, le=90, allow_inf_nan=False)
    longitude: float | None = Field(None, ge=-180, le=180, allow_inf_nan=False)
    miles: float | None = Field(None, gt=0, le=1_000, allow_inf_nan=False)
    km: float | None = Field(None, gt=0, le=1_600, allow_inf_nan=False)

    @model_validator(mode="after")
    def _one_circle(self) -> Self:
        point = (self.latitude, self.longitude)
        if (self.postal_code is None) == (point == (None, None)) or (None in point and point != (None, None)):
            raise ValueError("needs one middle: a postal_code, or latitude and longitude")
        if (self.miles is None) == (self.km is None):
            raise ValueError("needs one radius: miles, or km")
        return self

    @property
    def radius(self) -> float:
        """In kilometres."""
        return self.km if self.km is not None else (self.miles or 0) * 1.609344

    def __str__(self) -> str:
        middle = self.postal_code or f"{self.latitude:g}, {self.longitude:g}"
        return f"{f'{self.miles:g} miles' if self.miles else f'{self.km:g} km'} around {middle}"


class Territory(Document):
    """Places, any of which is enough."""

    countries: tuple[Annotated[str, Field(pattern=r"^[A-Z]{2}$")], ...] = ()
    states: tuple[Annotated[str, Field(min_length=1, max_length=80)], ...] = ()
    postal_codes: tuple[Code, ...] = Field((), description="Whole codes, or beginnings: `941*`.")
    near: tuple[Near, ...] = Field((), max_length=1_000)

    @model_validator(mode="after")
    def _names_a_place(self) -> Self:
        if not any(getattr(self, name) for name in type(self).model_fields):
            raise ValueError(f"names no place; give it any of {', '.join(type(self).model_fields)}")
        return self


class Area(Territory):
    """From where a contract takes leads: any of its places is enough."""

    territories: tuple[str, ...] = Field((), description="Names from the campaign's `territories`.")


Territories = Mapping[
    Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")],
    Territory,
]
AreaTerm = Annotated[Area | None, Field(description="From where: any of its places is enough.")]
PercentTerm = Annotated[
    Percent | None, Field(description="Its share of the leads that it could have, where `percentage` ranks.")
]
CapacityTerm = Annotated[
    int | None,
    Field(ge=1, le=100_000, description="Open leads at full work: `load` compares open ÷ capacity."),
]
FromScoreTerm = Annotated[int | None, Field(ge=0, le=100, description="It takes no lead of a lower score.")]
