"""The rules by which a contract turns its buyer's reply into an outcome; any adapter may have them.

The reply is read in this order: `duplicate`, `rejected`, `later`, `unclear`, then the buyer's `words`, then the table of
`replies` for what is no 2xx, then `accepted`. `accepted` true is a sale; false is Rejected;
without a value (a field that isn't there, no JSON, an empty body) it is Unclear, since nobody can tell. A
status from 400 on is never a sale. A price that can't be read or is negative leaves the contract's own.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal

from pydantic import ConfigDict, Field, model_validator

from app.core.expressions import Expression
from app.core.money import amount
from app.core.registry import Settings
from app.distribute.adapter import Reply
from app.distribute.readings import Reading, Rule
from app.distribute.replies import Opened, by_status, retry_after
from app.distribute.words import Wording, Words
from app.model import Accepted, Duplicate, Outcome, Rejected, TryLater, Unclear

_LONGEST_WORD = 100
_PERSONAL = re.compile(r"[^\s@]+@[^\s@]+|\+?\d[\d\s().-]{5,}\d")


class ReplySettings(Settings):
    """What a contract says about replies. Rules are CEL over `reply`; see `readings` for the rest."""

    model_config = ConfigDict(hide_input_in_errors=True)  # an adapter's settings hold keys

    accepted: Expression | None = Field(
        None, description="What a yes looks like; there is no default but a word that means it."
    )
    duplicate: Expression | None = Field(None, description="The buyer has this person already.")
    rejected: Expression | None = Field(None, description="A clear no, where `accepted` has no value.")
    later: Expression | None = Field(None, description="Not taken now; to be sent again.")
    unclear: Expression | None = Field(None, description="Taken in, but a postback decides.")
    words: Words | None = Field(None, description="The buyer's words and what they mean.")
    reason: Reading | None = Field(None, description="Why not, in the buyer's words.")
    reference: Reading | None = Field(None, description="The buyer's own id of the lead.")
    price: Reading | None = Field(None, description="What the buyer pays, if not the contract's price.")

    @model_validator(mode="after")
    def _a_yes(self) -> "ReplySettings":
        meanings = self.words.map.values() if self.words is not None else ()
        if self.accepted is None and "accepted" not in meanings:
            raise ValueError("accepted must say what a yes looks like, or one of the words must mean it")
        return self


class Rules:
    """One contract's rules, made once; they end every reply in an outcome."""

    def __init__(self, to: ReplySettings, *, fault: Callable[[Opened], Outcome | None] | None = None) -> None:
        """`fault`: what a protocol between HTTP and the contract says, where the contract's rules say nothing."""
        named = (("duplicate", to.duplicate), ("rejected", to.rejected), ("later", to.later))
        rules = (*named, ("unclear", to.unclear))
        self.rules = [(word, Rule(rule), f"{word}: {rule.text} → true") for word, rule in rules if rule]
        self.accepted = Rule(to.accepted) if to.accepted is not None else None
        self.shown = f"accepted: {to.accepted.text} → " if to.accepted is not None else "accepted: "
        self.words = Wording(to.words) if to.words is not None else None
        self.fault = fault
        self.reason, self.reference, self.price = to.reason, to.reference, to.price
        word = to.words.reading if to.words is not None else None
        asked: list[Rule | Reading] = [rule for _, rule, _ in self.rules]
        asked += [r for r in (self.accepted, to.reason, to.reference, to.price, word) if r is not None]
        self.needs = sorted({part for reader in asked for part in reader.needs})

    def outcome(self, reply: Reply, at: datetime) -> Outcome:
        opened = Opened(reply, self.needs)
        for word, rule, read in self.rules:
            if rule.value(opened) is True:
                return self._named(word, opened, at, read)
        if self.words is not None and (told := self._by_words(opened, at)) is not None:
            return told
        if self.fault is not None and (told := self.fault(opened)) is not None:
            return told
        said = (
            self.accepted.value(opened) if self.accepted is not None and 200 <= reply.status < 400 else None
        )
        if said is True:
            return self._sold(opened, f"{self.shown}true")
        if (plain := by_status(reply, at)) is not None:
            return self._explained(plain, opened)
        if (self.accepted is None or self.accepted.reads_body) and not reply.body.strip():
            return Unclear(reason="empty_reply", read=f"{self.shown}the reply is empty")
        if said is False:
            return Rejected(reason=self._why(opened) or "not_accepted", read=f"{self.shown}false")
        return Unclear(reason="unreadable_reply", read=f"{self.shown}no value in this reply")

    def _by_words(self, opened: Opened, at: datetime) -> Outcome | None:
        """None where no word is there, or one that has no meaning while `accepted` may still tell."""
        assert self.words is not None
        found = self.words.found(opened)
        if found is None or (found[1] == "accepted" and opened.reply.status >= 400):
            return None
        word, means = without_persons(found[0])[:_LONGEST_WORD], found[1]
        read = f'words: {self.words.reading.text} → "{word}" → {means or "not among them"}'
        if means is None:
            known = self.accepted is not None or by_status(opened.reply, at) is not None
            return None if known else Unclear(reason="unknown_word", read=read)
        if means == "accepted":
            return self._sold(opened, read)
        if means == "try_later":
            return TryLater(reason=self._why(opened) or word, after=retry_after(opened.reply, at), read=read)
        if means == "unclear":
            return Unclear(reason=self._why(opened) or word, read=read, reference=self._theirs(opened))
        return _KINDS[means](reason=self._why(opened) or word, read=read)

    def _named(self, word: str, opened: Opened, at: datetime, read: str) -> Outcome:
        reason = self._why(opened) or word
        if word == "later":
            return TryLater(reason=reason, after=retry_after(opened.reply, at), read=read)
        if word == "unclear":
            return Unclear(reason=reason, read=read, reference=self._theirs(opened))
        return _KINDS[word](reason=reason, read=read)

    def _theirs(self, opened: Opened) -> str | None:
        return self.reference.of(opened) if self.reference is not None else None

    def _sold(self, opened: Opened, read: str) -> Accepted:
        reference, price = None, None
        if self.reference is not None:
            reference = self._theirs(opened)
            read += f"; reference: {self.reference.text}" + ("" if reference else " → none")
        if self.price is not None:
            price = _price(self.price.of(opened))
            read += f"; price: {self.price.text}" + ("" if price is not None else " → none, the contract's")
        return Accepted(reference=reference, price=price, read=read)

    def _explained(self, plain: Outcome, opened: Opened) -> Outcome:
        if isinstance(plain, Rejected) and (reason := self._why(opened)):
            return Rejected(reason=reason, read=plain.read)
        return plain

    def _why(self, opened: Opened) -> str | None:
        """The buyer's words, without what may be a person's address or number."""
        text = self.reason.of(opened) if self.reason is not None else None
        return without_persons(text) if text else None


def without_persons(text: str) -> str:
    """One line of a buyer's words, without what may be a person's address or number."""
    return _PERSONAL.sub("…", " ".join(text.split()))


_KINDS: Mapping[str, type[Duplicate] | type[Rejected] | type[Unclear]] = {
    "duplicate": Duplicate,
    "rejected": Rejected,
    "unclear": Unclear,
}


def _price(text: str | None) -> Decimal | None:
    try:
        price = amount((text or "").removeprefix("$"))
    except ValueError:
        return None
    return price if price >= 0 else None
