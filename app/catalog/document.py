"""What every object of the configuration vocabulary has in common."""

from pydantic import BaseModel, ConfigDict


class Document(BaseModel):
    """Frozen, and refuses unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)
