"""What is known offline of a field, by the names under which conditions may speak of it: `lead.phone_state`."""

import re
from collections.abc import Iterable, Mapping

DERIVED: Mapping[str, Mapping[str, str]] = {
    "phone": {
        "line_type": "fixed, mobile, fixed_or_mobile, toll_free, premium, voip …",
        "country": "whose numbering plan it is of, as US",
        "state": "where its area code is, if that is one state",
        "zone": "the time zone of its area code, if that is one",
        "carrier": "who gave the number out, where the plan tells",
    },
    "email": {
        "domain": "what stands after the @",
        "kind": "free, disposable or company",
        "suggestion": "the domain that was meant, where it is misspelt",
    },
    "postal_code": {
        "country": "US or CA", "state": "its state or province, if that is one", "city": "the name that its post office goes by",
        "county": "that of its post office", "latitude": "in degrees", "longitude": "in degrees",
    },
    "ip": {
        "country": "where it is", "region": "its state or region", "zone": "its time zone",
        "network": "who announces it", "asn": "the number of that network",
        "kind": "hosting, proxy, relay, tor or vpn; missing: nothing of the kind is known",
    },
    "city": {
        "postal_codes": "those that its post offices have and people live under, of the lead's state, with commas between",
        "postal_code": "that one, if there is one only", "county": "that of all of them, if it is one",
        "latitude": "in degrees, of their middle, if they lie together", "longitude": "in degrees",
    },
    "name": {
        "title": "as Dr. or Mrs", "given": "the first name", "middle": "those between",
        "family": "the last name, with what belongs to it as van der", "suffix": "as Jr. or PhD",
    },
    "text": {
        "browser": "of a user agent: its family", "system": "of a user agent: its operating system",
        "device": "of a user agent: mobile, desktop, or bot, program, headless",
    },
}  # fmt: skip
"""Field type → what is known of such a field → in words. Of text only where it is called `user_agent`, or `city`."""
SOLD_BEFORE = "sold_before"
"""How many earlier leads with one of this lead's phones or e-mails were sold."""
AGENT, CITY = "user_agent", "city"
_WORD = re.compile(r"[a-z][a-z0-9_]*")


def known_as(field: str, kind: str) -> str:
    """What a field of this type stands for in `DERIVED`; of other text nothing is known."""
    if kind != "text":
        return kind
    return {AGENT: "text", CITY: "city"}.get(field, "")


def derived(types: Mapping[str, str]) -> Mapping[str, tuple[str, str]]:
    """Name → (field, what is known of it), of a campaign whose fields have these types. A field of its own that is
    called so goes before."""
    found = {
        f"{field}_{what}": (field, what)
        for field, kind in types.items()
        for what in DERIVED.get(known_as(field, kind), ())
    }
    if "phone" in types.values() or "email" in types.values():
        found[SOLD_BEFORE] = ("", SOLD_BEFORE)
    return {name: of for name, of in found.items() if name not in types}


def named(texts: Iterable[str], names: Mapping[str, tuple[str, str]]) -> frozenset[str]:
    """Those of the names that any of the texts speaks of: nothing else is worth working out."""
    words = {word for text in texts for word in _WORD.findall(text)}
    return frozenset(words & names.keys())
