"""How long a held lead waits for a person, and what becomes of it when nobody came."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from app.catalog.document import Document
from app.core.duration import Duration


def _waits(span: Duration) -> Duration:
    if span.seconds < 1:
        raise ValueError("must be a second or longer; 4h is usual")
    return span


class ReviewDoc(Document):
    """`within` is counted from the verdict that held the lead."""

    within: Annotated[Duration, AfterValidator(_waits)]
    then: Literal["accept", "reject"] = Field(
        "reject", description="accept: on to distribution, as if approved; reject: refused."
    )
