"""Texts with a lead's values in them: sandboxed, escaped for where they go, capped in size.

A value is escaped for its place unless it passed `tojson` or `safe`: in a JSON body between quotes, in an
XML body as text, in a form body percent-encoded, in a header with its line breaks taken out. So a name with
a quote in it can neither break the body nor add a field to it.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal
from urllib.parse import quote_plus

import orjson
from jinja2 import ChainableUndefined, TemplateError, TemplateSyntaxError, Undefined
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from app.distribute.xml import escaped

OUTPUT_CHARACTERS = 262_144

Place = Literal["json", "xml", "form", "header", "plain", "slack", "teams"]


class TemplateFailed(Exception):
    """The text can't be made for this lead. The message holds no value of it."""


class Withheld:
    """Stands where a value would: false to whoever asks, and nothing that has it in it can be written."""

    __slots__ = ("_why",)

    def __init__(self, why: str) -> None:
        self._why = why

    def __bool__(self) -> bool:
        return False

    def __str__(self) -> str:
        raise TemplateFailed(self._why)


class _Environment(ImmutableSandboxedEnvironment):
    """Without the ways in which one small expression becomes a gigabyte."""

    intercepted_binops = frozenset({"*", "**", "%"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator == "**" or not all(isinstance(side, int | float) for side in (left, right)):
            raise SecurityError(f"{operator} is for small numbers only")
        return super().call_binop(context, operator, left, right)

    def wrap_str_format(self, value: Any) -> None:
        return None  # no `format` at all: the sandbox guards what it reaches, not how wide it writes

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        growing = {"center", "ljust", "rjust", "zfill", "expandtabs", "format", "format_map", "replace"}
        if isinstance(obj, str) and attr in growing:
            return False
        return super().is_safe_attribute(obj, attr, value)


def text_of(value: Any) -> str:
    if value is None or isinstance(value, Undefined):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


_SLACK = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})  # so nobody is called by <!channel>
_MARKDOWN = re.compile(r"([\\`*_\[\]()<>~#|])")
_ESCAPES: Mapping[str, Callable[[str], str]] = {
    "json": lambda text: orjson.dumps(text).decode()[1:-1],
    "xml": escaped,
    "form": quote_plus,
    "header": lambda text: " ".join(text.split()),
    "plain": lambda text: text,
    "slack": lambda text: " ".join(text.translate(_SLACK).split()),
    "teams": lambda text: _MARKDOWN.sub(r"\\\1", " ".join(text.split())),
}


def _environment(place: str) -> _Environment:
    escape = _ESCAPES[place]

    def finalize(value: Any) -> Any:
        return str(value) if isinstance(value, Markup) else escape(text_of(value))

    environment = _Environment(finalize=finalize, undefined=ChainableUndefined, keep_trailing_newline=False)
    for name in ("center", "format", "indent", "xmlattr", "wordwrap", "replace", "pprint", "random"):
        environment.filters.pop(name, None)
    environment.globals.clear()
    return environment


_ENVIRONMENTS = {place: _environment(place) for place in _ESCAPES}


class Template:
    """A template for one place, compiled when saved. ValueError, with its line, for one that is none."""

    __slots__ = ("_compiled", "text")

    def __init__(self, text: str, place: Place) -> None:
        self.text = text
        try:
            self._compiled = _ENVIRONMENTS[place].from_string(text)
        except TemplateSyntaxError as error:
            raise ValueError(f"line {error.lineno}: {error.message}") from None
        except TemplateError as error:
            raise ValueError(f"is no template: {type(error).__name__}") from None

    def render(self, values: Mapping[str, Any]) -> str:
        """The text, or TemplateFailed."""
        parts, size = [], 0
        try:
            for part in self._compiled.generate(values):
                size += len(part)
                if size > OUTPUT_CHARACTERS:
                    raise TemplateFailed("too_long")
                parts.append(part)
        except (TemplateError, ArithmeticError, TypeError, ValueError, LookupError, AttributeError) as error:
            raise TemplateFailed(type(error).__name__) from None
        return "".join(parts)
