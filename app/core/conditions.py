"""What of a condition can be looked up in an index or answered at once, and what must be asked of CEL.

Only the question "is it the boolean true?" is kept, and for that `&&`, `||` and `!` split exactly: a
conjunction is true where every part is, whatever the others fail with. All that is not plainly one of
the forms below stays an expression, so a doubt costs time and never an answer. Whole numbers beyond
64 bits are no CEL values; intake refuses them.
"""

import re
import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

from msgspec import Struct

from app.core.expressions import WORTH, Expression, WorthExpression, activation
from app.model import Scalar, Worth

Op = Literal["in", "not_in", "is", "above", "from", "below", "upto", "prefix", "has", "has_not"]
Facts = Mapping[str, Scalar]
"""A lead's valid normal values by field; and what it is worth, under `$score` and the like, which name no field."""

_MARK = "$"

_TOKEN = re.compile(
    r"""\s*(?:("[^"\\\n]*"|'[^'\\\n]*')|([A-Za-z_]\w*)|(\d+(?:\.\d+)?)|(&&|\|\||[=!<>]=|[-+*/%<>!?:.,()\[\]{}]))"""
)
_ORDER: dict[str, Op] = {">": "above", ">=": "from", "<": "below", "<=": "upto"}
_OPPOSITE: dict[Op, Op] = {"in": "not_in", "not_in": "in", "has": "has_not", "has_not": "has"}
_PAIRS = {"(": ")", "[": "]", "{": "}"}
_EXACT = 2**53  # below it CEL compares whole numbers and doubles as Python does
_MISSING = object()


class Question(Struct, frozen=True):
    """One question about one field. `is` wants that boolean and nothing like it."""

    op: Op
    field: str
    values: tuple[Scalar, ...]
    text: str

    def holds(self, lead: Facts, source: str = "") -> bool:
        value = lead.get(self.field, _MISSING)
        if value is _MISSING:
            return self.op == "has_not"
        match self.op:
            case "in" | "not_in":
                return (identity(value) in map(identity, self.values)) is (self.op == "in")
            case "is":
                return value is self.values[0]
            case "prefix":
                return isinstance(value, str) and value.startswith(self.values)  # type: ignore[arg-type]  # all are str
            case "has" | "has_not":
                return self.op == "has"
        return (
            isinstance(value, int | float)
            and value is not True
            and value is not False
            and self._beside(value)
        )

    def _beside(self, value: float) -> bool:
        (limit,) = self.values
        assert isinstance(limit, int | float)
        match self.op:
            case "above":
                return value > limit
            case "from":
                return value >= limit
            case "below":
                return value < limit
        return value <= limit


class Every(Struct, frozen=True):
    """True where all of its parts are."""

    parts: tuple["Node", ...]
    text: str

    def holds(self, lead: Facts, source: str = "") -> bool:
        return all(part.holds(lead, source) for part in self.parts)


class Either(Struct, frozen=True):
    """True where any of its parts is."""

    parts: tuple["Node", ...]
    text: str

    def holds(self, lead: Facts, source: str = "") -> bool:
        return any(part.holds(lead, source) for part in self.parts)


class Asked(Struct, frozen=True):
    """A part that only CEL can answer."""

    expression: Expression
    text: str

    def holds(self, lead: Facts, source: str = "") -> bool:
        return self.expression.over(asking(lead, source)) is True


Node = Question | Every | Either | Asked


def facts_of(normals: Facts, worth: Worth | None) -> Facts:
    """What a contract's `when` may speak of beside the source; an unknown probability is missing."""
    if worth is None:
        return normals
    known: dict[str, Scalar] = {
        **normals, "$score": worth.score, "$grade": worth.grade, "$sales_ready": worth.sales_ready,
    }  # fmt: skip
    if worth.probability is not None:
        known["$probability"] = worth.probability
    return known


def asking(lead: Facts, source: str) -> Any:
    """What a contract's expressions may speak of: `lead`, its worth, and `source` by its id."""
    if "$score" not in lead:
        return activation({"lead": lead, "source": source})
    worth = {name: lead[_MARK + name] for name in WORTH if _MARK + name in lead}
    fields = {name: value for name, value in lead.items() if name[0] != _MARK}
    return activation({"lead": fields, "source": source, **worth})


def identity(value: Any) -> Any:
    """A key that is equal where CEL's `==` is true: 1 is 1.0, true is not 1."""
    return (value,) if value is True or value is False else value


@lru_cache(maxsize=8192)
def conjuncts(expression: Expression) -> tuple[Node, ...]:
    """The parts that must all be true, in the order they are written."""
    tokens = _tokens(expression.text)
    if tokens is None:
        return (Asked(expression, expression.text),)
    node = _Reader(expression.text, tokens).node(0, len(tokens))
    if node is None:
        return (Asked(expression, expression.text),)
    return node.parts if isinstance(node, Every) else (node,)


class _Token(Struct, frozen=True):
    kind: Literal["string", "name", "number", "mark"]
    text: str
    start: int
    end: int


_KINDS: tuple[Literal["string", "name", "number", "mark"], ...] = ("string", "name", "number", "mark")


def _tokens(text: str) -> list[_Token] | None:
    """None for what we don't read: escapes, raw and long strings, comments, unbalanced brackets."""
    found: list[_Token] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None or match.lastindex is None:
            return None
        kind = _KINDS[match.lastindex - 1]
        token = _Token(kind, match[match.lastindex], match.start(match.lastindex), match.end())
        if found and found[-1].end == token.start and _glued(found[-1], token):
            return None
        found.append(token)
        at = match.end()
    return found if _balanced(found) else None


def _glued(before: _Token, token: _Token) -> bool:
    """`r"x"`, `\"""`, `1u`, `0x1F`, `//`: one thing to CEL, two to us."""
    if before.text == token.text == "/":
        return True
    return before.kind != "mark" and token.kind != "mark"


def _balanced(tokens: Sequence[_Token]) -> bool:
    waiting: list[str] = []
    for token in tokens:
        if token.kind != "mark":
            continue
        if token.text in _PAIRS:
            waiting.append(_PAIRS[token.text])
        elif token.text in ")]}" and (not waiting or waiting.pop() != token.text):
            return False
    return not waiting


class _Reader:
    """Reads ranges of tokens; a range that can't be read at all is None."""

    def __init__(self, text: str, tokens: Sequence[_Token]) -> None:
        self.text, self.tokens = text, tokens

    def node(self, low: int, high: int) -> Node | None:
        if low >= high or self._splits(low, high, "?"):
            return self._asked(low, high)
        for mark, kind in (("||", Either), ("&&", Every)):
            if cuts := self._splits(low, high, mark):
                return self._joined(kind, [low, *(c + 1 for c in cuts)], [*cuts, high])
        if self._wrapped(low, high):
            return self.node(low + 1, high - 1)
        if self.tokens[low].text == "!" and (negated := self._negated(low, high)) is not None:
            return negated
        return self._test(low, high) or self._asked(low, high)

    def _joined(self, kind: Any, lows: list[int], highs: list[int]) -> Node | None:
        text = self._slice(lows[0], highs[-1])
        parts: list[Node] = []
        for low, high in zip(lows, highs, strict=True):
            part = self.node(low, high)
            if part is None or (kind is Either and asks(part)):
                return self._asked(lows[0], highs[-1])
            parts.extend(part.parts if isinstance(part, kind) else (part,))
        return (_merged(parts, text) if kind is Either else None) or kind(tuple(parts), text)

    def _negated(self, low: int, high: int) -> Node | None:
        text = self._slice(low, high)
        if self._field(low + 1, high) is not None:
            return Question("is", self.tokens[low + 3].text, (False,), text)
        if not self._wrapped(low + 1, high) and not self._has(low + 1, high):
            return None
        inner = self.node(low + 1, high)
        return None if inner is None else _opposite(inner, text)

    def _test(self, low: int, high: int) -> Question | None:
        text = self._slice(low, high)
        if self._has(low, high):
            return Question("has", self.tokens[low + 4].text, (), text)
        if (subject := self._subject(low, high)) is None:
            return None
        field, at = subject
        if at == high:
            return Question("is", field, (True,), text)
        if high - at < 2:
            return None
        word = self.tokens[at].text
        if word == "in":
            return self._listed(field, at + 1, high, text)
        if word == "." and self._words(at + 1, at + 3) == ["startsWith", "("]:
            prefix = self._literal(at + 3, high - 1)
            return Question("prefix", field, prefix, text) if prefix and isinstance(prefix[0], str) else None
        return self._compared(field, word, self._literal(at + 1, high), text)

    def _compared(
        self, field: str, word: str, value: tuple[Scalar, ...] | None, text: str
    ) -> Question | None:
        if value is None:
            return None
        if word in ("==", "!="):
            return Question("in" if word == "==" else "not_in", field, value, text)
        if word in _ORDER and isinstance(value[0], int | float) and not isinstance(value[0], bool):
            return Question(_ORDER[word], field, value, text)
        return None

    def _listed(self, field: str, low: int, high: int, text: str) -> Question | None:
        if self._words(low, low + 1) != ["["] or self._words(high - 1, high) != ["]"]:
            return None
        values: list[Scalar] = []
        at = low + 1
        while at < high - 1:
            end = at + 2 if self.tokens[at].text == "-" else at + 1
            literal = self._literal(at, end)
            if literal is None or self.tokens[end].text not in (",", "]"):
                return None
            values.append(literal[0])
            at = end + 1
        return Question("in", field, tuple(values), text)

    def _literal(self, low: int, high: int) -> tuple[Scalar, ...] | None:
        """One literal in a tuple, since None is a value too."""
        if high - low == 2 and self.tokens[low].text == "-" and self.tokens[low + 1].kind == "number":
            positive = self._literal(low + 1, high)
            return None if positive is None else (-positive[0],)  # type: ignore[operator]  # it is a number
        if high - low != 1:
            return None
        token = self.tokens[low]
        if token.kind == "string":
            return (sys.intern(token.text[1:-1]),)
        if token.kind == "number":
            number = float(token.text) if "." in token.text else int(token.text)
            return (number,) if number < _EXACT else None
        words: dict[str, Scalar] = {"true": True, "false": False, "null": None}
        return (words[token.text],) if token.text in words else None

    def _subject(self, low: int, high: int) -> tuple[str, int] | None:
        """The fact that is spoken of first, and where it ends."""
        if low < high and self.tokens[low].kind == "name" and self.tokens[low].text in WORTH:
            return _MARK + self.tokens[low].text, low + 1
        field = self._field(low, low + 3) if low + 3 <= high else None
        return None if field is None else (field, low + 3)

    def _field(self, low: int, high: int) -> str | None:
        if high - low != 3 or high > len(self.tokens) or self._words(low, low + 2) != ["lead", "."]:
            return None
        return self.tokens[low + 2].text if self.tokens[low + 2].kind == "name" else None

    def _has(self, low: int, high: int) -> bool:
        return (
            high - low == 6
            and self._words(low, low + 2) == ["has", "("]
            and self._field(low + 2, low + 5) is not None
            and self.tokens[high - 1].text == ")"
        )

    def _wrapped(self, low: int, high: int) -> bool:
        """One pair of parentheses around it all."""
        if low >= high or self.tokens[low].text != "(":
            return False
        depth = 0
        for at in range(low, high):
            depth += self._step(at)
            if not depth:
                return at == high - 1
        return False

    def _splits(self, low: int, high: int, mark: str) -> list[int]:
        depth, found = 0, []
        for at in range(low, high):
            depth += self._step(at)
            if not depth and self.tokens[at].kind == "mark" and self.tokens[at].text == mark:
                found.append(at)
        return found

    def _step(self, at: int) -> int:
        token = self.tokens[at]
        if token.kind != "mark":
            return 0
        return 1 if token.text in _PAIRS else -1 if token.text in ")]}" else 0

    def _words(self, low: int, high: int) -> list[str]:
        return [token.text for token in self.tokens[low:high] if token.kind != "string"]

    def _slice(self, low: int, high: int) -> str:
        return self.text[self.tokens[low].start : self.tokens[high - 1].end] if low < high else ""

    def _asked(self, low: int, high: int) -> Node | None:
        text = self._slice(low, high)
        try:
            return Asked(WorthExpression(text), text)
        except ValueError:
            return None  # not an expression by itself: the whole must be asked


def asks(node: Node) -> bool:
    """Whether only CEL can answer it."""
    if isinstance(node, Every | Either):
        return any(asks(part) for part in node.parts)
    return isinstance(node, Asked)


def _merged(parts: Sequence[Node], text: str) -> Question | None:
    """`a == 1 || a == 2` is `a in [1, 2]`; several prefixes likewise."""
    tests = [part for part in parts if isinstance(part, Question) and part.op in ("in", "prefix")]
    if len(tests) < len(parts) or len({(test.op, test.field) for test in tests}) > 1:
        return None
    values = tuple(value for test in tests for value in test.values)
    return Question(tests[0].op, tests[0].field, values, text)


def _opposite(node: Node, text: str) -> Node | None:
    """What is true exactly where `node` is false (not where it fails), if we can say it."""
    if isinstance(node, Question):
        if node.op == "is":
            return Question("is", node.field, (not node.values[0],), text)
        return Question(_OPPOSITE[node.op], node.field, node.values, text) if node.op in _OPPOSITE else None
    if isinstance(node, Asked):
        return None
    parts = [_opposite(part, part.text) for part in node.parts]
    if any(part is None for part in parts):
        return None
    kept = tuple(part for part in parts if part is not None)
    return Either(kept, text) if isinstance(node, Every) else Every(kept, text)
