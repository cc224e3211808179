"""What is noted of leads that were found to be fraud, so that the next with the same mark is known."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from app.store import offences
from app.store.offences import Offence
from app.validate.check import Offences

if TYPE_CHECKING:
    from app.pipeline.drafts import Draft


async def recall(conn: Any, drafts: Iterable["Draft"]) -> None:
    """One look-up for all that these drafts ask of earlier offences."""
    asked = [
        (draft, ask)
        for draft in drafts
        for ask in draft.plan.campaign.judge.asks(draft.lead)
        if isinstance(ask, Offences) and ask not in draft.evidence
    ]
    if not asked:
        return
    found = await offences.count(conn, sorted({(ask.key, ask.within) for _, ask in asked}))
    for draft, ask in asked:
        draft.evidence[ask] = found.get((ask.key, ask.within), 0)


async def note(conn: Any, drafts: Iterable["Draft"]) -> None:
    """Of drafts that have their verdict; no statement where none of them is one."""
    found = [
        Offence(ask.key, draft.lead.id, ask.within)
        for draft in drafts
        if draft.verdict is not None
        for ask in draft.plan.campaign.judge.offences(draft.lead, draft.verdict)
    ]
    if found:
        await offences.note(conn, found)
