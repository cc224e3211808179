"""Numbers of the North American plan, read at a tenth of the library's price from the library's own tables.

The order of questions is phonenumbers': the region is the first of the plan whose leading digits match, or,
without leading digits, whose patterns know the number; the type is the first pattern that matches in it.
"""

import re
from functools import lru_cache
from typing import Any, NamedTuple

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

REGIONS: tuple[str, ...] = COUNTRY_CODE_TO_REGION_CODE[1]

_DESCRIPTIONS = (
    ("premium_rate", "premium"),
    ("toll_free", "toll_free"),
    ("shared_cost", "shared_cost"),
    ("voip", "voip"),
    ("personal_number", "personal"),
    ("pager", "pager"),
    ("uan", "uan"),
    ("voicemail", "voicemail"),
)


class _Region(NamedTuple):
    code: str
    leading: re.Pattern[str] | None
    types: re.Pattern[str]


def line_of(national: str) -> tuple[str, str] | None:
    """(region, line type) of ten digits, or None where the plan has no such number."""
    for region in _candidates(national[:4]):
        if region.leading is not None:
            if region.leading.match(national):
                found = region.types.fullmatch(national)
                return (region.code, str(found.lastgroup)) if found else None
        elif found := region.types.fullmatch(national):
            return region.code, str(found.lastgroup)
    return None


@lru_cache(maxsize=10_000)
def _candidates(first_four: str) -> tuple[_Region, ...]:
    """The regions that can have numbers which begin so; no leading digits are longer than four."""
    return tuple(r for r in _regions() if r.leading is None or r.leading.match(first_four))


@lru_cache(maxsize=1)
def _regions() -> tuple[_Region, ...]:
    return tuple(_region(code) for code in REGIONS)


def _region(code: str) -> _Region:
    data: Any = PhoneMetadata.metadata_for_region(code)
    patterns = [(word, _pattern(getattr(data, name))) for name, word in _DESCRIPTIONS]
    fixed, mobile = _pattern(data.fixed_line), _pattern(data.mobile)
    if fixed and mobile:
        both = fixed if fixed == mobile else f"(?={fixed}$){mobile}"
        patterns.append(("fixed_or_mobile", both))
    patterns += [("fixed", fixed), ("mobile", mobile)]
    types = "|".join(f"(?P<{word}>{pattern})" for word, pattern in patterns if pattern)
    leading = re.compile(data.leading_digits) if data.leading_digits else None
    return _Region(code, leading, re.compile(types))


def _pattern(description: Any) -> str | None:
    """What ten digits must match, as a group of its own."""
    if description is None or not description.national_number_pattern:
        return None
    return f"(?:{description.national_number_pattern})"
