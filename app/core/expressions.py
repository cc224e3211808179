"""CEL, the one language of `when`, `accepted`, scores and computed fields: compiled when saved.

An expression is a value that pydantic validates from its text, so a settings model just declares
`when: Expression | None`. Evaluation never raises: an error (a missing field, a wrong type) is a
`Failed` value, and `holds` is False for it.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from typing import Any, ClassVar

from cel_expr_python import cel
from msgspec import Struct
from pydantic import GetCoreSchemaHandler
from pydantic_core import core_schema

VARIABLES = ("lead", "reply", "source", "campaign", "delivery", "contract", "price", "now")

_ENV = cel.NewEnv(variables=dict.fromkeys(VARIABLES, cel.Type.DYN))
_SCORED = cel.NewEnv(variables=dict.fromkeys((*VARIABLES, "score", "grade"), cel.Type.DYN))
WORTH = ("score", "grade", "sales_ready", "probability")
_WORTH = cel.NewEnv(variables=dict.fromkeys((*VARIABLES, *WORTH), cel.Type.DYN))
_NO_VALUE = (cel.Type.ERROR, cel.Type.UNKNOWN)
_PLACE = re.compile(r"<input>:(\d+):(\d+): (.*)")
_REFERENCE = re.compile(r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|\blead\.([A-Za-z_]\w*)""")


class Failed(Struct, frozen=True):
    """Why an expression has no value. Codes and field names only, never a lead's data."""

    why: str


class ExpressionError(ValueError):
    """The text does not compile. `column` counts from 1 within the expression's own text; `names` are what it
    could have spoken of."""

    def __init__(self, message: str, column: int, line: int = 1, width: int = 1) -> None:
        super().__init__(message)
        self.names: tuple[str, ...] = VARIABLES
        self.message, self.column, self.line, self.width = message, column, line, width


class Expression:
    """One compiled CEL expression; equal when its text is."""

    __slots__ = ("_compiled", "text")
    _env: ClassVar[Any] = _ENV
    _names: ClassVar[tuple[str, ...]] = VARIABLES

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            self._compiled = _compiled(self._env, text)
        except ExpressionError as error:
            error.names = self._names
            raise

    def value(self, data: Mapping[str, Any]) -> Any:
        """The value over `data` (variable → value), or Failed; plain str, bool, int, float, list, dict or None."""
        return self.over(self._env.Activation(data))

    def over(self, activation: Any) -> Any:
        """As `value`, over an `activation(...)` that several expressions share (four times quicker)."""
        try:
            result = self._compiled.eval(activation)
        except RuntimeError:
            return Failed("no_text")  # half of a surrogate pair, which has no UTF-8
        value = result.value()
        if isinstance(value, str) and result.type() in _NO_VALUE:
            return Failed(value.split(":", 1)[0].lower())
        return value

    def holds(self, data: Mapping[str, Any]) -> bool:
        """True only where the value is the boolean true; an error is a no."""
        return self.value(data) is True

    def lead_fields(self) -> list[tuple[str, int]]:
        """Names used as `lead.NAME`, each with its 1-based column, for «did you mean»."""
        return [(m[2], m.start(2) + 1) for m in _REFERENCE.finditer(self.text) if m[2]]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expression) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        def read(value: Any) -> "Expression":
            if isinstance(value, cls):
                return value
            return cls(value if isinstance(value, str) else str(value))

        return core_schema.no_info_plain_validator_function(
            read,
            serialization=core_schema.plain_serializer_function_ser_schema(lambda e: e.text),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        return {"type": "string", "format": "cel", "examples": ['lead.state in ["CA", "NV"]']}


def compile_over(text: str, names: Iterable[str]) -> None:
    """Raises ExpressionError where it speaks of anything but the variables of these names."""
    _compiled(_env_of(tuple(names)), text)


@cache
def _env_of(names: tuple[str, ...]) -> Any:
    return cel.NewEnv(variables=dict.fromkeys(names, cel.Type.DYN))


@lru_cache(16_384)
def _compiled(env: Any, text: str) -> Any:
    """Shared by all who say the same: a thousand contracts of one buyer, and the next version of the catalogue."""
    try:
        return env.compile(text)
    except RuntimeError as error:
        place = _PLACE.search(str(error))
        if place is None:
            raise ExpressionError("does not compile", 1) from None
        message = place[3].removeprefix("Syntax error: ").replace(" (in container '')", "")
        message = re.sub(r" expecting \{.*", "", message)
        raise ExpressionError(message, int(place[2]), int(place[1])) from None


class ScoredExpression(Expression):
    """One that may speak of a lead's `score` and `grade`, where these are known."""

    __slots__ = ()
    _env: ClassVar[Any] = _SCORED
    _names: ClassVar[tuple[str, ...]] = (*VARIABLES, "score", "grade")


class WorthExpression(Expression):
    """One that may speak of what a lead was found to be worth: a contract's filter."""

    __slots__ = ()
    _env: ClassVar[Any] = _WORTH
    _names: ClassVar[tuple[str, ...]] = (*VARIABLES, *WORTH)


RETURN = (
    "lead", "source", "reason", "price", "age", "attempts", "days", "verified", "contradicted", "over_cap", "sold",
    "returned", "evidence",
)  # fmt: skip
_RETURN = cel.NewEnv(variables=dict.fromkeys(RETURN, cel.Type.DYN))


class ReturnExpression(Expression):
    """One that decides on a buyer's wish to give a lead back."""

    __slots__ = ()
    _env: ClassVar[Any] = _RETURN
    _names: ClassVar[tuple[str, ...]] = RETURN


FEEDBACK = ("item", "body")
_FEEDBACK = cel.NewEnv(variables=dict.fromkeys(FEEDBACK, cel.Type.DYN))


class FeedbackExpression(Expression):
    """One that finds in a document of a buyer's own system what it says of a lead."""

    __slots__ = ()
    _env: ClassVar[Any] = _FEEDBACK
    _names: ClassVar[tuple[str, ...]] = FEEDBACK


def activation(data: Mapping[str, Any]) -> Any:
    """What `Expression.over` evaluates against; build it once for one lead and many expressions."""
    return _WORTH.Activation(data)
