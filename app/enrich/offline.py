"""What is known of a lead's fields without asking anybody, as values that scores and filters can speak of."""

from collections.abc import Callable, Mapping
from typing import Any

from app.model import Lead, Scalar, Value
from app.validate.agent import agent_of
from app.validate.check import Evidence, Locate, Location
from app.validate.data import kind_of
from app.validate.lines import carrier_of, states_of, zones_of
from app.validate.misspelt import meant_by
from app.validate.name_parts import name_parts
from app.validate.postcodes import place_of, state_of, with_town
from app.validate.towns import town_of

Known = Mapping[str, Scalar]


def _only(found: Any) -> str | None:
    """Of several nobody can tell which."""
    return str(next(iter(found))) if len(found) == 1 else None


def _phone(value: Value) -> Known:
    number, parts = str(value.normal), value.parts
    return {
        "line_type": parts.get("line_type"), "country": parts.get("region"), "state": _only(states_of(number)),
        "zone": _only(zones_of(number)), "carrier": carrier_of(number),
    }  # fmt: skip


def _email(value: Value) -> Known:
    domain = str(value.parts.get("domain") or "")
    return {"domain": domain, "kind": kind_of(domain), "suggestion": meant_by(domain)} if domain else {}


def _postal_code(value: Value) -> Known:
    found = place_of(value)
    if found is None:
        return {}
    place = with_town(found)
    return {
        "country": place.country, "state": _only(place.states), "city": place.city, "county": place.county,
        "latitude": place.lat, "longitude": place.lon,
    }  # fmt: skip


def _city(value: Value, state: Value | None) -> Known:
    """Of a state that nobody named there is nothing to know: cities share their names."""
    where = state_of(state) if state is not None and state.valid else None
    town = town_of(str(value.normal), *where) if where is not None else None
    if town is None:
        return {}
    return {
        "postal_codes": ", ".join(town.codes), "postal_code": _only(town.codes), "county": town.county,
        "latitude": town.lat, "longitude": town.lon,
    }  # fmt: skip


def _name(value: Value) -> Known:
    parts = name_parts(str(value.normal))
    return {
        "title": parts.title, "given": parts.given, "middle": parts.middle, "family": parts.family, "suffix": parts.suffix,
    }  # fmt: skip


def _agent(value: Value) -> Known:
    agent = agent_of(str(value.normal))
    device = ("mobile" if agent.mobile else "desktop") if agent.kind == "browser" else agent.kind
    return {"browser": agent.family, "system": agent.system, "device": device}


def _ip(location: Location | None) -> Known:
    if location is None:
        return {}
    return {
        "country": location.country, "region": location.region, "zone": location.time_zone,
        "network": location.network, "asn": location.asn or None, "kind": ", ".join(location.kinds),
    }  # fmt: skip


_OF: Mapping[str, Callable[[Value], Known]] = {
    "phone": _phone, "email": _email, "postal_code": _postal_code, "name": _name, "text": _agent,
}  # fmt: skip


def known_of(lead: Lead, field: str, kind: str, evidence: Evidence, *, state: str = "") -> Known:
    """All that is known of a valid value of one of the kinds that `derived` has; empty texts are unknown, and left out.
    `state` is the field that says of which a city is."""
    value = lead.fields.get(field)
    if value is None or not value.valid or value.parts.get("masked"):
        return {}
    if kind == "ip":
        found = _ip(evidence.get(Locate(str(value.normal))))
    else:
        found = _city(value, lead.fields.get(state)) if kind == "city" else _OF[kind](value)
    return {what: said for what, said in found.items() if said is not None and said != ""}
