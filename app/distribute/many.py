"""Writes many leads as one file: a table, a list, an XML root with an element for each, ADF of several prospects."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeVar
from uuid import UUID

import orjson

from app.distribute import adf, bodies, xml
from app.distribute.adapter import Handover
from app.distribute.templates import TemplateFailed
from app.model import Scalar

Kind = Literal["csv", "json", "ndjson", "xml", "adf"]

CONTENT_TYPES: Mapping[Kind, str] = {
    "csv": bodies.CONTENT_TYPES["csv"],
    "json": bodies.CONTENT_TYPES["json"],
    "ndjson": "application/x-ndjson",
    "xml": bodies.CONTENT_TYPES["xml"],
    "adf": adf.CONTENT_TYPE,
}


T = TypeVar("T")


class Many:
    """The files of one contract. A lead of which no row can be made stands in nobody's way."""

    def __init__(
        self,
        kind: Kind,
        fields: Mapping[str, bodies.Filling] | None = None,
        *,
        tests: Mapping[str, Scalar] = {},
        header: bool = True,
        envelope: str = "lead",
        template: str | None = None,
    ) -> None:
        """`envelope`: what is around each lead in XML; its last step is each lead's, those before are the root's."""
        self._kind, self._header = kind, header
        *above, self._element = envelope.split(".")
        self._above = above or ["leads"]
        self._columns = list(fields) if fields is not None else None
        self._whole = fields is None
        self._values = bodies.valued(fields, {}, tests, blank=kind == "csv")
        self._adf = adf.Adf(fields) if kind == "adf" else None
        self._template = None
        if template is not None:
            self._template = bodies.from_template(template, "xml" if kind == "xml" else "json")

    def write(self, handovers: Sequence[Handover]) -> tuple[bytes, dict[UUID, str]]:
        """The file, and of each delivery that has no row in it why."""
        if self._kind == "csv":
            rows, spoilt = _each(self._row, handovers)
            return bodies.table(self._names(rows), rows, header=self._header), spoilt
        texts, spoilt = _each(self._text, handovers)
        return self._joined(texts), spoilt

    def _names(self, rows: Sequence[bodies.Values]) -> list[str]:
        """Without columns of the contract's: all that any of them has."""
        return list(dict.fromkeys([*(self._columns or ()), *(name for row in rows for name in row)]))

    def _row(self, handover: Handover) -> bodies.Values:
        """Who is told of all that a lead has is told of the delivery, too: an answer can name it."""
        values = self._values(handover)
        return {**values, "delivery_id": str(handover.delivery_id)} if self._whole else values

    def _text(self, handover: Handover) -> bytes:
        if self._adf is not None:
            return self._adf.prospect(handover)
        if self._template is not None:
            text = self._template(handover)
            return xml.bare(text) if self._kind == "xml" else orjson.dumps(orjson.loads(text))
        values = bodies.nest(self._row(handover))
        return xml.written(self._element, values).encode() if self._kind == "xml" else orjson.dumps(values)

    def _joined(self, texts: Sequence[bytes]) -> bytes:
        if self._kind == "adf":
            return adf.document(texts)
        if self._kind == "json":
            return b"[" + b",\n".join(texts) + b"]\n"
        if self._kind == "ndjson":
            return b"".join(text + b"\n" for text in texts)
        head = '<?xml version="1.0" encoding="UTF-8"?>\n' + "".join(f"<{step}>" for step in self._above)
        tail = "".join(f"</{step}>" for step in reversed(self._above))
        return b"\n".join([head.encode(), *texts, tail.encode()]) + b"\n"


def _each(write: Callable[[Handover], T], handovers: Sequence[Handover]) -> tuple[list[T], dict[UUID, str]]:
    written: list[T] = []
    spoilt: dict[UUID, str] = {}
    for handover in handovers:
        try:
            written.append(write(handover))
        except TemplateFailed as failed:
            spoilt[handover.delivery_id] = str(failed)
        except (TypeError, ValueError) as error:  # a value that its kind of file has no writing for
            spoilt[handover.delivery_id] = type(error).__name__
    return written, spoilt
