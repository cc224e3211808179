"""What a campaign and its buyers owe the person: the words agreed to, hours of calling, when data are forgotten."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from app.catalog.document import Document

ConsentTexts = Mapping[
    Annotated[str, Field(min_length=1, max_length=100)],
    Annotated[str, Field(min_length=1, max_length=10_000)],
]
"""Version → the text that people agree to."""


class ConsumerHours(Document):
    """When the person may be called, by the clocks of where the person may be: weekday ranges → `HH:MM-HH:MM`.

    Where a state, a postal code or a number lies in several zones, or they differ, every clock must say so.
    """

    open: Mapping[str, str | tuple[str, ...]]
    otherwise: Literal["wait", "leave_out"] = Field(
        "wait",
        description="What becomes of a lead outside of them: it waits with this contract, or passes by.",
    )
    unknown: Literal["leave_out", "open"] = Field(
        "leave_out", description="Where nothing tells which time it is there."
    )


class RetentionDoc(Document):
    """When a campaign's leads are forgotten, counted from when they came. What they became and made stays."""

    days: int = Field(ge=1, le=36_500, description="For so long all of it is kept.")
    what: Literal["person", "bytes"] = Field(
        "person",
        description="`person`: everything that tells of the person; `bytes`: only bytes as they came.",
    )
