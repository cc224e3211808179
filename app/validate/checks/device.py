"""A lead that a program made, or that comes from elsewhere than it says, shows it in its browser and its address."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, NamedTuple, cast, get_args

from pydantic import Field, field_validator

from app.catalog.documents import FieldName
from app.core.addresses import plain, public
from app.core.duration import Duration
from app.model import Action, Finding, Lead
from app.validate.agent import Agent, age_days, agent_of
from app.validate.check import Ask, Blocked, Check, CheckSettings, Evidence, Locate, Location, checks
from app.validate.devices import contradictions, hands, no_screen
from app.validate.languages import speaks
from app.validate.zones import fits_country, fits_state

Code = Literal[
    "known", "bot", "program", "headless", "old_browser", "contradiction", "reserved_ip", "tor", "vpn", "proxy", "hosting",
    "ip_country", "ip_region", "zone_and_ip", "zone_and_state", "language", "untyped", "even_typing", "pasted", "blocklisted",
]  # fmt: skip
_QUIET: Mapping[str, Literal["allow"]] = {"ip_region": "allow", "language": "allow"}
"""Carriers send half a country through one city, and people move with their languages: said only where it is asked for."""
_HANDS = {
    "untyped": "every answer was there without a key, a paste or the browser's own filling in",
    "even_typing": "it was typed as evenly or as fast as no hand does",
    "pasted": "most of it was pasted",
}
_KINDS = {
    "tor": "leaves the Tor network",
    "vpn": "is of a public VPN",
    "proxy": "is a proxy's",
    "hosting": "is a server's",
}


class DeviceSettings(CheckSettings):
    """Every code has the check's `action` and `points`, unless `actions` and `worth` name its own."""

    action: Action = Field("flag", description="What a finding does: flag, hold or reject.")
    actions: dict[Code, Action | Literal["allow"]] = Field(
        {},
        description="By code; allow: it is not said. `ip_region` and `language` are not said unless they stand here.",
    )
    worth: dict[Code, Annotated[int, Field(ge=-1000, le=1000)]] = Field(
        {}, description="Score points by code, instead of `points`."
    )
    ip: FieldName = Field("ip", description="The field of the consumer's address.")
    agent: FieldName = Field("user_agent", description="The field of the consumer's user agent.")
    state: FieldName = Field("state", description="The field of the stated state.")
    country: FieldName = Field("country", description="The field of the stated country.")
    countries: tuple[str, ...] = Field(
        (), description="Where leads may come from (ISO 3166-1); empty: the stated country."
    )
    oldest: Duration = Field(
        Duration("1460d"), description="How long ago a browser that updates itself may have come out."
    )
    blocklists: tuple[str, ...] = Field(
        (), max_length=4, description="DNS lists of addresses (zen.example.org)."
    )

    @field_validator("countries")
    @classmethod
    def _are_codes(cls, countries: tuple[str, ...]) -> tuple[str, ...]:
        for country in countries:
            if len(country) != 2 or not country.isalpha():
                raise ValueError(f"{country!r} is no country; write two letters, such as US")
        return tuple(country.upper() for country in countries)

    @field_validator("blocklists")
    @classmethod
    def _are_names(cls, zones: tuple[str, ...]) -> tuple[str, ...]:
        for zone in zones:
            if "." not in zone or len(zone) > 150 or not zone.replace(".", "").replace("-", "").isalnum():
                raise ValueError(f"{zone!r} is no DNS name")
        return zones

    @cached_property
    def does(self) -> Mapping[str, Action | Literal["allow"]]:
        usual = dict.fromkeys(get_args(Code), self.action)
        return {**usual, "known": "flag", **_QUIET, **self.actions}


class _Found(NamedTuple):
    code: str
    message: str
    field: str
    facts: Mapping[str, Any]


@checks.register
class Device(Check[DeviceSettings]):
    """Looks at what a source or the hosted form says of the browser, and at what databases say of the address.

    What isn't said is not held against anybody. Signs, not proofs: the usual action is a flag.
    """

    name = "device"
    settings = DeviceSettings
    order = 55
    codes = {
        "known": "What is known of the device and its address. Nothing is wrong.",
        "bot": "The user agent is a crawler's.",
        "program": "The user agent is a program's, not a browser's.",
        "headless": "A browser without a screen.",
        "old_browser": "A browser that updates itself, and is years old.",
        "contradiction": "What the browser says of itself does not fit together.",
        "reserved_ip": "The address is of no public network.",
        "tor": "The address leaves the Tor network.",
        "vpn": "The address is of a public VPN.",
        "proxy": "The address is a proxy's.",
        "hosting": "The address is a server's.",
        "ip_country": "The address is in another country than stated, or than leads may come from.",
        "ip_region": "The address is in another state than stated. Said only where `actions` names it.",
        "zone_and_ip": "The browser's clock is not one of the address's country.",
        "zone_and_state": "The browser's clock is not one of the stated state.",
        "language": "None of the browser's languages is of the address's country. Said only where `actions` names it.",
        "untyped": "The hosted form was filled in without hands.",
        "even_typing": "The hosted form was typed more evenly, or faster, than a hand types.",
        "pasted": "Three or more answers of the hosted form were pasted.",
        "blocklisted": "A DNS list names the address.",
    }

    def asks(self, lead: Lead, to: DeviceSettings) -> Iterable[Ask]:
        _, address = _address(lead, to)
        if not address or not public(address):
            return ()
        return [Locate(address), *(Blocked(zone, address) for zone in to.blocklists)]

    def run(self, lead: Lead, to: DeviceSettings, evidence: Evidence) -> Iterable[Finding]:
        for found in self._all(lead, to, evidence):
            action = to.does[found.code]
            if action != "allow":
                known = found.code == "known"
                yield Finding(
                    check="device", code=found.code, message=found.message, field=found.field, action=action,
                    points=to.worth.get(cast(Code, found.code), 0 if known else to.points), facts=found.facts,
                )  # fmt: skip

    def _all(self, lead: Lead, to: DeviceSettings, evidence: Evidence) -> Iterator[_Found]:
        field, address = _address(lead, to)
        agent = agent_of(text) if (text := _said(lead, to.agent, "user_agent")) else None
        found = evidence.get(Locate(address)) if address and public(address) else None
        at = found if isinstance(found, Location) else None
        if facts := _facts(lead, agent, at):
            yield _Found("known", "what is known of the device and its address", "", facts)
        if agent is not None:
            yield from _of_agent(lead, agent, to)
        if address and not public(address):
            yield _Found("reserved_ip", "the address is of no public network", field, {})
        elif at is not None:
            yield from _of_address(lead, at, field, to)
        yield from _of_clock(lead, at, to)
        yield from _of_language(lead, at)
        yield from (_Found(code, _HANDS[code], "", {}) for code in hands(lead.extra) if _answered(lead))
        for zone in to.blocklists:
            if address and evidence.get(Blocked(zone, address)) is True:
                yield _Found("blocklisted", f"{zone} lists the address", field, {"list": zone})


def _address(lead: Lead, to: DeviceSettings) -> tuple[str, str]:
    """(its field, it): the named field, else what the hosted form saw; never the connection of a source's server."""
    if lead.normal(to.ip) is not None:
        return to.ip, plain(str(lead.normal(to.ip)))
    said = lead.extra.get("ip")
    return "", plain(said) if isinstance(said, str) else ""


def _said(lead: Lead, field: str, name: str) -> str:
    said = lead.normal(field) or lead.extra.get(name)
    return said if isinstance(said, str) else ""


def _facts(lead: Lead, agent: Agent | None, at: Location | None) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if agent is not None:
        facts = {"browser": agent.told, "kind": agent.kind}
    if at is not None:
        told = {
            "country": at.country,
            "region": at.region,
            "asn": at.asn,
            "network": at.network,
            "kinds": list(at.kinds),
        }
        facts |= {name: value for name, value in told.items() if value}
    if isinstance(mark := lead.extra.get("device.fingerprint"), str):
        facts["fingerprint"] = mark
    return facts


def _of_agent(lead: Lead, agent: Agent, to: DeviceSettings) -> Iterator[_Found]:
    field = to.agent if to.agent in lead.fields else ""
    now = lead.received_at.timestamp()
    if agent.kind == "bot":
        yield _Found("bot", "the user agent is a crawler's", field, {"agent": agent.family})
    elif agent.kind == "program":
        yield _Found("program", "the user agent is a program's", field, {"agent": agent.family})
    elif agent.kind == "headless":
        yield _Found("headless", "the browser has no screen", field, {"agent": agent.family})
    elif no_screen(agent, lead.extra):
        yield _Found("headless", "the screen is that of a browser without one", field, {})
    age = age_days(agent, now) if agent.plain else None
    if age is not None and age * 86_400 > to.oldest.seconds:
        years = int(age / 365)
        yield _Found("old_browser", f"the browser came out {years} years ago", field, {"days": int(age)})
    for word in contradictions(agent, lead.extra, now):
        yield _Found("contradiction", f"the user agent and its {word} do not fit", field, {"between": word})


def _of_address(lead: Lead, at: Location, field: str, to: DeviceSettings) -> Iterator[_Found]:
    for kind in at.kinds:
        if kind in _KINDS:
            facts = {"network": at.network} if at.network else {}
            yield _Found(kind, f"the address {_KINDS[kind]}", field, facts)
    stated = _stated(lead, to)
    allowed = to.countries or ((stated,) if stated else ())
    if at.country and allowed and at.country not in allowed:
        yield _Found("ip_country", "the address is in another country", field, {"country": at.country})
    state = lead.normal(to.state)
    if len(at.region) in (2, 3) and at.country == stated and isinstance(state, str) and state != at.region:
        yield _Found("ip_region", "the address is in another state", field, {"region": at.region})


def _of_clock(lead: Lead, at: Location | None, to: DeviceSettings) -> Iterator[_Found]:
    zone = lead.extra.get("device.time_zone")
    if not isinstance(zone, str) or not zone:
        return
    if at is not None and fits_country(zone, at.country, lead.received_at) is False:
        yield _Found(
            "zone_and_ip", "the clock is not one of the address's country", "", {"country": at.country}
        )
    state = lead.normal(to.state)
    if isinstance(state, str) and fits_state(zone, _stated(lead, to), state, lead.received_at) is False:
        yield _Found("zone_and_state", "the clock is not one of the stated state", to.state, {})


def _of_language(lead: Lead, at: Location | None) -> Iterator[_Found]:
    said = lead.extra.get("device.languages") or lead.extra.get("device.language")
    if at is not None and isinstance(said, str) and speaks(said[:200], at.country) is False:
        says = "none of the browser's languages is of the address's country"
        yield _Found("language", says, "", {"country": at.country})


def _stated(lead: Lead, to: DeviceSettings) -> str:
    """The country that the lead says it is in, else the only one that it may be in."""
    said = lead.normal(to.country)
    if isinstance(said, str) and said:
        return said.upper()
    return to.countries[0] if len(to.countries) == 1 else ""


def _answered(lead: Lead) -> bool:
    """Something was to be typed: an e-mail address or a phone number came."""
    return any("domain" in value.parts or "line_type" in value.parts for value in lead.fields.values())
