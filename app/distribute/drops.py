"""What adapters that put a file into a buyer's folder have in common, whichever protocol leads there."""

from typing import Literal

from pydantic import Field, model_validator

from app.core.duration import Duration
from app.distribute.adapter import Conversation, Handover
from app.distribute.files import FileSettings
from app.distribute.filing import Filed, FileServer, Put
from app.distribute.templates import TemplateFailed
from app.model import Accepted, Outcome, TryLater, Unclear


class DropSettings(FileSettings):
    atomic: bool = Field(
        True, description="Written as .NAME.part and renamed when it is whole; false where nobody may rename."
    )
    accepted: Literal["filed", "confirmed"] = Field(
        "filed", description="Sold when the file is there, or when the buyer confirms the delivery."
    )
    timeout: Duration | None = Field(None, description="For all of it; at most 90s.")

    @model_validator(mode="after")
    def _soon(self) -> "DropSettings":
        if self.timeout is not None and not 0 < self.timeout.seconds <= 90:
            raise ValueError("timeout is more than 0 and at most 90s")
        return self


def drop(handover: Handover, server: FileServer, to: DropSettings) -> Conversation:
    """One file. A server's no says nothing of the lead, so it is TryLater: the next buyer must not profit from it."""
    try:
        file = to.written(handover)
    except TemplateFailed as failed:
        return TryLater(reason="unformattable", read=f"the file can't be made: {failed}")
    filed: Filed = yield Put(
        server=server,
        name=file.name,
        body=file.body,
        atomic=to.atomic,
        timeout=to.timeout.seconds if to.timeout is not None else None,
    )
    return _outcome(filed, file.name, to)


def _outcome(filed: Filed, name: str, to: DropSettings) -> Outcome:
    if not filed.whole:
        return TryLater(reason=filed.code, read=f"the server refuses the file: {filed.code}")
    if to.accepted == "confirmed":
        return Unclear(reason="awaits_confirmation", read="the file is there; the buyer is to confirm")
    return Accepted(reference=name, read="the file is there")
