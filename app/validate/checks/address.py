"""Nobody puts a roof on a post office box, and nobody lives in Fake Street."""

from collections.abc import Iterable, Iterator
from typing import Literal

from pydantic import Field

from app.catalog.documents import FieldName
from app.model import Action, Finding, Lead, Value
from app.validate.check import Check, CheckSettings, Evidence, checks
from app.validate.data import no_names
from app.validate.naming import tokens, wrong_with

Told = Action | Literal["allow"]

_NOWHERE = frozenset(("fake", "test", "any", "anystreet", "anywhere", "nowhere", "example", "none", "null"))
"""Streets that are called so whole; beside them what is no name of a person either."""
_SAYS = {
    "po_box": "is a post office box",
    "placeholder": "stands for an address",
    "keyboard": "is keys that lie side by side",
    "no_number": "has no number",
}


class AddressSettings(CheckSettings):
    """Each reason has an action of its own; `action` is for none of them."""

    po_box: Told = Field("flag", description="Post office boxes and rural routes.")
    placeholder: Told = Field("flag", description="Streets that are none, as 123 Fake Street.")
    keyboard: Told = Field("flag", description="Streets of keys side by side, as 1 asdf.")
    no_number: Told = Field("allow", description="No digit at all; in many countries houses have names.")
    fields: tuple[FieldName, ...] = Field(
        ("address", "address1", "address_1", "street", "street_address"),
        description="Names of fields that have addresses.",
    )


@checks.register
class Address(Check[AddressSettings]):
    """Of fields of the type `address`; of a text only what needs no parts. Whether the house is there nobody asks."""

    name = "address"
    settings = AddressSettings
    order = 44
    codes = {
        "po_box": "The address is a post office box or a rural route.",
        "placeholder": "The street is a word that stands for one, such as Fake Street.",
        "keyboard": "The street is keys that lie side by side on a keyboard.",
        "no_number": "The address has no digit.",
    }

    def run(self, lead: Lead, to: AddressSettings, evidence: Evidence) -> Iterable[Finding]:
        for field in to.fields:
            value = lead.fields.get(field)
            if value is None or not value.valid or not isinstance(value.normal, str):
                continue
            for code in _codes(value, value.normal):
                if (action := getattr(to, code)) != "allow":
                    yield Finding(
                        check="address", code=code, message=f"{field} {_SAYS[code]}", field=field,
                        action=action, points=to.points,
                    )  # fmt: skip


def _codes(value: Value, text: str) -> Iterator[str]:
    if "box" in value.parts:
        yield "po_box"
        return
    street = value.parts.get("street")
    words = tokens(street if isinstance(street, str) else text)
    if words and all(word in _NOWHERE or word in no_names("placeholder") for word in words):
        yield "placeholder"
    elif any(wrong_with(word) == "keyboard" for word in words):
        yield "keyboard"
    if not any(map(str.isdecimal, text)):
        yield "no_number"
