"""A telephone number in E.164, with its region and line type."""

import re
from typing import Annotated

import phonenumbers
from phonenumbers import PhoneNumberType
from pydantic import AfterValidator, Field

from app.core.registry import Settings
from app.ingest.countries import CountryCode
from app.ingest.fieldtype import FieldType, fieldtypes
from app.ingest.nanp import REGIONS, line_of
from app.ingest.raw import invalid, valid, written
from app.model import Raw, Value

_NANP = re.compile(
    r"(?:\+?1[ .-]?)?(?:\(([2-9][0-9]{2})\) ?|([2-9][0-9]{2})[ .-]?)([0-9]{3})[ .-]?([0-9]{4})"
)
_MASKABLE = re.compile(r"[0-9xX*•()\s.+-]+", re.ASCII)
_HINT = re.compile(r"(.*[0-9])[\s,]*\(?([mcwh])\)?", re.IGNORECASE | re.DOTALL)
_HINTS = {"m": "mobile", "c": "mobile", "w": "work", "h": "home"}
_WRONG = "is no telephone number"
_NOT_IN_USE = "is no number that its country assigns"
_LONGEST = 100

_TYPES = {
    PhoneNumberType.FIXED_LINE: "fixed",
    PhoneNumberType.MOBILE: "mobile",
    PhoneNumberType.FIXED_LINE_OR_MOBILE: "fixed_or_mobile",
    PhoneNumberType.TOLL_FREE: "toll_free",
    PhoneNumberType.PREMIUM_RATE: "premium",
    PhoneNumberType.SHARED_COST: "shared_cost",
    PhoneNumberType.VOIP: "voip",
    PhoneNumberType.PERSONAL_NUMBER: "personal",
    PhoneNumberType.PAGER: "pager",
    PhoneNumberType.UAN: "uan",
    PhoneNumberType.VOICEMAIL: "voicemail",
}


def _has_numbers(country: str) -> str:
    if country not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError("has no telephone numbers of its own")
    return country


class PhoneSettings(Settings):
    country: Annotated[CountryCode, AfterValidator(_has_numbers)] = Field(
        "US", description="Whose numbers are meant where no country code is written."
    )
    masked: bool = Field(False, description="A masked number (512*******) is valid, as pings send it.")


@fieldtypes.register
class Phone(FieldType[PhoneSettings]):
    """Numbers of +1 take a short cut that agrees with the library (tested); all others ask it."""

    name = "phone"
    settings = PhoneSettings
    parts = {
        "region": "ISO 3166-1 of the number's country; empty for numbers of no country",
        "line_type": "fixed, mobile, fixed_or_mobile, toll_free, premium, shared_cost, voip, personal, pager, uan, voicemail",
        "national": "the number without its country code",
        "extension": "where one came",
        "hint": "mobile, work or home, where the sender wrote m, c, w or h after it",
        "masked": "true where digits are hidden",
    }
    examples = (
        (
            {},
            "(512) 555-0100",
            Value(
                "(512) 555-0100",
                "+15125550100",
                True,
                {"region": "US", "line_type": "fixed_or_mobile", "national": "5125550100"},
            ),
        ),
        (
            {},
            "512.555.0100 x123",
            Value(
                "512.555.0100 x123",
                "+15125550100",
                True,
                {
                    "region": "US",
                    "line_type": "fixed_or_mobile",
                    "national": "5125550100",
                    "extension": "123",
                },
            ),
        ),
        (
            {},
            "+49 30 226100",
            Value(
                "+49 30 226100",
                "+4930226100",
                True,
                {"region": "DE", "line_type": "fixed", "national": "30226100"},
            ),
        ),
        ({}, "512*******", Value("512*******", None, False, {"masked": True}, "is masked")),
        ({}, "555-0100", Value("555-0100", None, False, {}, "is no number that its country assigns")),
    )

    def normal(self, raw: Raw, to: PhoneSettings) -> Value:
        text = written(raw)
        match = _NANP.fullmatch(text)
        if match is None or not (to.country in _PLAN or text.startswith("+")):
            return _slowly(raw, text, to)
        bracketed, area, exchange, line = match.groups()
        national = f"{bracketed or area}{exchange}{line}"
        known = line_of(national)
        if known is None:
            return invalid(raw, _NOT_IN_USE)
        return valid(raw, f"+1{national}", {"region": known[0], "line_type": known[1], "national": national})


_PLAN = frozenset(REGIONS)


def _slowly(raw: Raw, text: str, to: PhoneSettings) -> Value:
    if len(text) > _LONGEST:
        return invalid(raw, _WRONG)
    if _is_masked(text):
        return _masked(raw, text, to)
    if (hinted := _HINT.fullmatch(text)) and not text[-1].isdigit():
        found = _asked(raw, hinted[1], to, {"hint": _HINTS[hinted[2].lower()]})
        if found.valid:
            return found
    return _asked(raw, text, to, {})


def _asked(raw: Raw, text: str, to: PhoneSettings, parts: dict[str, str]) -> Value:
    number = _parsed(text, to.country)
    if text.startswith("00") and (number is None or not phonenumbers.is_valid_number(number)):
        number = _parsed(f"+{text[2:]}", to.country)
    if number is None:
        return invalid(raw, _WRONG)
    line_type = _TYPES.get(phonenumbers.number_type(number))
    if line_type is None:
        return invalid(raw, _NOT_IN_USE)
    region = phonenumbers.region_code_for_number(number) or ""
    facts = {
        "region": "" if region == "001" else region,
        "line_type": line_type,
        "national": phonenumbers.national_significant_number(number),
    }
    if number.extension:
        facts["extension"] = number.extension
    return valid(raw, phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), facts | parts)


def _parsed(text: str, country: str) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None


def _is_masked(text: str) -> bool:
    """Stars, or so many x that they are no extension."""
    if not _MASKABLE.fullmatch(text):
        return False
    return text.count("*") + text.count("•") >= 2 or text.lower().count("x") >= 4


def _masked(raw: Raw, text: str, to: PhoneSettings) -> Value:
    parts = {"masked": True}
    if not to.masked:
        return invalid(raw, "is masked", parts)
    shown = "".join(c if c in "+0123456789" else "*" for c in text if c in "+0123456789*•xX")
    return valid(raw, shown, parts, "is masked")
