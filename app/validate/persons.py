"""What two leads of one person have in common, however each was typed: keys in one writing, and how alike they are."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import permutations
from typing import Literal

from msgspec import Struct

from app.catalog.lists import GOOGLE
from app.model import Lead, Scalar, Value
from app.validate.addressing import Address, address_of
from app.validate.alike import jaro_winkler
from app.validate.data import first_names
from app.validate.key import identity
from app.validate.name_parts import GENERATIONS, TITLES
from app.validate.naming import tokens

Kind = Literal["email", "phone", "name", "address", "unit", "postal_code", "other"]
"""What a field is to a person's identity."""

STREETS = ("address", "address1", "address_1", "street", "street_address", "street1")
POSTCODES = ("postal_code", "zip", "zip_code", "zipcode", "postcode")
FIRST, LAST, FULL = ("first_name", "firstname"), ("last_name", "lastname", "surname"), ("name", "full_name")
"""What campaigns call these; no field type tells them."""

_CALLED: Mapping[str, Kind] = {
    **dict.fromkeys(STREETS, "address"),
    **dict.fromkeys(POSTCODES, "postal_code"),
    **dict.fromkeys((*FIRST, *LAST, *FULL, "middle_name"), "name"),
    **dict.fromkeys(("address2", "address_2", "street2", "unit", "apartment", "apt"), "unit"),
}
_KIND_OF_PART: Mapping[str, Kind] = {
    "domain": "email", "line_type": "phone", "zip5": "postal_code", "outward": "postal_code",
    "street": "address", "box": "address",
}  # fmt: skip
_MOST_WORDS = 6
_LEFT_OVER = 0.05
"""What a word that only one of two names has takes away: a middle name, a second surname."""


class PersonName(Struct, frozen=True):
    """Words in one order and writing, short forms as what they stand for; which of several of that name; the words
    as they came, in one case."""

    words: tuple[str, ...]
    generation: str = ""
    written: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join((*self.words, self.generation)).strip()


class Resident(Struct, frozen=True):
    """Who lives where, as far as two leads can be compared. `also`: what else must not contradict."""

    name: PersonName
    address: Address
    postal_code: str
    also: tuple[tuple[str, Scalar], ...] = ()


def kind_of(field: str, value: Value) -> Kind:
    for part, kind in _KIND_OF_PART.items():
        if part in value.parts:
            return kind
    return _CALLED.get(field, "other")


def mailbox(address: str) -> str:
    """One mailbox, one text: no case, nothing after a plus, at Google no dots and one domain."""
    local, at, domain = address.casefold().rpartition("@")
    if not at:
        return domain
    name = local.partition("+")[0]
    if domain in GOOGLE:
        name, domain = name.replace(".", ""), GOOGLE[0]
    return f"{name or local}@{domain}"


@lru_cache(maxsize=16_384)
def name_of(text: str) -> PersonName:
    """In any order of its words: no case, accents, apostrophes and titles; Bob is Robert; Jr and Sr stand apart."""
    words = sorted(tokens(text.replace("'", "").replace("’", "")))
    words = [word for word in words if word not in TITLES] or words
    generation = next((GENERATIONS[word] for word in words if word in GENERATIONS), "")
    called = [word for word in words if word not in GENERATIONS]
    if not generation or len(called) < 2:
        generation, called = "", words
    known = first_names()
    words = sorted(known.get(word, word) for word in called)
    return PersonName(tuple(words[:_MOST_WORDS]), generation, tuple(called[:_MOST_WORDS]))


def postal(value: Value) -> str:
    """Five digits of a ZIP code; of others their letters and digits."""
    zip5 = value.parts.get("zip5")
    text = zip5 if isinstance(zip5, str) else str(value.normal)
    return "".join(c for c in text.casefold() if c.isalnum())


# keys ------------------------------------------------------------------------------------------------


def loosely(lead: Lead, fields: Sequence[str], kinds: Mapping[str, Kind]) -> tuple[Scalar, ...] | None:
    """The values of these fields in one writing, all names as one and all of an address as one; None where the
    lead lacks any of them but the door, which many houses don't have."""
    found: dict[str, list[str]] = {}
    others: list[Scalar] = []
    for field in fields:
        value, normal = lead.fields.get(field), identity(lead, field)
        if value is None or normal is None:
            if kinds.get(field, _CALLED.get(field)) != "unit":
                return None
            continue
        kind = kinds.get(field) or kind_of(field, value)
        match kind:
            case "email":
                others.append(mailbox(str(normal)))
            case "postal_code":
                others.append(postal(value))
            case "name" | "address" | "unit":
                found.setdefault(kind, []).append(str(value.normal))
            case _:
                others.append(normal)
    made = [str(name_of(" ".join(found["name"])))] if "name" in found else []
    if "address" in found or "unit" in found:
        made.append(str(_address(found)))
    return (*made, *others) if all(made) else None


def _address(found: Mapping[str, Sequence[str]]) -> Address:
    return address_of(" ".join(found.get("address", ())), " ".join(found.get("unit", ())))


def resident(fields: Mapping[str, Value], names: Iterable[str], kinds: Mapping[str, Kind]) -> Resident | None:
    """None without a name of two words, a street and a postal code: half of it is half a town."""
    found: dict[str, list[str]] = {}
    code = ""
    also: list[tuple[str, Scalar]] = []
    for field in names:
        value = fields.get(field)
        if value is None or not value.valid or value.normal is None:
            continue
        match kind := kinds.get(field) or kind_of(field, value):
            case "postal_code":
                code = postal(value)
            case "name" | "address" | "unit":
                found.setdefault(kind, []).append(str(value.normal))
            case "email":
                also.append((field, mailbox(str(value.normal))))
            case _:
                also.append((field, value.normal))
    name, address = name_of(" ".join(found.get("name", ()))), _address(found)
    if len(name.words) < 2 or not address.street or not code:
        return None
    return Resident(name, address, code, tuple(also))


# likeness ----------------------------------------------------------------------------------------------


def likeness(one: Resident, other: Resident) -> float:
    """0 to 1: the lesser of how alike names and streets are; 0 where anything says that they are two.

    Another house, another door where both name one, another Jr, another date of birth: two people.
    """
    if one.postal_code != other.postal_code or one.address.number != other.address.number:
        return 0.0
    if one.address.unit and other.address.unit and one.address.unit != other.address.unit:
        return 0.0
    known = dict(one.also)
    if any(field in known and known[field] != value for field, value in other.also):
        return 0.0
    named = names_alike(one.name, other.name)
    return min(named, jaro_winkler(one.address.street, other.address.street)) if named else 0.0


@lru_cache(maxsize=4_096)
def names_alike(one: PersonName, other: PersonName) -> float:
    """Each word of the shorter name beside one of the longer: the worst pair of the best arrangement."""
    if one.generation != other.generation:
        return 0.0
    few, many = sorted((one.written, other.written), key=lambda words: (len(words), words))
    if len(few) < 2:
        return 0.0
    best = max(min(map(_words_alike, few, chosen)) for chosen in permutations(many, len(few)))
    return max(0.0, best - _LEFT_OVER * (len(many) - len(few)))


@lru_cache(maxsize=16_384)
def _words_alike(one: str, other: str) -> float:
    """Two names that people have are two people: Anna and Hanna are sisters, not a slip."""
    known = first_names()
    if known.get(one, one) == known.get(other, other):
        return 1.0
    return 0.0 if one in known and other in known else jaro_winkler(one, other)
