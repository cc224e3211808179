"""A street address as its post writes it, so that one house is one text."""

from pydantic import Field

from app.core.registry import Settings
from app.ingest.countries import CountryCode
from app.ingest.fieldtype import FieldType, fieldtypes
from app.ingest.raw import invalid, valid, written
from app.ingest.streets import street_of
from app.model import Raw, Value

_KNOWN = frozenset(("US", "CA"))


class AddressSettings(Settings):
    country: CountryCode = "US"
    max_length: int = Field(300, ge=1, le=1_000)


@fieldtypes.register
class Address(FieldType[AddressSettings]):
    """Of the United States and Canada in the abbreviations of their posts, with its parts; of other countries, and
    what is no such line, only spaces are put right. No house is looked up: it may not be there."""

    name = "address"
    settings = AddressSettings
    parts = {
        "number": "of the house",
        "predirectional": "N, SW, …, before the street's name",
        "street": "the street's name",
        "suffix": "St, Ave, …; of a French one what stands before the name",
        "postdirectional": "N, SW, …, behind it",
        "unit": "Apt 4, Ste 100, …",
        "box": "the whole line, where it is a PO box or a rural route",
        "rest": "what else came behind a comma, as it came",
    }
    examples = (
        (
            {},
            "123 north main street, apartment 4b",
            Value(
                "123 north main street, apartment 4b", "123 N Main St Apt 4B", True,
                {"number": "123", "predirectional": "N", "street": "Main", "suffix": "St", "unit": "Apt 4B"},
            ),
        ),
        ({}, "P.O. Box 12", Value("P.O. Box 12", "PO Box 12", True, {"box": "PO Box 12"})),
        (
            {"country": "CA"},
            "10-123 boulevard René-Lévesque Ouest",
            Value(
                "10-123 boulevard René-Lévesque Ouest", "10-123 Boul René-Lévesque O", True,
                {
                    "unit": "10", "number": "123", "suffix": "Boul", "street": "René-Lévesque",
                    "postdirectional": "O",
                },
            ),
        ),
        ({"country": "DE"}, " Hauptstraße  12 a", Value(" Hauptstraße  12 a", "Hauptstraße 12 a")),
        ({}, "???", Value("???", None, False, {}, "has neither letter nor digit")),
    )  # fmt: skip

    def normal(self, raw: Raw, to: AddressSettings) -> Value:
        lines = (" ".join(line.split()) for line in written(raw).splitlines())
        text = ", ".join(bare for line in lines if (bare := line.strip(" ,")))
        if len(text) > to.max_length:
            return invalid(raw, f"is longer than {to.max_length} characters")
        if not any(map(str.isalnum, text)):
            return invalid(raw, "has neither letter nor digit")
        street = street_of(text, to.country) if to.country in _KNOWN else None
        if street is None or street_of(street.text, to.country) != street:
            return valid(raw, text)  # nonsense that would read otherwise when it is read again
        return valid(raw, street.text, street.parts)
