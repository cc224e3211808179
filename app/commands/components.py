"""`components`: what this installation can read, check and deliver to, and how each is configured."""

import sys
from collections.abc import Iterator, Mapping
from inspect import cleandoc
from typing import Annotated, Any

import orjson
import typer

from app.catalog.documents import Catalogue, ListMarker
from app.catalog.export import export
from app.catalog.kinds import at, marked_places
from app.commands.desk import AsJson, fail
from app.commands.words import columns
from app.components import discover
from app.core.registry import Component, Registry
from app.distribute.adapter import adapters
from app.enrich.enricher import enrichers
from app.ingest.channel import channels
from app.ingest.fieldtype import fieldtypes
from app.ingest.format import formats
from app.ingest.platform import platforms
from app.ingest.reply import replies
from app.validate.check import checks

KINDS: Mapping[str, Registry[Any]] = {
    "format": formats, "platform": platforms, "reply": replies, "channel": channels, "fieldtype": fieldtypes,
    "check": checks, "adapter": adapters, "enricher": enrichers,
}  # fmt: skip
_DEEPEST = 3


def components(
    kind: Annotated[
        str | None,
        typer.Argument(help="format, platform, reply, channel, fieldtype, check, adapter or enricher."),
    ] = None,
    name: Annotated[str | None, typer.Argument(help="One of them: its settings and an example.")] = None,
    as_json: AsJson = False,
) -> None:
    """List what this installation reads, checks, adds and delivers to, or show one with an example that applies.

    Formats, platforms, reply dialects, channels, field types, checks, adapters and enrichers."""
    discover()
    chosen = _chosen(kind)
    if name is None:
        rows = [
            (which, one.name, _about(one))
            for which, registry in chosen.items()
            for one in sorted(registry, key=_place)
        ]
        for line in _as_json(rows) if as_json else columns(rows):
            typer.echo(line)
        return
    ((which, registry),) = chosen.items()
    component = registry.get(name)
    if component is None:
        raise fail(f"there is no {which} {name!r} (known: {', '.join(registry.names())})")
    schema = component.settings.model_json_schema()
    if as_json:
        document = {
            "kind": which,
            "name": name,
            "about": _doc(component),
            "settings": schema,
            "example": example(which, component),
        }
        typer.echo(orjson.dumps(document))
        return
    typer.echo("\n".join(_page(which, component, schema)))


def _chosen(kind: str | None) -> Mapping[str, Registry[Any]]:
    if kind is None:
        return KINDS
    word = kind.lower().rstrip("s").replace("-", "").replace("_", "")
    word = "reply" if word in ("replie", "dialect", "replydialect") else word
    if word not in KINDS:
        meant = [f"`components {one} {kind}`" for one, registry in KINDS.items() if registry.get(kind)]
        hint = f"{' or '.join(meant)}, or one of" if meant else "say"
        raise fail(f"{kind!r} is no kind of component; {hint} {', '.join(KINDS)}", 2)
    return {word: KINDS[word]}


def _place(component: Any) -> tuple[int, str]:
    """Checks in the order in which they are told, all else by name."""
    return getattr(component, "order", 0), component.name


def _about(component: Component) -> str:
    """What it is for, in one line; a check's place in the order of checks before it."""
    told = _purpose(component)
    order = getattr(component, "order", None)
    return told if order is None else f"{order:>3}  {told}"


def _doc(component: Component) -> str:
    """Its own words, else its file's: a base class says nothing of it."""
    return cleandoc(type(component).__doc__ or _purpose(component))


def _purpose(component: Component) -> str:
    """What its file is for, in one sentence."""
    return str(sys.modules[type(component).__module__].__doc__ or "")


def _as_json(rows: list[tuple[str, str, str]]) -> Iterator[str]:
    for kind, name, about in rows:
        yield orjson.dumps({"kind": kind, "name": name, "about": about}).decode()


def _page(kind: str, component: Any, schema: Mapping[str, Any]) -> list[str]:
    lines = [
        f"{kind} {component.name}",
        *(f"  {line}".rstrip() for line in _doc(component).splitlines()),
        "",
    ]
    if kind == "format":
        lines.append(f"content types  {', '.join(component.content_types)}")
    if kind == "check":
        lines += [f"order  {component.order}", ""]
        rows = [(code, meaning) for code, meaning in component.codes.items()]
        lines += ["findings", *(f"  {line}" for line in columns(rows)), ""]
    if kind == "fieldtype" and component.parts:
        lines += ["parts", *(f"  {line}" for line in columns(list(component.parts.items()))), ""]
    rows_of = list(settings_rows(schema))
    if rows_of:
        lines += [
            "settings",
            *(f"  {line}" for line in columns([("key", "type", "default", "what it is"), *rows_of])),
        ]
    return [*lines, "", "example", *(f"  {line}".rstrip() for line in example(kind, component).splitlines())]


# settings, from their JSON schema ------------------------------------------------------------------


def settings_rows(schema: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """(key, type, default, description); the keys of an inner map stand behind a dot."""
    yield from _rows(schema, schema.get("$defs", {}), "", 1)


def _rows(
    schema: Mapping[str, Any], known: Mapping[str, Any], before: str, depth: int
) -> Iterator[tuple[str, str, str, str]]:
    required = schema.get("required", ())
    for key, one in schema.get("properties", {}).items():
        inner = _inner(one, known)
        default = "required" if key in required else _default(one.get("default"))
        about = one.get("description") or (inner or {}).get("description", "")
        yield before + key, _type(one, known), default, about.partition("\n")[0]
        if inner is not None and depth < _DEEPEST:
            yield from _rows(inner, known, f"{before}{key}.", depth + 1)


def _inner(one: Mapping[str, Any], known: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The model that a key holds."""
    for branch in one.get("anyOf", one.get("allOf", [one])):
        if "$ref" in branch:
            found: Mapping[str, Any] = known.get(branch["$ref"].rpartition("/")[2], {})
            return found if "properties" in found else None
    return None


def _type(one: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    if "anyOf" in one:
        words = [_type(branch, known) for branch in one["anyOf"] if branch.get("type") != "null"]
        return " or ".join(dict.fromkeys(words))
    if "$ref" in one:
        return _type(known.get(one["$ref"].rpartition("/")[2], {}), known)
    if "enum" in one:
        return "|".join(map(str, one["enum"]))
    if "const" in one:
        return str(one["const"])
    if one.get("type") == "array":
        return f"list of {_type(one['items'], known)}" if one.get("items") else "list"
    named = {"password": "secret", "cel": "CEL", "duration": "duration", "reading": "path"}.get(
        one.get("format", "")
    )
    words_of = {"object": "map", "integer": "whole number", "string": "text", "boolean": "yes/no"}
    return named or words_of.get(one.get("type", ""), one.get("type", "any"))


def _default(value: Any) -> str:
    if value is None or value == [] or (isinstance(value, dict) and not any(value.values())):
        return "—"
    return value if isinstance(value, str) else orjson.dumps(value).decode()


# examples ------------------------------------------------------------------------------------------


def example(kind: str, component: Any) -> str:
    """YAML that applies as it stands; for a format a body that it reads."""
    if kind == "format":
        body: bytes = component.examples[0][0]
        return body.decode("utf-8", "backslashreplace")
    fields: dict[str, Any] = {
        "first_name": {"type": "name"},
        "email": {"type": "email"},
        "phone": {"type": "phone"},
    }
    fields |= {name: {"type": "text"} for name in ("last_name", "postal_code", "state")}
    campaign: dict[str, Any] = {"id": "example", "fields": fields}
    buyers: list[dict[str, Any]] = []
    sources: list[dict[str, Any]] = []
    lists: list[dict[str, Any]] = []
    asked: list[dict[str, Any]] = []
    if kind == "fieldtype":
        told = next((given for given, _, _ in component.examples if given), {}) | _needed(component)
        campaign["fields"] = {"example": {"type": component.name, **told}}
    elif kind == "check":
        needed = _needed(component)
        campaign["checks"] = [{"check": component.name, **needed}]
        named = {at(needed, place) for place in marked_places(component.settings, needed, ListMarker)}
        lists = [{"id": name, "of": "email"} for name in sorted(named)]
    elif kind in ("platform", "channel"):
        told = component.examples[0][1] if kind == "platform" else component.examples[0]
        sources = [{"id": "example", "campaign": "example", f"{kind}s": [{kind: component.name, **told}]}]
    elif kind == "reply":
        told = {"reply": component.name, **component.examples[0][1]}
        sources = [{"id": "example", "campaign": "example", "replies": [told]}]
    elif kind == "enricher":
        told = component.examples[0]
        asked = [{"id": "example", "ask": {"enricher": component.name, **told}}]
        fields |= {name: {"type": "text"} for name in told["fields"]}
        campaign["enrich"] = ["example"]
    else:
        deliver = {"adapter": component.name, **component.examples[0]}
        people = [{"id": "dana", "team": "west"}] if component.name == "internal" else []
        contract = {"id": "example-1", "campaign": "example", "deliver": deliver}
        buyers = [{"id": "example", "people": people, "contracts": [contract]}]
    return export(
        Catalogue.model_validate(
            {
                "campaigns": [campaign],
                "sources": sources,
                "buyers": buyers,
                "lists": lists,
                "enrichers": asked,
            }
        )
    )


def _needed(component: Any) -> dict[str, Any]:
    """A value for each setting that has no default, of the kind that its schema asks for."""
    schema = component.settings.model_json_schema()
    return {key: _sample(schema["properties"][key]) for key in schema.get("required", ())}


def _sample(one: Mapping[str, Any]) -> Any:
    if one.get("examples"):
        return one["examples"][0]
    if one.get("type") == "integer":
        return max(3, one.get("minimum", 0))
    return ["email"] if one.get("type") == "array" else "email"
