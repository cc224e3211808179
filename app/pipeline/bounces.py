"""A report that a mail of ours did not arrive ends its deliveries, where no proof has ended them yet."""

from collections.abc import Callable, Mapping
from uuid import UUID

from app.catalog.snapshot import Contract
from app.core.errors import Conflict, NotDurable, NotFound
from app.distribute.letters import letter_of
from app.distribute.reports import bounced
from app.model import Rejected
from app.pipeline.settling import Settler
from app.pipeline.tracks import Step
from app.store.database import is_ambiguous, is_away


def awaited(contracts: Mapping[str, Contract]) -> dict[str, frozenset[str]]:
    """The addresses that reports come back to → the contracts whose mails they are about.

    A mail to several is none of them: that one failed says nothing of the others.
    """
    found: dict[str, frozenset[str]] = {}
    for contract in contracts.values():
        letter = letter_of(contract.settings)
        if letter is not None and letter.reports_to is not None and len(letter.to) == 1:
            found[letter.reports_to] = found.get(letter.reports_to, frozenset()) | {contract.id}
    return found


class Bounces:
    """Who knows the id of a delivery had its mail: nobody else can report it."""

    def __init__(self, settler: Settler, follow: Callable[[Step], None]) -> None:
        self._settler, self._follow = settler, follow

    async def take(self, mail: bytes, contracts: frozenset[str]) -> bool:
        """Whether it ends a delivery of these contracts, or all that left in one mail, now or before. Raises NotDurable."""
        report = bounced(mail)
        if report is None:
            return False
        reason = f"bounced_{report.status}" if report.status else "bounced"
        outcome = Rejected(reason=reason, read="a mail server's report")
        try:
            if await self._ended(report.delivery, outcome, contracts):
                return True
            together = await self._settler.together(report.delivery)
            return any([await self._ended(one, outcome, contracts) for one in together])
        except Exception as error:
            if isinstance(error, TimeoutError) or is_away(error) or is_ambiguous(error):
                raise NotDurable("the database is away; send it again") from None
            raise

    async def _ended(self, delivery_id: UUID, outcome: Rejected, contracts: frozenset[str]) -> bool:
        try:
            step = await self._settler.settle(
                delivery_id, outcome, by="a report by mail", owns=lambda row: row.contract in contracts
            )
        except (NotFound, Conflict):
            return False
        if step is not None:
            self._follow(step)
        return True
