"""What a contract says of a buyer who fails, and of one who does not say that he has it."""

from typing import Literal

from pydantic import Field

from app.catalog.document import Document
from app.core.duration import Duration


class BreakerDoc(Document):
    """When a contract whose buyer fails is left to rest: it gets nothing then, until one delivery has tried."""

    failures: int = Field(50, ge=1, le=100_000, description="So many in a row, in one process;")
    over: Duration = Field(Duration("1m"), description="and the first of them so long ago.")
    rest: Duration = Field(
        Duration("1m"), description="Then one delivery tries; each try that fails doubles it, up to 16 times."
    )
    waiting: Literal["wait", "reroute"] = Field(
        "wait", description="What becomes of deliveries that wait for their next try when it begins to rest."
    )


class ConfirmDoc(Document):
    """By when an unclear hand-over must be proved: by confirmation, link, bounce, or whatever the adapter takes."""

    within: Duration
    then: Literal["alarm", "reroute"] = Field(
        "alarm", description="`reroute`: agreed with the buyer that silence means no; the lead goes on."
    )
