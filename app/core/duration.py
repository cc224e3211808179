"""Spans of time as people write them: `30s`, `5m`, `2h`, `30d`, `1h30m`."""

import re
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import core_schema

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|[smhdw])\s*")


class Duration(str):
    """A span that keeps how it was written; `.seconds` is what it means. A bare number is seconds."""

    seconds: float

    def __new__(cls, text: Any) -> "Duration":
        if isinstance(text, bool) or not isinstance(text, str | int | float):
            raise ValueError("is no duration; write 30s, 5m, 2h or 30d")
        written = f"{text}s" if isinstance(text, int | float) else text.strip()
        at, total = 0, 0.0
        while at < len(written) and (part := _PART.match(written, at)):
            total += float(part[1]) * _UNITS[part[2]]
            at = part.end()
        if at != len(written) or not written or total > 10 * 366 * 86400:
            raise ValueError("is no duration; write 30s, 5m, 2h or 30d")
        self = super().__new__(cls, written)
        self.seconds = total
        return self

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        return {"type": "string", "format": "duration", "examples": ["30s", "5m", "30d"]}
