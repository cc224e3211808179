"""pydantic's errors in our words, at the place in the file that they speak of."""

import re
from collections.abc import Iterable, Sequence

from msgspec import Struct
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from app.catalog.kinds import models_in
from app.catalog.problems import nearest, suggestion
from app.catalog.tree import Node
from app.core.expressions import ExpressionError

_UNDECLARED = re.compile(r"undeclared reference to '([^'.]+)")
_SAFE_KEY = re.compile(r"[A-Za-z_][\w-]*\Z")

_TYPES = {
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "set_type": "must be a list",
    "frozen_set_type": "must be a list",
    "dict_type": "must be a map of keys and values",
    "mapping_type": "must be a map of keys and values",
    "model_type": "must be a map of keys and values",
    "model_attributes_type": "must be a map of keys and values",
}
_BOUNDS = {
    "greater_than_equal": ("at least", "ge"),
    "greater_than": ("more than", "gt"),
    "less_than_equal": ("at most", "le"),
    "less_than": ("less than", "lt"),
}


class Fault(Struct, frozen=True, kw_only=True):
    """One thing wrong with one node. `on_key`: the key is at fault, not its value.

    `offset` and `width` say which part of a scalar's own text it is.
    """

    node: Node
    path: str
    message: str
    hint: str = ""
    on_key: bool = False
    key: str = ""
    offset: int | None = None
    width: int = 1


def path_text(path: Sequence[str | int]) -> str:
    """("caps", 0, "leads") → `caps[0].leads`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _SAFE_KEY.match(step):
            text += f".{step}" if text else step
        else:
            text += f'["{step}"]'
    return text


def joined(path: str, more: str) -> str:
    return f"{path}{more}" if more.startswith("[") or not path else f"{path}.{more}" if more else path


def faults(
    error: ValidationError, node: Node, path: str, model: type[BaseModel], *, also: Iterable[str] = ()
) -> list[Fault]:
    """Each error once, under the branch of a union that the writer meant. `also`: other keys known here."""
    found: dict[tuple[int, str], tuple[bool, Fault]] = {}
    for detail in error.errors(include_url=False, include_input=False):
        walked = _Walk(node, detail, model)
        fault = walked.fault(path, also)
        key = (id(fault.node), "" if walked.in_union else fault.key + fault.message)
        if key not in found or (walked.meant and not found[key][0]):
            found[key] = (walked.meant, fault)
    return [fault for _, fault in found.values()]


class _Walk:
    """Follows an error's location down the tree; what is no key or index there names a union's branch."""

    def __init__(self, node: Node, detail: ErrorDetails, model: type[BaseModel]) -> None:
        self.detail, self.kind = detail, detail["type"]
        self.node, self.steps = node, list[str | int]()
        self.models: list[type[BaseModel]] = [model]
        self.meant, self.in_union = True, False
        steps = detail["loc"][:-1] if self.kind in ("missing", "extra_forbidden") else detail["loc"]
        for step in steps:
            self._step(step)

    def _step(self, step: str | int) -> None:
        infos = [m.model_fields[str(step)] for m in self.models if str(step) in m.model_fields]
        if step not in self.node.items:
            self.in_union = True
            self.meant = self.meant and _branch(str(step)) in (None, self.node.kind)
            self.models = [m for m in self.models if m.__name__ == step] or self.models
            return
        if infos:
            self.models = [m for info in infos for m in models_in(info.annotation)]
        self.node = self.node.items[step]
        self.steps.append(step)

    def fault(self, path: str, also: Iterable[str]) -> Fault:
        last = str(self.detail["loc"][-1]) if self.detail["loc"] else ""
        here = joined(path, path_text(self.steps))
        if self.kind == "missing":
            return Fault(node=self.node, path=here, key=last, message=f"needs {last}", hint=f"add {last}: …")
        if self.kind == "extra_forbidden":
            known = {info.alias or n for m in self.models for n, info in m.model_fields.items()}
            return Fault(
                node=self.node, path=joined(here, path_text([last])), key=last, on_key=True,
                message="is not known", hint=suggestion(last, known | set(also), otherwise="known here"),
            )  # fmt: skip
        if last == "[key]":
            return self._key_fault(here)
        return self._value_fault(here)

    def _key_fault(self, here: str) -> Fault:
        key = str(self.detail["loc"][-2])
        message, hint = _words(self.detail, self.node)
        return Fault(node=self.node, path=here, key=key, on_key=True, message=message, hint=hint)

    def _value_fault(self, here: str) -> Fault:
        cause = (self.detail.get("ctx") or {}).get("error")
        if isinstance(cause, ExpressionError):
            return expression_fault(cause, self.node, here)
        message, hint = _words(self.detail, self.node)
        return Fault(node=self.node, path=here, message=message, hint=hint)


def _branch(tag: str) -> str | None:
    """Which kind of node the branch of a union is for: `tuple[str, ...]` a list, `MapTo` a map, `str` a text."""
    if re.match(r"(tuple|list|set|frozenset)\b", tag):
        return "list"
    if re.match(r"(str|int|float|bool|constrained|function|lax|decimal|literal|nullable)", tag):
        return "text"
    return "map" if tag[:1].isupper() or tag.startswith("dict") else None


def expression_fault(error: ExpressionError, node: Node, path: str, names: Iterable[str] = ()) -> Fault:
    """Where in its own text an expression does not compile, and what of it."""
    text = node.value if isinstance(node.value, str) else str(node.value)
    starts = [0, *(m.end() for m in re.finditer("\n", text))]
    offset = min(starts[min(error.line, len(starts)) - 1] + error.column - 1, max(len(text) - 1, 0))
    hint, width = error.message, error.width
    if unknown := _UNDECLARED.match(error.message):
        name = unknown[1]
        offset, width = _word_before(text, name, offset), len(name)
        hint = f'nothing is called "{name}"; {suggestion(name, names or error.names)}'
    elif hint.startswith("token recognition error") and text[offset : offset + 1] in ("'", '"'):
        hint = "this quote is not closed"
    elif "<EOF>" in hint:
        hint = "it ends too early" if text.strip() else "it is empty; leave the key out"
    return Fault(node=node, path=path, message="does not compile", hint=hint, offset=offset, width=width)


def _word_before(text: str, name: str, offset: int) -> int:
    """CEL points at the dot or the bracket behind a name; the name is what is wrong."""
    places = [m.start() for m in re.finditer(rf"\b{re.escape(name)}\b", text)]
    return max((place for place in places if place <= offset), default=offset)


def _words(detail: ErrorDetails, node: Node) -> tuple[str, str]:
    """(message, hint), never with the value itself."""
    kind, context = detail["type"], detail.get("ctx") or {}
    if kind == "value_error":
        message, _, hint = str(context.get("error", "is wrong")).partition("; ")
        return message, hint
    if kind in _BOUNDS:
        word, name = _BOUNDS[kind]
        return f"must be {word} {context[name]:,}", ""
    if kind in ("literal_error", "enum"):
        return _one_of(str(context["expected"]), node)
    if kind == "string_pattern_mismatch":
        return "is not written as it should be", f"it must match {context['pattern']}"
    if kind.startswith("union_tag"):
        tags = str(context.get("expected_tags", ""))
        return "does not say which kind it is", f"one of {tags}" if tags else ""
    return _of_type(kind, detail, node)


def _of_type(kind: str, detail: ErrorDetails, node: Node) -> tuple[str, str]:
    message = _TYPES.get(kind)
    if message is None:
        text = detail["msg"].removeprefix("Input should be ").removeprefix("Value should be ")
        return (f"must be {text}" if text != detail["msg"] else text[:1].lower() + text[1:]), ""
    if node.kind == "text" and node.value is None:
        return "is empty", f"it {message}, or leave the key out"
    hint = "put it in quotes" if kind == "string_type" and node.kind == "text" else ""
    return message, hint


def _one_of(expected: str, node: Node) -> tuple[str, str]:
    names = re.findall(r"'([^']*)'", expected)
    given = node.value if isinstance(node.value, str) else ""
    return "must be " + _or(names) if names else f"must be {expected}", nearest(given, names)


def _or(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " or " + names[-1]
