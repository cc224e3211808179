"""How `report profit` is written: a line a name, and the sum of each currency."""

from collections.abc import Iterator
from typing import get_args

import orjson

from app.commands.desk import fail, say
from app.commands.words import columns, money
from app.report.profit import as_json as object_of
from app.report.profit import share, total
from app.store.profit import Dimension, Profit

_HEAD = ("sales", "revenue", "returns", "credits", "cost", "margin", "margin%", "")


def dimension(text: str) -> Dimension:
    for one in get_args(Dimension):
        if one == text:
            found: Dimension = one
            return found
    raise fail(f"--by {text!r}: say {', '.join(get_args(Dimension))}", 2)


def lines(found: list[Profit], by: Dimension, *, as_json: bool) -> Iterator[str]:
    if as_json:
        yield from (orjson.dumps(object_of(one, by)).decode() for one in found)
        return
    if not found:
        say("nothing was booked in this time")
        return
    say("returns and credits lessen revenue; — is what can't be laid at anybody's door")
    rows = []
    for currency in sorted({one.currency for one in found}):
        ones = [one for one in found if one.currency == currency]
        if absorbed := total(found, currency).absorbed:
            say(
                f"of the returns {money(absorbed)} {currency} are absorbed: the sources of these leads are paid all the same"
            )
        rows += [_row(one.name or "—", one) for one in ones]
        if len(ones) > 1:
            rows.append(_row("all", total(found, currency)))
    yield from columns([(by, *_HEAD), *rows], right=range(1, 8))


def _row(name: str, one: Profit) -> tuple[str, ...]:
    percent = share(one)
    sums = (money(sum_) for sum_ in (one.revenue, one.returns, one.credits, one.cost, one.margin))
    return (
        name,
        f"{one.sales:,}",
        *sums,
        "—" if percent is None else f"{percent:.1f}".replace("-", "−"),
        one.currency,
    )
