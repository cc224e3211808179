"""What `doctor` looks at where platforms only name their leads: what waits, what was given up, which looks fail."""

from collections.abc import Sequence

from app.commands.examining import Line
from app.commands.words import counted, span
from app.settings import Settings
from app.store import fetches, polls
from app.store.database import Database
from app.store.fetches import Standing

_LATE_S = 60.0


async def platforms(database: Database, _: Settings) -> Sequence[Line]:
    """One line a platform of a source with leads that are not fetched, one a form that can't be looked through."""
    async with database.acquire() as conn:
        found, looks = await fetches.standings(conn), await polls.troubled(conn)
    lines = [_standing(one) for one in found]
    for source, platform, what, reason, failures in looks:
        text = f"{reason} ({counted(failures, 'look')} at {what} in vain)"
        lines.append(Line("warn", f"{source} {platform}", text, "its settings, and its permissions there"))
    return lines


def _standing(one: Standing) -> Line:
    name, why = f"{one.source} {one.platform}", f", the last as {one.reason}" if one.reason else ""
    if one.dead:
        text = f"{counted(one.dead, 'lead')} given up{why}; {one.waiting:,} to be fetched"
        return Line("fail", name, text, "put it right; what it names again is begun anew")
    text = f"{counted(one.waiting, 'lead')} to be fetched{why}"
    if one.overdue > _LATE_S:
        text += f", overdue by {span(one.overdue * 1000)}"
        return Line("warn", name, text, "is `leadgate serve` or `leadgate worker` running?")
    return Line(
        "warn" if one.reason else "ok",
        name,
        text,
        "its settings, and its permissions there" if one.reason else "",
    )
