"""The buyer's own file in which he says what became of ours: which files those are, and what a row of one means."""

import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Annotated, Any, ClassVar, Literal, Self

from msgspec import Struct
from pydantic import AfterValidator, Field, PrivateAttr, field_validator, model_validator

from app.catalog.addresses import sender
from app.core.duration import Duration
from app.core.money import amount
from app.core.registry import Settings
from app.distribute.ack_rows import Kind, Row, rows_of
from app.distribute.addresses import MAILBOX_PORTS, refuse_port
from app.distribute.packed import unpacked
from app.distribute.rules import without_persons
from app.distribute.templates import text_of
from app.distribute.words import REST, Meaning, meaning_of
from app.model import Accepted, Duplicate, Rejected
from app.remote.account import ImapAccount, MailFolder

_PIECE = re.compile(r"\{\{\s*(name|stem)\s*\}\}|(\*)|(\?)")
_FIT = re.compile(r"[A-Za-z0-9 ._*?-]*")
_LONGEST_REASON = _LONGEST_NAME = 200
_MOST_NAMES = 1_000

Ending = Accepted | Rejected | Duplicate


class Said(Struct, frozen=True):
    """`key`: the delivery, the lead or the row, as the buyer wrote it; empty where he only says his own `reference`.
    `ending` None: he has not decided yet."""

    key: str
    ending: Ending | None
    reference: str = ""


class Acknowledge(Settings):
    """Columns are named as the file names them; in JSON and XML dots nest. Without names they are `1`, `2` and so on."""

    shared: ClassVar[bool] = False
    """Whether what answers other contracts may lie there too: then what is not ours is left alone."""

    name: str = Field(
        "{{ name }}.ack",
        max_length=200,
        description="Of his file: `*` and `?` are anything, `{{ name }}` is our file's, `{{ stem }}` that without its ending.",
    )
    every: Duration = Field(Duration("5m"), description="How often we look; 10s to 1d.")
    format: Kind | None = Field(None, description="Else as it looks.")
    header: bool = Field(True, description="A table begins with the names of its columns.")
    by: Literal["delivery_id", "lead_id", "row"] = Field("delivery_id", description="How he names a lead.")
    key: str = Field("", max_length=100, description="In which column; else in one of that name.")
    status: str = Field("", max_length=100, description="The column of his word.")
    words: Mapping[str, Meaning] = Field({}, max_length=500, description="His word → what it means.")
    listed: Literal["accepted", "rejected"] | None = Field(
        None, description="What it means to be in the file at all, where there is no word."
    )
    reason: str = Field("", max_length=100, description="The column that says why not.")
    reference: str = Field("", max_length=100, description="The column of his own id of the lead.")
    price: str = Field("", max_length=100, description="The column of what he pays, if not the contract's.")
    rest: Literal["wait", "accepted", "rejected"] = Field(
        "wait", description="What became of leads of our file that his does not name."
    )

    _pattern: re.Pattern[str] = PrivateAttr()
    _around: tuple[re.Pattern[str], re.Pattern[str]] | None = PrivateAttr(None)

    @field_validator("words", mode="before")
    @classmethod
    def _named(cls, given: Any) -> Any:
        """`1` and `true` are words too, though YAML takes them for more."""
        return (
            {text_of(word): means for word, means in given.items()} if isinstance(given, Mapping) else given
        )

    @model_validator(mode="after")
    def _compiled(self) -> Self:
        if not 10 <= self.every.seconds <= 86_400:
            raise ValueError("every is between 10s and 1d")
        if bool(self.status) != bool(self.words) or bool(self.status) == (self.listed is not None):
            raise ValueError("needs status (a column) with words, or else listed")
        if self.words.get(REST) == "accepted":
            raise ValueError('"*" can\'t be accepted: a default is never a sale')
        if not _FIT.fullmatch(_PIECE.sub("x", self.name)) or self.name.startswith("."):
            raise ValueError("name is letters, digits, blanks and ._- with *, ?, {{ name }} or {{ stem }}")
        if not self.names_ours and self.of_many:
            raise ValueError("a row, or a rest, is of one file of ours: its {{ name }} belongs into name")
        self._pattern = _pattern_of(self.name)
        ours = next((piece for piece in _PIECE.finditer(self.name) if piece[1]), None)
        if ours is not None:
            self._around = _pattern_of(self.name[: ours.start()]), _pattern_of(self.name[ours.end() :])
        return self

    @property
    def names_ours(self) -> bool:
        return any(piece[1] for piece in _PIECE.finditer(self.name))

    @property
    def of_many(self) -> bool:
        """It speaks of the rows of one file of ours."""
        return self.by == "row" or self.rest != "wait"

    def answers(self, name: str) -> tuple[str, ...] | None:
        """Which file of ours a file of that name answers: all that its name or its stem may be, of which `*` leaves
        open where it ends; none where it names none. None: it is no such file."""
        if not (len(name) <= _LONGEST_NAME and name.isprintable() and self._pattern.fullmatch(name)):
            return None
        if self._around is None:
            return ()
        before, behind = self._around
        ends = range(len(name) + 1)
        begins = [at for at in ends if before.fullmatch(name, 0, at)]
        until = [at for at in ends if behind.fullmatch(name, at)]
        found = dict.fromkeys(name[at:end] for at in begins for end in until if at < end)
        return tuple(sorted(found, key=len, reverse=True)[:_MOST_NAMES])

    def read(self, body: bytes) -> Iterator[Said]:
        """Every row that names a lead. Raises Unpackable, and ValueError for a file that can't be read."""
        return self.said(rows_of(unpacked(body), self.format, header=self.header))

    def said(self, rows: Iterable[Row]) -> Iterator[Said]:
        column = self.key or self.by
        for n, row in enumerate(rows, 1):
            key = row.get(column, "") if self.key or self.by != "row" else row.get(column, str(n))
            reference = row.get(self.reference, "")[:_LONGEST_REASON] if self.reference else ""
            if key or reference:
                yield Said(key, self._ending(row, reference), reference)

    def _ending(self, row: Row, reference: str) -> Ending | None:
        word = row.get(self.status, "") if self.status else ""
        means = meaning_of(self.words, word) if self.status else self.listed
        if means == "accepted":
            price = _price(row.get(self.price, "")) if self.price else None
            return Accepted(reference=reference or None, price=price)
        why = row.get(self.reason, "") if self.reason else word
        reason = without_persons(why)[:_LONGEST_REASON]
        if means == "rejected":
            return Rejected(reason=reason or "rejected")
        return Duplicate(reason=reason or "duplicate") if means == "duplicate" else None


class AcknowledgeByFile(Acknowledge):
    folder: str | None = Field(
        None, max_length=500, description="On the same account; else where our files go."
    )
    done: str = Field(
        "done", max_length=100, pattern=r"^[A-Za-z0-9._-]*$",
        description="The folder below, which is made, where a read file is moved; empty: it stays, and is remembered.",
    )  # fmt: skip

    @model_validator(mode="after")
    def _below(self) -> Self:
        if self.done in (".", ".."):
            raise ValueError("done is a folder below")
        return self


class Mailbox(ImapAccount):
    """One of ours, to which buyers send their files."""

    done: MailFolder = Field(
        "Answers done", description="Where a mail goes that was read; empty: it stays, marked as seen."
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if refuse_port(self.dialled, usual=MAILBOX_PORTS) is not None:
            raise ValueError("the port is not dialled; use 143, 993, or one above 1023 of no other service")
        if self.done.casefold() == self.folder.casefold():
            raise ValueError("needs two different folders")
        return self


class AcknowledgeByMail(Acknowledge):
    """Whose mails count is told by `From`, which anybody can forge: it keeps mails apart, and proves nothing."""

    shared: ClassVar[bool] = True

    mailbox: Mailbox = Field(description="Where the buyer's mails come; several contracts may share one.")
    senders: tuple[Annotated[str, AfterValidator(sender)], ...] = Field(
        alias="from", min_length=1, max_length=50,
        description="Whose mails count, by From: acks@sunco.example, *@sunco.example.",
    )  # fmt: skip

    def is_from(self, address: str) -> bool:
        return any(fnmatchcase(address, pattern) for pattern in self.senders)


def _price(text: str) -> Any:
    """None, the contract's own, for what is none or less than nothing."""
    try:
        price = amount(text.removeprefix("$"))
    except ValueError:
        return None
    return price if price >= 0 else None


def _pattern_of(name: str) -> re.Pattern[str]:
    written, at = "", 0
    for piece in _PIECE.finditer(name):
        written += re.escape(name[at : piece.start()])
        written += "[^/]+" if piece[1] else "[^/]*" if piece[2] else "[^/]"
        at = piece.end()
    return re.compile(written + re.escape(name[at:]))
