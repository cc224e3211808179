"""What `doctor` says of the ledger: whether it is booked what buyers accepted and sources were promised."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

from app.commands.desk import world
from app.commands.examining import Line
from app.settings import Settings
from app.store import booked
from app.store.database import Database, is_away

_CYCLE = 28


async def books(database: Database, _: Settings) -> Sequence[Line]:
    """Today, yesterday, and one of the four weeks before, another each day: none is left out, and none costs much."""
    against: list[Any] = []
    for day in days(world().now().date()):
        for question in (booked.unlike_deliveries, booked.unlike_leads):
            try:
                async with database.acquire() as conn:
                    against += await question(conn, day)
            except Exception as error:
                if not is_away(error):
                    raise
                return [
                    Line(
                        "warn",
                        "books",
                        f"the day {day} is too much to look through",
                        "look at a copy of the database",
                    )
                ]
    if not against:
        return [Line("ok", "books", "sales are booked as buyers accepted, costs as sources were promised")]
    told = f"booked otherwise than they ended: {len(against):,}, as {against[0]}"
    return [Line("fail", "books", told, f"leadgate trace {str(against[0])[-8:]}, then leadgate money adjust")]


def days(today: date) -> Iterator[date]:
    yield today
    yield today - timedelta(days=1)
    # Twice the day's number: with the number itself it would be one day for four weeks, then the next.
    yield today - timedelta(days=2 + 2 * today.toordinal() % _CYCLE)
