"""What adapters that put a file into a buyer's folder have in common, whichever protocol leads there."""

from pydantic import Field

from app.distribute.adapter import Conversation, Handover
from app.distribute.batching import File
from app.distribute.files import FileSettings, there
from app.distribute.filing import Filed, FileServer, Put
from app.distribute.templates import TemplateFailed
from app.model import TryLater


class DropSettings(FileSettings):
    atomic: bool = Field(
        True, description="Written as .NAME.part and renamed when it is whole; false where nobody may rename."
    )


def drop(handover: Handover, server: FileServer, to: DropSettings) -> Conversation:
    """One file of one lead."""
    try:
        file = to.written(handover)
    except TemplateFailed as failed:
        return TryLater(reason="unformattable", read=f"the file can't be made: {failed}")
    return (yield from dropped(file, server, to))


def dropped(file: File, server: FileServer, to: DropSettings) -> Conversation:
    """A server's no says nothing of the lead, so it is TryLater: the next buyer must not profit from it."""
    filed: Filed = yield Put(
        server=server,
        name=file.name,
        body=file.body,
        atomic=to.atomic,
        timeout=to.timeout.seconds if to.timeout is not None else None,
    )
    if filed.whole:
        return there(file.name, to)
    return TryLater(reason=filed.code, read=f"the server refuses the file: {filed.code}")
