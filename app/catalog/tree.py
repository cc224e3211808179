"""YAML as a tree that knows where each key and value stands, with bounds on what a file may cost.

Unquoted scalars are read as in YAML 1.2, but what only looks like a number to a programmer stays text:
02134, 0x1f, 12e3. `on`, `yes`, `no` and dates are text too.
"""

import math
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Any, Literal

from msgspec import Struct, field
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from app.catalog.problems import Problem

MOST_BYTES = 10_000_000
MOST_DEPTH = 50
MOST_VALUES = 1_000_000

_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})\Z")
_FLOAT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,30})?\.[0-9]{1,30}(?:[eE][-+]?[0-9]{1,3})?\Z")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_SECRET_LINE = re.compile(r"(?i)(secret|passw|token|key|auth)[^:=]*[:=]\s*")


class Node(Struct):
    """A map, a list or a scalar; `value` is it all as plain Python. Aliases share one Node."""

    kind: Literal["map", "list", "text"]
    start: int
    end: int
    value: Any = None
    style: str | None = None
    keys: dict[str, "Node"] = field(default_factory=dict)
    items: dict[str | int, "Node"] = field(default_factory=dict)
    size: int = 1

    def at(self, path: Iterable[str | int]) -> "Node":
        """The node at a path, or the nearest above it that is there."""
        node = self
        for step in path:
            node = node.items.get(step, node)
        return node


class Text:
    """One file's text: turns indexes into places, and knows which stretches nobody may see."""

    def __init__(self, name: str, text: str) -> None:
        self.name, self.text = name, text
        self._starts = [0, *(m.end() for m in re.finditer(r"\r\n|[\n\r]", text))]
        self._hidden: list[tuple[int, int]] = []

    def hide(self, start: int, end: int) -> None:
        self._hidden.append((start, end))

    def place(self, index: int) -> tuple[int, int]:
        """(line, column) of an index, both from 1."""
        line = bisect_right(self._starts, index)
        return line, index - self._starts[line - 1] + 1

    def line(self, number: int) -> str:
        """The line without what is hidden; of equal length."""
        start = self._starts[number - 1]
        end = self._starts[number] if number < len(self._starts) else len(self.text)
        shown = list(self.text[start:end].rstrip("\r\n"))
        for first, last in self._hidden:
            for at in range(max(first, start), min(last, start + len(shown))):
                shown[at - start] = "•"
        return "".join(shown)

    def problem(
        self, start: int, end: int, message: str, *, path: str = "", hint: str = "", show: bool = True
    ) -> Problem:
        line, column = self.place(min(start, len(self.text)))
        snippet = self.line(line) if show else _blotted(self.line(line))
        width = max(1, min(end - start, len(snippet) - column + 1))
        return Problem(
            file=self.name, line=line, column=column, width=width, path=path,
            message=message, hint=hint, snippet=snippet,
        )  # fmt: skip


class BadYaml(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def parse(text: Text) -> Node | None:
    """The file's one document; None when it is empty. Raises BadYaml."""
    if len(text.text.encode("utf-8", "replace")) > MOST_BYTES:
        raise BadYaml(text.problem(0, 0, "the file is over 10 MB", hint="split it; apply takes several"))
    try:
        return _Composer(text).document()
    except MarkedYAMLError as error:
        raise BadYaml(_syntax(text, error)) from None
    except (YAMLError, ValueError) as error:
        position = getattr(error, "position", 0)
        raise BadYaml(
            text.problem(position, position + 1, "a character that YAML does not allow", show=False)
        ) from None


def _syntax(text: Text, error: MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    index = min(mark.index if mark else 0, len(text.text))
    if text.text[index : index + 1] == "\t" or "'\\t'" in str(error.problem):
        message, hint = "a tab where YAML wants spaces", "indent with spaces only"
    else:
        message = f"is not YAML: {error.problem or error.context}"
        hint = f"{error.context}" if error.context and error.problem else ""
    return text.problem(index, index + 1, message, hint=hint, show=False)


def _blotted(line: str) -> str:
    """A line that could not be read, without what looks like a secret's value."""
    found = _SECRET_LINE.search(line)
    return line[: found.end()] + "•" * (len(line) - found.end()) if found else line


class _Composer:
    def __init__(self, text: Text) -> None:
        self.text = text
        self.events: Iterator[Any] = YAML(typ="safe", pure=True).parse(text.text)
        self.anchors: dict[str, Node] = {}
        self.size = 0

    def document(self) -> Node | None:
        root: Node | None = None
        for event in self.events:
            if type(event).__name__ == "DocumentStartEvent":
                if root is not None:
                    raise self.bad(event, "a second document", "one file holds one; remove the ---")
                root = self.node(next(self.events), 0)
        return None if root is None or (root.kind == "text" and root.value is None) else root

    def bad(self, event: Any, message: str, hint: str = "") -> BadYaml:
        start, end = event.start_mark.index, event.end_mark.index
        return BadYaml(self.text.problem(start, end, message, hint=hint))

    def node(self, event: Any, depth: int) -> Node:
        kind = type(event).__name__
        if kind == "AliasEvent":
            return self.alias(event)
        self.spend(event, 1)
        if depth > MOST_DEPTH:
            raise self.bad(event, f"nested more than {MOST_DEPTH} deep")
        if event.tag is not None:
            raise self.bad(event, "a YAML tag, which has no meaning here", "leave out what begins with !")
        start = event.start_mark.index
        if kind == "ScalarEvent":
            node = self.scalar(event)
        elif kind == "SequenceStartEvent":
            node = self.sequence(Node("list", start, event.end_mark.index, []), depth)
        else:
            node = self.mapping(Node("map", start, event.end_mark.index, {}), depth)
        if event.anchor:
            self.anchors[event.anchor] = node
        return node

    def spend(self, event: Any, size: int) -> None:
        self.size += size
        if self.size > MOST_VALUES:
            raise self.bad(event, f"the file holds more than {MOST_VALUES:,} values, aliases counted")

    def alias(self, event: Any) -> Node:
        node = self.anchors.get(event.anchor)
        if node is None:
            raise self.bad(event, f"*{event.anchor} is used before &{event.anchor} is complete")
        self.spend(event, node.size)
        return node

    def scalar(self, event: Any) -> Node:
        plain = event.style is None or event.style == ""
        value = resolved(event.value) if plain else event.value
        if isinstance(value, str) and _UNSTORABLE.search(value):
            raise self.bad(event, "holds a character that can't be stored (NUL or half a surrogate pair)")
        return Node(
            "text", event.start_mark.index, event.end_mark.index, value, None if plain else event.style
        )

    def sequence(self, node: Node, depth: int) -> Node:
        while type(event := next(self.events)).__name__ != "SequenceEndEvent":
            item = self.node(event, depth + 1)
            node.items[len(node.value)] = item
            node.value.append(item.value)
            node.size += item.size
        return node

    def mapping(self, node: Node, depth: int) -> Node:
        merged: list[Node] = []
        while type(event := next(self.events)).__name__ != "MappingEndEvent":
            if type(event).__name__ != "ScalarEvent":
                raise self.bad(event, "a key that is no text")
            key = Node("text", event.start_mark.index, event.end_mark.index, event.value)
            value_event = next(self.events)
            item = self.node(value_event, depth + 1)
            node.size += item.size + 1
            if event.value == "<<" and not event.style:
                merged += self.merge(value_event, item)
            elif event.value in node.keys:
                line, _ = self.text.place(node.keys[event.value].start)
                raise self.bad(event, f'the key "{event.value}" stands twice', f"first on line {line}")
            else:
                node.keys[event.value], node.items[event.value] = key, item
        for other in merged:
            for name, item in other.items.items():
                node.keys.setdefault(str(name), other.keys[str(name)])
                node.items.setdefault(name, item)
        node.value.update((name, item.value) for name, item in node.items.items())
        return node

    def merge(self, event: Any, item: Node) -> list[Node]:
        maps = list(item.items.values()) if item.kind == "list" else [item]
        if any(one.kind != "map" for one in maps):
            raise self.bad(event, "<< takes a map or a list of maps")
        return maps


def resolved(text: str) -> Any:
    """What an unquoted scalar is: nothing, yes or no, a number, else text."""
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _LEADING_ZERO.match(text):
        return text
    if _INT.match(text):
        return int(text)
    return float(text) if _FLOAT.match(text) and math.isfinite(float(text)) else text


_ESCAPES = {
    "0": "\0", "a": "\a", "b": "\b", "t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r", "e": "\x1b",
    " ": " ", "\t": "\t", "N": "\x85", "_": "\xa0", "L": "\u2028", "P": "\u2029",
}  # fmt: skip
_HEX = {"x": 2, "u": 4, "U": 8}


def index_of(text: Text, node: Node, offset: int) -> int:
    """Where character `offset` of a scalar's value stands in the file, however it is quoted or folded."""
    at, source, value = _content(text, node), text.text, str(node.value)
    found = at
    for i in range(min(offset, len(value) - 1) + 1):
        if value[i].isspace():
            found, at = found + 1, _past_space(source, at, node, value[i])
            continue
        at = _past_folds(source, at, node)
        found = at
        at += _width(source, at, node)
    return found


def _content(text: Text, node: Node) -> int:
    """Where the scalar's own text begins: past an anchor, a quote, or the head of a block."""
    anchor = re.compile(r"&\S+\s+").match(text.text, node.start)
    at = anchor.end() if anchor else node.start
    if node.style in ("|", ">"):
        return text.text.find("\n", at) + 1
    return at + 1 if node.style else at


def _past_folds(source: str, at: int, node: Node) -> int:
    while at < len(source) - 1 and (
        source[at].isspace() or (node.style == '"' and source[at] == "\\" and source[at + 1] in "\r\n")
    ):
        at += 1
    return at


def _past_space(source: str, at: int, node: Node, char: str) -> int:
    """White space in the file is skipped before the next word; an escape of it must be, here."""
    escape = _past_folds(source, at, node)
    if node.style == '"' and source[escape] == "\\" and _escaped(source, escape) == char:
        return escape + _width(source, escape, node)
    return at


def _escaped(source: str, at: int) -> str | None:
    digits = _HEX.get(source[at + 1], 0)
    if digits:
        return chr(int(source[at + 2 : at + 2 + digits], 16))
    return _ESCAPES.get(source[at + 1])


def _width(source: str, at: int, node: Node) -> int:
    if node.style == "'" and source[at] == "'":
        return 2
    if node.style != '"' or source[at] != "\\":
        return 1
    return 2 + _HEX.get(source[at + 1], 0)
