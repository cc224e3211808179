"""How a contract reads a buyer's reply: rules that are yes or no, and readings that give a text.

A rule is CEL over `reply` (`status`, `headers`, `text`, `json`, `xml`). A reading is written as one of

    reply.json.id            CEL, anything that begins with `reply`
    result.lead.0.id         a path into the JSON or XML body; `$.result.id` for JSON alone
    //lead_id, /response/id  XPath
    css:#result b            a CSS selector into the HTML (or XML) body; `css:input[name=id]@value` is its attribute
    regex:ID=(\\d+)           the first group, else the whole match, in the first 500 characters

XPath and selectors look into no page of more than 2,000 elements, or deeper than 64.
Python's `re` can be made to run for hours, so a regex must also be one of RE2 (which is asked first, in
linear time), has no repeated group, at most two repeats of variable length and three choices: the slowest
that we found took 0.08 s; with 1,000 characters and six choices it was 4.4 s.
"""

import json
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from cssselect import HTMLTranslator, SelectorError
from lxml import etree
from pydantic import GetCoreSchemaHandler
from pydantic_core import core_schema

from app.core.expressions import Expression, Failed
from app.distribute import xml
from app.distribute.plain import plain
from app.distribute.replies import PARTS, Opened
from app.model import Scalar

REGEX_CHARACTERS = 500
READ_CHARACTERS = 200
SCALAR_CHARACTERS = 2_000

_PATH = re.compile(r"\$|(?:\$\.)?[\w@#-]+(?:\.[\w@#-]+|\[\d+\])*")
_ATTRIBUTE = re.compile(r"[A-Za-z][\w:-]*")
_PART = re.compile(r"\breply\.(\w+)")
_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'")


def needed(expression: Expression) -> tuple[str, ...]:
    """The parts of a reply that an expression looks at; all of them if it can't be told."""
    text = _QUOTED.sub("", expression.text)
    named = _PART.findall(text)
    if len(named) != len(re.findall(r"\breply\b", text)):
        return PARTS
    return tuple(part for part in PARTS if part in named)


class Rule:
    """A CEL expression over `reply`, with what it needs of it."""

    __slots__ = ("_plain", "expression", "needs", "reads_body")

    def __init__(self, expression: Expression) -> None:
        self.expression = expression
        self._plain = plain(expression.text)
        self.needs = needed(expression)
        self.reads_body = not {"text", "json", "xml"}.isdisjoint(self.needs)

    def value(self, opened: Opened) -> Any:
        """Its value, or Failed: for a field that isn't there, a body that can't be read."""
        if self._plain is not None:
            return self._plain(opened)
        try:
            return self.expression.over(opened.activation())
        except (RuntimeError, TypeError, ValueError):
            return Failed("unreadable")


class Reading:
    """Where a text stands in a reply, compiled when saved. `text` is how it was written."""

    __slots__ = ("_find", "needs", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        rule = _rule(text)
        self.needs = rule.needs if rule is not None else ()
        self._find = rule.value if rule is not None else _finder(text)

    def of(self, opened: Opened) -> str | None:
        """The text there, at most 200 characters; None where there is none."""
        try:
            found = self._find(opened)
        except (ValueError, LookupError, TypeError):
            return None
        if isinstance(found, bool) or not isinstance(found, str | int | float):
            return None
        return str(found).strip()[:READ_CHARACTERS] or None

    def scalar(self, opened: Opened) -> Scalar:
        """The text, number or yes and no that stands there; None where there is nothing, or more than one value."""
        try:
            found = self._find(opened)
        except (ValueError, LookupError, TypeError):
            return None
        if isinstance(found, str):
            return found.strip()[:SCALAR_CHARACTERS] or None
        return found if isinstance(found, bool | int | float) else None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reading) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"Reading({self.text!r})"

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            lambda value: value if isinstance(value, Reading) else _shared(str(value)),
            serialization=core_schema.plain_serializer_function_ser_schema(lambda r: r.text),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        examples = ["reply.json.id", "result.id", "//lead_id", "css:#lead-id", r"regex:ID=(\d+)"]
        return {"type": "string", "format": "reading", "examples": examples}


@lru_cache(4_096)
def _shared(text: str) -> Reading:
    return Reading(text)


def _rule(text: str) -> Rule | None:
    if text.startswith(("regex:", "css:", "/")) or (_PATH.fullmatch(text) and not re.match(r"reply\b", text)):
        return None
    return Rule(Expression(text))


def _finder(text: str) -> Callable[[Opened], Any]:
    if text.startswith("regex:"):
        return _regex(text.removeprefix("regex:"))
    if text.startswith("css:"):
        return _css(text.removeprefix("css:"))
    return _xpath(text) if text.startswith("/") else _path(text)


def _path(text: str) -> Callable[[Opened], Any]:
    steps = [step for step in re.split(r"[.\[\]]", text.removeprefix("$")) if step]

    def find(opened: Opened) -> Any:
        try:
            at = opened.part("json")
        except ValueError:
            if text.startswith("$"):
                raise
            at = opened.part("xml")
        for step in steps:
            at = at[int(step)] if isinstance(at, list) else at[step]
        return at

    return find


def _xpath(text: str) -> Callable[[Opened], Any]:
    try:
        compiled = etree.XPath(text)
    except etree.XPathSyntaxError:
        raise ValueError("is no XPath") from None

    def find(opened: Opened) -> Any:
        try:
            found = compiled(xml.searchable(opened.part("root")))
        except etree.XPathError:
            return None
        if isinstance(found, Sequence) and not isinstance(found, str):
            found = found[0]
        return "".join(found.itertext()) if hasattr(found, "itertext") else found

    return find


def _css(text: str) -> Callable[[Opened], Any]:
    selector, at, attribute = text.rpartition("@")
    if not at or not _ATTRIBUTE.fullmatch(attribute):
        selector, attribute = text, ""
    try:
        compiled = etree.XPath(HTMLTranslator().css_to_xpath(selector))
    except (SelectorError, etree.XPathSyntaxError):
        raise ValueError("is no CSS selector") from None

    def find(opened: Opened) -> Any:
        try:
            found = compiled(xml.searchable(opened.part("page")))
        except etree.XPathError:
            return None
        if not found:
            return None
        return found[0].get(attribute.lower()) if attribute else "".join(found[0].itertext())

    return find


def _regex(pattern: str) -> Callable[[Opened], Any]:
    gate = Expression(f"reply.text.matches({json.dumps(pattern)})")
    if gate.value({"reply": {"text": ""}}) not in (True, False):
        raise ValueError("is no regular expression that RE2 knows (no look-around, no back reference)")
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error.msg}") from None
    _refuse_slow(pattern)

    def find(opened: Opened) -> Any:
        text = opened.part("text")[:REGEX_CHARACTERS]
        if not gate.holds({"reply": {"text": text}}):
            return None
        match = compiled.search(text)
        return None if match is None else match[1 if compiled.groups else 0]

    return find


def _refuse_slow(pattern: str) -> None:
    """ValueError for what can make `re` try again and again: repeated groups, many repeats or choices."""
    bare = re.sub(r"\[\^?\]?(?:[^\]\\]|\\.)*\]", "x", re.sub(r"\\.", "x", pattern))
    repeats = len(re.findall(r"[*+]|\{\d*,\d*\}", bare))
    choices = bare.count("|") + len(re.findall(r"(?<![*+}(])\?", bare))
    if re.search(r"\)[*+{]", bare) or repeats > 2 or choices > 3:
        raise ValueError("could run too long: no repeated group, at most two of * + {m,n}, three of | ?")
