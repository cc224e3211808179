"""What records of any component must be, so that they can be kept."""

from collections.abc import Sequence

from app.ingest.format import MOST_FIELDS, MOST_RECORDS
from app.model import Record


def are_storable(records: Sequence[Record]) -> None:
    """As many as may be, of scalars whose text PostgreSQL takes."""
    assert 1 <= len(records) <= MOST_RECORDS
    for record in records:
        assert 1 <= len(record) <= 2 * MOST_FIELDS
        for name, raw in record.items():
            assert isinstance(raw, str | int | float | bool | None)
            for text in (name, raw):
                if isinstance(text, str):
                    text.encode("utf-8")
                    assert "\0" not in text
