"""One entry of a suppression list, from how its partner wrote it to the keys that it stands under."""

import re
from collections.abc import Callable, Iterable
from functools import cache
from hashlib import sha256
from typing import Any

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

from app.catalog.documents import ListDoc
from app.catalog.lists import HEX, WIDTH, calling, form, forms_of, key_of, networks_of
from app.core.registry import Registry
from app.ingest.fieldtype import FieldType

Keys = tuple[bytes, ...]
Refusal = str
"""Why it is no entry, without repeating it."""

_NANP = re.compile(
    r"(?:\+?1[ .-]?)?(?:\(([2-9][0-9]{2})\) ?|([2-9][0-9]{2})[ .-]?)([2-9][0-9]{2})[ .-]?([0-9]{4})"
)
_QUICK = re.compile(r"(?:\+?1)?([2-9][0-9]{2}[2-9][0-9]{6})"), re.compile(r"\+1([2-9][0-9]{2}[2-9][0-9]{6})")
_E164 = re.compile(r"\+([2-9][0-9]{6,14})")
_HEX = re.compile(r"[0-9a-fA-F]+")
_LONGEST = 1_000
_KINDS = {length: name for name, length in HEX.items()}


class Entries:
    """Reads the entries of one list with the field type that reads its values in leads, so that they meet.

    A number that is shaped like one is taken even where nobody is assigned it today: area codes are opened every
    year, and an entry that was refused would be missing then.
    """

    def __init__(self, doc: ListDoc, fieldtypes: Registry[FieldType[Any]]) -> None:
        self.doc = doc
        name = "url" if doc.of == "domain" else doc.of
        self._type = fieldtypes[name]
        self._settings = self._type.settings.model_validate(
            {"country": doc.country} if name == "phone" else {}
        )
        self._hex = HEX[doc.hashed] if doc.hashed else 0
        self._nanp = doc.of == "phone" and calling(doc.country) == "+1"
        self._quick = None if self._hex or doc.of != "phone" else _QUICK[0] if self._nanp else _QUICK[1]
        self._forms = forms_of(doc)
        self._texts: Callable[[str], Iterable[str] | Refusal] = {
            "phone": self._phone, "email": self._email, "domain": self._domain, "ip": self._ip,
        }[doc.of]  # fmt: skip

    def keys(self, text: str) -> Keys | Refusal:
        """The keys of an entry (several for a network of addresses), or why it is none."""
        if self._quick is not None and (match := self._quick.fullmatch(text)):
            return (sha256(b"+1" + match[1].encode()).digest()[:WIDTH],)
        text = text.strip()
        if not text:
            return "is empty"
        if len(text) > _LONGEST:
            return "is too long"
        if len(text) in _KINDS and _HEX.fullmatch(text):
            return self._digest(text)
        found = self._texts(text)
        if isinstance(found, str):
            return found
        return tuple(key_of(one, self.doc.hashed) for one in found)

    def normal(self, text: str) -> str | None:
        """The value as a lead would have it; None for a hash, a network, and what is no value."""
        text = text.strip()
        if (len(text) in _KINDS and _HEX.fullmatch(text)) or len(text) > _LONGEST:
            return None
        if self.doc.of == "domain":
            found = self._domain(text)
        else:
            normal, why = self._normal(text)
            found = why or (normal,)
        return None if isinstance(found, str) else next(iter(found))

    def _digest(self, text: str) -> Keys | Refusal:
        if len(text) == self._hex:
            return (bytes.fromhex(text)[:WIDTH],)
        kind = _KINDS[len(text)]
        if self._hex:
            return f"is a {kind} hash, and the list is of {self.doc.hashed}"
        return f"is a {kind} hash, and the list is plain"

    def _normal(self, text: str) -> tuple[str, Refusal]:
        value = self._type.normal(text, self._settings)
        if value.valid and not value.parts.get("masked"):
            return str(value.normal), ""
        return "", value.note or "is not understood"

    def _phone(self, text: str) -> Iterable[str] | Refusal:
        match = _NANP.fullmatch(text)
        if match is not None and (self._nanp or text.startswith("+")):
            bracketed, area, exchange, line = match.groups()
            return self._written(f"+1{bracketed or area}{exchange}{line}")
        if _is_e164(text):
            return self._written(text)
        normal, why = self._normal(text)
        return why or self._written(normal)

    def _email(self, text: str) -> Iterable[str] | Refusal:
        normal, why = self._normal(text)
        return why or self._written(normal)

    def _written(self, normal: str) -> Iterable[str]:
        """What came plain is hashed in the first of the list's forms that it has."""
        return (next((made for name in self._forms if (made := form(self.doc, normal, name))), normal),)

    def _domain(self, text: str) -> Iterable[str] | Refusal:
        """`spam.example`, `@spam.example`, `*.spam.example`; also its address, of which the host is taken."""
        value = self._type.normal(text.removeprefix("*").lstrip("@."), self._settings)
        host = str(value.parts.get("host", "")).rstrip(".")
        return (host,) if value.valid and "." in host else "is no domain"

    def _ip(self, text: str) -> Iterable[str] | Refusal:
        if "/" in text and not self._hex:
            try:
                return networks_of(text)
            except ValueError as error:
                return "is wider than any list may be" if "wider" in str(error) else "is no network"
        normal, why = self._normal(text)
        return why or (normal,)


def _is_e164(text: str) -> bool:
    """Whether it is the normal form of a number already: the library would take nothing from its beginning."""
    match = _E164.fullmatch(text)
    if match is None:
        return False
    for length in (2, 3):
        prefix = _national_prefix(int(match[1][:length]))
        if prefix is not None:
            return not prefix.match(match[1], length)
    return False


@cache
def _national_prefix(calling_code: int) -> re.Pattern[str] | None:
    """What the numbers of a country may begin with when they are written, and don't when they are normal."""
    regions = COUNTRY_CODE_TO_REGION_CODE.get(calling_code)
    if regions is None:
        return None
    data: Any = PhoneMetadata.metadata_for_region_or_calling_code(calling_code, regions[0])
    return re.compile(data.national_prefix_for_parsing or r"(?!)")
