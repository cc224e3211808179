"""The body of a delivery: which of our values go out under which of the buyer's names, and written how.

A field of the buyer's is filled from one of

    first_name               our field of that name; or lead_id, delivery_id, contract, campaign, source,
                             price, test, attempt, sent_at, confirm_url, ping_reference
    lead.bill * 12.0         CEL over `lead`, and over those names as `delivery.…`
    "{{ lead.first_name }} {{ lead.last_name }}"    a template
    {value: web}             always that; a number or yes/no needs no `value`

A field without a value is left out. Dotted names nest in JSON and XML (`contact.phone`); form and CSV keep them.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal
from urllib.parse import urlencode

import orjson
from pydantic import GetCoreSchemaHandler
from pydantic_core import core_schema

from app.core.expressions import Expression, Failed, activation
from app.core.money import written as written_price
from app.distribute import xml
from app.distribute.adapter import Handover
from app.distribute.templates import Template, TemplateFailed, Withheld, text_of
from app.model import Scalar

Kind = Literal["json", "form", "xml"]
Shape = Kind | Literal["csv"]
Values = dict[str, Any]
Fill = Callable[[Handover], Any]
Write = Callable[[Handover], bytes]

CONTENT_TYPES: Mapping[Shape, str] = {
    "json": "application/json",
    "form": "application/x-www-form-urlencoded",
    "xml": "application/xml; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
}
_LINK = "confirm_url"
NO_LINK = Withheld("it has confirm_url in it, and LEADGATE_PUBLIC_URL is not set")
"""Better no mail than one that asks to be confirmed at no address."""
FACTS: Mapping[str, Fill] = {
    "lead_id": lambda h: str(h.lead_id),
    "delivery_id": lambda h: str(h.delivery_id),
    "contract": lambda h: h.contract,
    "campaign": lambda h: h.campaign,
    "source": lambda h: h.source,
    "price": lambda h: written_price(h.price),
    "test": lambda h: h.test,
    "attempt": lambda h: h.attempt,
    "sent_at": lambda h: h.at.isoformat(),
    "ping_reference": lambda h: h.ping_reference,
    _LINK: lambda h: (h.link(h.delivery_id) or NO_LINK) if h.link is not None else "",
}
_FORMULA = re.compile(r"[=@\t\r]|[+-](?![\d.])|[+-][\d.]*[^\d.\s()-]")
_NAME = re.compile(r"(?:lead\.)?([a-z][a-z0-9_]*)")


def seen(handover: Handover) -> dict[str, Any]:
    """What a template sees."""
    facts = {name: fact(handover) for name, fact in FACTS.items()}
    return {**facts, "lead": handover.lead, "raw": handover.raw}


class Filling:
    """What one of the buyer's fields is filled from; ValueError for what is none of the forms above."""

    __slots__ = ("fill", "written")

    def __init__(self, written: Any) -> None:
        self.written = written
        self.fill = _constant(written) if not isinstance(written, str) else _filled_from(written)

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            lambda value: value if isinstance(value, Filling) else cls(value),
            serialization=core_schema.plain_serializer_function_ser_schema(lambda f: f.written),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        value = {"type": ["string", "number", "boolean"]}
        constant = {"type": "object", "properties": {"value": value}, "required": ["value"]}
        return {"anyOf": [value, {**constant, "additionalProperties": False}], "examples": ["first_name"]}


def _constant(written: Any) -> Fill:
    value = written["value"] if isinstance(written, Mapping) and set(written) == {"value"} else written
    if not isinstance(value, str | int | float):
        raise ValueError("is filled from a field's name, CEL, a template, or {value: …}")
    return lambda _: value


def _filled_from(text: str) -> Fill:
    if "{{" in text or "{%" in text:
        template = Template(text, "plain")
        return lambda h: template.render(seen(h)) or None
    if (name := _NAME.fullmatch(text)) is None:
        return _computed(Expression(text))
    if text in FACTS:
        return FACTS[text] if text != _LINK else lambda h: _given(FACTS[_LINK](h))
    field = name[1]
    return lambda h: h.lead.get(field)


def _computed(expression: Expression) -> Fill:
    facts_of = {name: fact for name, fact in FACTS.items() if name != _LINK or _LINK in expression.text}

    def fill(handover: Handover) -> Any:
        facts = {name: _given(fact(handover)) for name, fact in facts_of.items()}
        value = expression.over(activation({"lead": handover.lead, "delivery": facts}))
        return None if isinstance(value, Failed) else value

    return fill


def _given(value: Any) -> Any:
    """Raises TemplateFailed where it is withheld."""
    return str(value) if isinstance(value, Withheld) else value


def from_template(text: str, kind: Kind) -> Write:
    """A body that the contract writes itself; TemplateFailed if it isn't JSON or XML in the end."""
    template = Template(text, kind)
    readable = _READABLE.get(kind)

    def write(handover: Handover) -> bytes:
        body = template.render(seen(handover)).encode()
        try:
            if readable is not None:
                readable(body)
        except ValueError:
            raise TemplateFailed(f"no_{kind}") from None
        return body

    return write


def from_fields(
    fields: Mapping[str, Filling] | None,
    constants: Mapping[str, Scalar],
    tests: Mapping[str, Scalar],
    *,
    kind: Shape,
    envelope: str,
    header: bool = True,
) -> Write:
    """As `valued`, written. `header`: a CSV begins with the names of its columns, each of which is there without a
    value, too."""
    nested = kind in ("json", "xml") and any("." in name for name in (*(fields or ()), *constants, *tests))
    write, values = _writer(kind, envelope, header), valued(fields, constants, tests, blank=kind == "csv")
    return lambda handover: write(nest(values(handover)) if nested else values(handover))


def valued(
    fields: Mapping[str, Filling] | None,
    constants: Mapping[str, Scalar],
    tests: Mapping[str, Scalar],
    *,
    blank: bool,
) -> Callable[[Handover], Values]:
    """Without `fields`: all normal values and `lead_id`. `constants` are always sent, `tests` for tests. `blank`: each
    of `fields` is there, without a value too."""
    fills = None if fields is None else tuple((name, f.fill) for name, f in fields.items())

    def values(handover: Handover) -> Values:
        if fills is None:
            found: Values = {
                k: v for k, v in handover.lead.items() if v is not None and k not in handover.beside
            }
            found["lead_id"] = str(handover.lead_id)
        else:
            found = {name: v for name, fill in fills if (v := fill(handover)) is not None or blank}
        found.update(constants)
        if handover.test:
            found.update(tests)
        return found

    return values


def nest(flat: Values) -> Values:
    """`{"a.b": 1, "a.c": 2}` as `{"a": {"b": 1, "c": 2}}`."""
    root: Values = {}
    for name, value in flat.items():
        *above, last = name.split(".")
        at = root
        for step in above:
            at = at.setdefault(step, {})
        at[last] = value
    return root


def refuse_unfit(names: Sequence[str], kind: str, *, envelope: str = "lead") -> None:
    """Raises ValueError where fields of these names can't stand in one body of this kind."""
    if kind != "csv" and (name := clashing(names)) is not None:
        raise ValueError(f"{name!r} can't be a value and hold others")
    steps = [step for name in (*names, envelope) for step in name.split(".")]
    if kind == "xml" and (bad := next((step for step in steps if not xml.is_name(step)), None)) is not None:
        raise ValueError(f"{bad!r} is no XML name")


def clashing(names: Sequence[str]) -> str | None:
    """A name that is another one's folder (`a` and `a.b`): they can't both be sent."""
    folders = {name[:at] for name in names for at, c in enumerate(name) if c == "."}
    return next((name for name in names if name in folders), None)


def _writer(kind: Shape, envelope: str, header: bool) -> Callable[[Values], bytes]:
    if kind == "json":
        return orjson.dumps
    if kind == "csv":
        return lambda values: _as_csv(values, header)
    return _as_form if kind == "form" else _as_xml(envelope.split("."))


def _as_form(values: Values) -> bytes:
    words = {True: "true", False: "false"}
    return urlencode([(k, words[v] if isinstance(v, bool) else v) for k, v in values.items()]).encode()


def _as_csv(values: Values, header: bool) -> bytes:
    """A line of names, where `header` says so, and one of values."""
    return table(list(values), [values], header=header)


def table(names: Sequence[str], rows: Iterable[Values], *, header: bool) -> bytes:
    """A CSV of these columns; a row's value that is not there is left empty."""
    written = io.StringIO()
    lines = csv.writer(written)
    if header:
        lines.writerow(names)
    lines.writerows([_cell(row.get(name)) for name in names] for row in rows)
    return written.getvalue().encode()


def _cell(value: Any) -> str:
    """What a spreadsheet would run as a formula is text behind an apostrophe; numbers stay what they are."""
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else text_of(value)


def _as_xml(envelope: list[str]) -> Callable[[Values], bytes]:
    *above, name = envelope
    head = '<?xml version="1.0" encoding="UTF-8"?>\n' + "".join(f"<{step}>" for step in above)
    tail = "".join(f"</{step}>" for step in reversed(above))
    return lambda values: f"{head}{xml.written(name, values)}{tail}".encode()


_READABLE: Mapping[Kind, Callable[[bytes], Any]] = {"json": orjson.loads, "xml": xml.read}
