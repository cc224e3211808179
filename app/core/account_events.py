"""Log lines of what buyers have left."""

import logging

from app.core.events import Event, Id


class BalanceLow(Event, frozen=True, kw_only=True):
    """Nothing is offered to a buyer any more: what it may owe is owed, or less is left than its `low_balance`."""

    level = logging.WARNING
    buyer: Id


class BalanceBack(Event, frozen=True, kw_only=True):
    """A buyer that was offered nothing for what it owed is offered leads again."""

    level = logging.WARNING
    buyer: Id
