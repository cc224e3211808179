"""A buyer's own words, read off one place of his reply, and what each of them means for the lead."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from app.core.registry import Settings
from app.distribute.readings import Reading
from app.distribute.replies import Opened
from app.distribute.templates import text_of

Meaning = Literal["accepted", "duplicate", "rejected", "try_later", "unclear"]

REST = "*"


class Words(Settings):
    """Compared without regard to case and blanks. `busy*` is any word that begins so, `*` any other; exact ones count
    first, then the longest beginning. What isn't there is never a sale."""

    reading: Reading = Field(description="Where the word stands.")
    map: Mapping[str, Meaning] = Field(
        min_length=1, max_length=500, description="Their word → what it means."
    )

    @field_validator("map", mode="before")
    @classmethod
    def _named(cls, given: Any) -> Any:
        """`1` and `true` are words too, though YAML takes them for more."""
        return (
            {text_of(word): means for word, means in given.items()} if isinstance(given, Mapping) else given
        )

    @model_validator(mode="after")
    def _sensible(self) -> "Words":
        if self.map.get(REST) == "accepted":
            raise ValueError('"*" can\'t be accepted: a default is never a sale')
        if len(self.exact) + len(self.beginnings) < len([word for word in self.map if word != REST]):
            raise ValueError("two of the words are the same, but for case and blanks")
        if not all(self.exact):
            raise ValueError("a word is empty")
        return self

    @property
    def exact(self) -> dict[str, Meaning]:
        return {_plain(word): means for word, means in self.map.items() if not word.endswith(REST)}

    @property
    def beginnings(self) -> dict[str, Meaning]:
        """The longest first."""
        found = {
            _plain(word[:-1]): means
            for word, means in self.map.items()
            if word.endswith(REST) and word != REST
        }
        return dict(sorted(found.items(), key=lambda one: -len(one[0])))


class Wording:
    """The words of one contract, made once."""

    __slots__ = ("_beginnings", "_exact", "_rest", "reading")

    def __init__(self, words: Words) -> None:
        self.reading = words.reading
        self._exact, self._beginnings = words.exact, tuple(words.beginnings.items())
        self._rest = words.map.get(REST)

    def found(self, opened: Opened) -> tuple[str, Meaning | None] | None:
        """The buyer's word and its meaning, if it has one; None where no word stands there."""
        word = text_of(self.reading.scalar(opened)).strip()
        return (word, self._meaning(_plain(word))) if word else None

    def _meaning(self, word: str) -> Meaning | None:
        if (means := self._exact.get(word)) is not None:
            return means
        return next((means for begins, means in self._beginnings if word.startswith(begins)), self._rest)


def meaning_of(words: Mapping[str, Meaning], word: str) -> Meaning | None:
    """As of `Words.map`, of a word that stands somewhere else than in a reply; no word means nothing."""
    if not word.strip():
        return None
    exact = {_plain(one): means for one, means in words.items() if not one.endswith(REST)}
    if (means := exact.get(_plain(word))) is not None:
        return means
    begins = sorted((one[:-1] for one in words if one.endswith(REST)), key=len, reverse=True)
    return next((words[f"{one}{REST}"] for one in begins if _plain(word).startswith(_plain(one))), None)


def _plain(word: str) -> str:
    return " ".join(word.casefold().split())
