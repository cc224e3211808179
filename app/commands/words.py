"""How the command line writes numbers, times and ids, so that every command writes them alike."""

import sys
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from uuid import UUID

from app.commands.voice import shows_colour
from app.core.money import written

ICONS = {
    "received": "●", "held": "‖", "rejected": "✕", "delivering": "→", "unclear": "?", "sold": "✓", "unsold": "–",
    "pooled": "⬓", "returned": "↶", "Accepted": "✓", "Rejected": "✕", "Duplicate": "⧉", "TryLater": "◷", "Unclear": "?", "Pooled": "⬓",
}  # fmt: skip
_COLOURS = {"✓": "32", "✕": "31", "!": "33", "?": "33", "‖": "33", "◷": "33", "⧉": "31"}
_STEPS = ((1_000, "kB"), (1_000_000, "MB"), (1_000_000_000, "GB"))


def span(ms: float) -> str:
    """9 ms, 402 ms, 1.24 s, 30.0 s, 4 min 10 s, 2 h 11 min, 6 d 3 h."""
    if round(ms) < 1000:
        return f"{round(ms)} ms"
    seconds = ms / 1000
    if seconds < 60:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s"
    whole = round(seconds)
    for size, unit, part, lesser in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // part
            return f"{whole // size} {unit} {rest} {lesser}" if rest else f"{whole // size} {unit}"
    return f"{whole} s"


def days(gap: timedelta) -> str:
    """How long ago, in the one unit that matters: 6 days, 3 hours, 20 min."""
    seconds = max(0, round(gap.total_seconds()))
    for size, one, many in ((86400, "day", "days"), (3600, "hour", "hours"), (60, "min", "min")):
        if seconds >= size:
            n = seconds // size
            return f"{n} {one if n == 1 else many}"
    return f"{seconds} s"


def counted(n: int, word: str) -> str:
    """1 contract, 2 contracts."""
    return f"{n:,} {word}{'' if n == 1 else 's'}"


def size(n: int) -> str:
    for least, unit in reversed(_STEPS):
        if n >= least:
            return f"{n / least:.1f} {unit}"
    return f"{n} B"


def moment(at: datetime, zone: tzinfo | None, now: datetime) -> str:
    """`20 Nov 14:32:05.012 −08:00`, in the person's zone (None); with the year where it is another."""
    local = at.astimezone(zone)
    year = f" {local:%Y}" if local.year != now.astimezone(zone).year else ""
    return f"{local.day} {local:%b}{year} {clock(at, zone)} {offset(local)}"


def offset(local: datetime) -> str:
    text = f"{local:%z}"
    return f"{text[:3]}:{text[3:5]}".replace("-", "−")


def clock(at: datetime, zone: tzinfo | None) -> str:
    local = at.astimezone(zone)
    return f"{local:%H:%M:%S}.{local.microsecond // 1000:03}"


def short(id_: UUID | str) -> str:
    """The last eight characters: ids of one moment begin alike."""
    return str(id_)[-8:]


def tail(id_: UUID | str) -> str:
    return f"…{short(id_)}"


def money(value: Decimal) -> str:
    return written(value).replace("-", "−")


def points(n: int) -> str:
    return f"+{n}" if n > 0 else f"−{-n}" if n < 0 else "·"


def columns(rows: Sequence[Sequence[str]], right: Iterable[int] = ()) -> list[str]:
    """Rows as columns that grep; those in `right` are numbers and end alike."""
    numbers = set(right)
    widths = [max(map(len, column), default=0) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if i in numbers else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def coloured(line: str) -> str:
    """The line with its first sign in colour, where a person reads it on a terminal that may show some."""
    if not shows_colour(sys.stdout.isatty()):
        return line
    for at, sign in enumerate(line[:16]):
        if sign in _COLOURS:
            return f"{line[:at]}\x1b[{_COLOURS[sign]}m{sign}\x1b[0m{line[at + 1 :]}"
    return line
