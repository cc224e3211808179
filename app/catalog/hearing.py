"""How a buyer's own system tells what became of leads: which of its words stands for which of ours, in its own documents."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self, get_args

from pydantic import Field, model_validator

from app.catalog.document import Document
from app.core.expressions import FeedbackExpression

Word = Literal[
    "delivery_id", "lead_id", "reference", "email", "phone", "sold_on", "type", "code", "reason", "occurred_at", "amount",
    "currency", "promised_at", "external_id", "evidence", "note", "voids",
]  # fmt: skip
WORDS: tuple[str, ...] = get_args(Word)
MappingId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]


class FeedbackMapping(Document):
    """One kind of document of one system. Expressions see `item`, one event of it, and `body`, the whole."""

    id: MappingId
    each: Annotated[str, Field(pattern=r"^$|^[^.\s]+(\.[^.\s]+)*$", max_length=500)] = Field(
        "", description="Where its events are, as `a.b.c`. Without it the body is one, or a list of them."
    )
    when: FeedbackExpression | None = Field(
        None, description="Which events tell of a lead; what isn't true is passed over."
    )
    item: Mapping[Word, FeedbackExpression] = Field(
        min_length=1, description="A word of an item → CEL. What has no value is not said."
    )
    key_in_address: bool = Field(
        False,
        description="The key may come as `?key=`, from a system that can't say it otherwise. Logs show addresses.",
    )
    answer: Literal["results", "salesforce"] = Field(
        "results", description="`salesforce`: the acknowledgement that an outbound message waits for."
    )

    @model_validator(mode="after")
    def _means_a_delivery(self) -> Self:
        if not {"delivery_id", "lead_id", "reference", "email", "phone", "voids"} & set(self.item):
            raise ValueError(
                "item says of which delivery: delivery_id, lead_id, reference, or email or phone with sold_on"
            )
        return self


class FileMapping(FeedbackMapping):
    """One that stands in a file of its own, where it needs no name."""

    id: MappingId = "file"
