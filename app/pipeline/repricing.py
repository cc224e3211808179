"""What an accepted delivery uses up beyond what it reserved: the buyer named another price than it was offered at."""

from collections.abc import Mapping

from app.core.money import units
from app.core.reserved import MONEY, OF_SOURCES, held
from app.model import Accepted, Outcome
from app.pipeline.tracks import Job
from app.store.balances import key_of

_NOTHING: Mapping[str, int] = {}


def repriced(job: Job, outcome: Outcome) -> Mapping[str, int]:
    """What to add to counters. What is sold is sold: a buyer who pays more than he was asked may pass his limit by it.

    A buyer's account that began while the delivery was on its way held nothing of it, and owes all of it.
    """
    if not isinstance(outcome, Accepted) or job.track.test:
        return _NOTHING
    counted = job.contract.account.money is not None
    if not counted and (outcome.price is None or outcome.price == job.price):
        return _NOTHING
    price = units(job.price if outcome.price is None else outcome.price)
    mine = (one for one in job.reserved if one.startswith(MONEY) and not one.startswith(OF_SOURCES))
    has: dict[str, int] = dict(held(mine))
    if counted:
        has.setdefault(key_of(job.contract.buyer), 0)
    return {key: price - n for key, n in has.items() if price != n}
