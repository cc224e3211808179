"""What people book on accounts by their own word: deposits, payments, credits, adjustments, each exactly once."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Literal, get_args

from msgspec import Struct

from app.catalog.documents import BuyerDoc, CampaignDoc, SourceDoc
from app.core.errors import NotFound, Unprocessable
from app.core.world import World
from app.pipeline.faults import Retrying
from app.report.party import Kind as PartyKind
from app.report.party import Party
from app.store import accounts, balances, ledger
from app.store.database import Database, marked
from app.store.ledger import Entry

Kind = Literal["deposit", "payment", "credit", "adjustment", "payout"]
KINDS: tuple[Kind, ...] = get_args(Kind)
LONGEST_NOTE, LONGEST_KEY = 500, 200
_ZERO = Decimal(0)
_CURRENCY = re.compile(r"^[A-Z]{3}\Z")
_OTHER: Mapping[Kind, str] = {
    "deposit": "cash", "payment": "cash", "payout": "cash", "credit": "credits", "adjustment": "adjustments",
}  # fmt: skip
_LESSEN = ("deposit", "payment", "payout", "credit")
_EXPLAINED = ("credit", "adjustment")


class Said(Struct, frozen=True, kw_only=True):
    """What somebody wants to have booked. `currency` empty: that of the account. A `key` tells repeats; without one
    it is another entry each time. An adjustment may be below 0; it changes what is owed by so much."""

    kind: Kind
    of: PartyKind
    id: str
    amount: Decimal
    by: str
    currency: str = ""
    note: str = ""
    key: str = ""


class Done(Struct, frozen=True):
    """What was booked, and what the party's account stood at before and stands at by now, as the party sees it.
    `new` is False where the same was booked before under its key."""

    party: Party
    entry: Entry
    before: Decimal
    after: Decimal
    new: bool


class Known(Struct, frozen=True):
    """The catalogue, as far as money asks it."""

    buyers: Mapping[str, BuyerDoc]
    sources: Mapping[str, SourceDoc]
    campaigns: Mapping[str, CampaignDoc]

    def party(self, of: PartyKind, id_: str) -> Party:
        """Whether it is configured or not."""
        doc = (self.buyers if of == "buyer" else self.sources).get(id_)
        return Party(of, id_, doc.name if doc is not None else "")

    def configured(self, party: Party) -> bool:
        return party.id in (self.buyers if party.kind == "buyer" else self.sources)

    def currencies(self, party: Party) -> set[str]:
        """In which its account is kept, or its campaigns sell or buy."""
        if party.kind == "source":
            source = self.sources.get(party.id)
            campaigns = {source.campaign} if source is not None else set()
        else:
            buyer = self.buyers.get(party.id)
            if buyer is not None and buyer.money is not None:
                return {buyer.money.currency}
            campaigns = {one.campaign for one in buyer.contracts} if buyer is not None else set()
        return {self.campaigns[one].currency for one in campaigns if one in self.campaigns}

    def limited(self, party: Party) -> bool:
        """Whether what it owes decides on what it is offered."""
        buyer = self.buyers.get(party.id) if party.kind == "buyer" else None
        return buyer is not None and buyer.money is not None


class Bookkeeper:
    """One entry a call, in a transaction with the balance that offers are held against."""

    def __init__(
        self, database: Database, world: World, retrying: Retrying, known: Callable[[], Known]
    ) -> None:
        self._database = database
        self._world = world
        self._retrying = retrying
        self._known = known

    async def book(self, said: Said, *, dry: bool = False) -> Done:
        """Raises NotFound and Unprocessable, also where the key stands for another entry."""
        _refuse_nonsense(said)
        known = self._known()
        party = known.party(said.of, said.id)
        await self._refuse_stranger(known, party)
        currency = _currency(known, party, said.currency)
        entry = _entry(said, party, currency, f"said:{said.key}" if said.key else str(self._world.new_id()))
        return await self._retrying.run(lambda again: self._attempt(entry, party, dry, again))

    async def _refuse_stranger(self, known: Known, party: Party) -> None:
        if known.configured(party):
            return
        async with self._database.acquire() as conn:
            if not await accounts.known(conn, party.account):
                raise NotFound(f"there is no {party.kind} {party.id!r}, and nothing was ever booked for one")

    async def _attempt(self, entry: Entry, party: Party, dry: bool, again: bool) -> Done:
        moved = entry.amount if entry.debit == party.account else -entry.amount
        async with self._database.acquire() as conn, conn.transaction():
            if again:
                await marked(conn)
            new = await self._is_new(conn, entry, dry)
            if new and not dry and await self._counts(conn, party):
                await balances.change(conn, {party.id: moved})
            stands = (await accounts.balance(conn, party.account)).get(entry.currency, _ZERO)
        before = stands - moved if new and not dry else stands
        after = before + moved if new else stands
        return Done(party, entry, party.sign * before, party.sign * after, new)

    async def _counts(self, conn: Any, party: Party) -> bool:
        """Whether what it owes is counted: nobody asks the counter of a buyer without an account."""
        if party.kind != "buyer":
            return False
        return self._known().limited(party) or bool(await balances.there(conn, [party.id]))

    async def _is_new(self, conn: Any, entry: Entry, dry: bool) -> bool:
        """Whether it was not there; it is now, unless this is a dry run."""
        if not dry and await ledger.post(conn, [entry]):
            return True
        there = await accounts.keyed(conn, entry.key or "")
        if there is not None and there != (
            entry.kind,
            entry.debit,
            entry.credit,
            entry.amount,
            entry.currency,
        ):
            raise Unprocessable(
                "this key came before with another entry; give this one a key of its own",
                where="key",
                code="idempotency_key_reused",
            )
        return there is None


def _entry(said: Said, party: Party, currency: str, key: str) -> Entry:
    amount, other = said.amount, _OTHER[said.kind]
    owes_more = amount < 0 if said.kind in _LESSEN else amount > 0
    debited = owes_more if party.kind == "buyer" else not owes_more
    debit, credit = (party.account, other) if debited else (other, party.account)
    return Entry(
        kind=said.kind, debit=debit, credit=credit, amount=abs(amount), currency=currency, key=key,
        source=party.id if party.kind == "source" else None, buyer=party.id if party.kind == "buyer" else None,
        note=said.note or None, by_whom=said.by,
    )  # fmt: skip


def _currency(known: Known, party: Party, said: str) -> str:
    """The one that was said, or the only one that it can be."""
    may = known.currencies(party)
    if said and known.limited(party) and said not in may:
        raise Unprocessable(f"the account of {party.id} is kept in {may.pop()}", where="currency")
    if said and not _CURRENCY.match(said):
        raise Unprocessable("currency: is no currency; write three capitals, as USD", where="currency")
    if not said and len(may) != 1:
        which = f" ({' or '.join(sorted(may))})" if may else ""
        raise Unprocessable(f"currency: say in which currency{which}", where="currency")
    return said or may.pop()


def _refuse_nonsense(said: Said) -> None:
    takes = "source" if said.kind == "payout" else "buyer"
    if said.of != takes and said.kind != "adjustment":
        raise Unprocessable(f"{said.of}: a {said.kind} is of a {takes}", where=said.of)
    if said.amount == 0 or (said.amount < 0 and said.kind != "adjustment"):
        raise Unprocessable("amount: must be above 0", where="amount")
    if said.kind in _EXPLAINED and not said.note.strip():
        raise Unprocessable(f"note: say what the {said.kind} is for", where="note")
    for name, text, most in (("note", said.note, LONGEST_NOTE), ("key", said.key, LONGEST_KEY)):
        if len(text) > most or not text.isprintable():
            raise Unprocessable(
                f"{name}: at most {most} characters, none of them a control character", where=name
            )
