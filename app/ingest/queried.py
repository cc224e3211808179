"""Reads the lead that stands in the address of a request, where its source may put one there, into one body with the rest."""

import orjson

from app.core.errors import Refused
from app.ingest.reading import Reader

_FORM = "application/x-www-form-urlencoded"
_CONTROLS = frozenset((b"test", b"partial", b"completes"))


def with_query(body: bytes, content_type: str, query: bytes, reader: Reader) -> tuple[bytes, str]:
    """What is kept of both, and its type: the query as a form where there is no body, else the body's leads
    as JSON, over whose fields those of the query go.

    What can't be read is left as it came: whoever reads it next says what is wrong.
    """
    said = b"&".join(pair for pair in query.split(b"&") if pair and pair.partition(b"=")[0] not in _CONTROLS)
    if not body.strip():
        return said, _FORM
    if not said:
        return body, content_type
    try:
        fields = reader.read(said, _FORM)[0]
    except Refused:
        return said, _FORM
    try:
        records = [record | fields for record in reader.read(body, content_type)]
    except Refused:
        return body, content_type
    return orjson.dumps(records[0] if len(records) == 1 else records), "application/json"
