"""A lead whose name was struck on the keyboard is nobody's, and is told before somebody calls."""

import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Literal

from pydantic import Field

from app.catalog.documents import FieldName
from app.model import Action, Finding, Lead
from app.validate.check import Check, CheckSettings, Evidence, checks
from app.validate.data import both_names
from app.validate.naming import is_placeholder, tokens, wrong_with

Told = Action | Literal["allow"]

_DIGIT = re.compile(r"\d(?!(?:st|nd|rd|th)\b|[ºª°]|\d)", re.IGNORECASE)
_TWICE = 3
"""Letters of a word that may well be both names: Li Li, Bo Bo, Kim Kim."""
_SAYS = {
    "gibberish": "is spelt like no name",
    "keyboard": "is keys that lie side by side",
    "profanity": "is an insult",
    "digits": "has digits",
    "letter": "is a single letter",
}


class NameSettings(CheckSettings):
    """Each reason has an action of its own; `action` is for none of them."""

    gibberish: Told = Field("flag", description="Spelt as no name is, as xkqzwvf.")
    keyboard: Told = Field("flag", description="Keys side by side, as asdf or qwerty.")
    profanity: Told = Field("flag", description="Insults, as whole words.")
    placeholder: Told = Field("flag", description="Words that stand for a name, as test test or John Doe.")
    same: Told = Field("flag", description="One word as first and as last name, which is not usually both.")
    letter: Told = Field("flag", description="A single consonant.")
    digits: Told = Field("flag", description="Digits, but for those of 2nd and 3rd.")
    first: FieldName = Field("first_name", description="The field that has the first name.")
    last: FieldName = Field("last_name", description="The field that has the last name.")
    fields: tuple[FieldName, ...] = Field(
        ("full_name", "name", "middle_name"), description="Names of further fields that have names."
    )
    names: tuple[str, ...] = Field((), description="Words that pass, whatever they look like.")

    @cached_property
    def passing(self) -> frozenset[str]:
        return frozenset(token for name in self.names for token in tokens(name))

    @cached_property
    def every(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.first, self.last, *self.fields)))


def _words(lead: Lead, field: str, to: NameSettings) -> tuple[str, ...]:
    text = lead.normal(field)
    if not isinstance(text, str):
        return ()
    words = tokens(text)
    return tuple(word for word in words if word not in to.passing) if to.passing else words


@checks.register
class Name(Check[NameSettings]):
    """Tells what is no name. Of names in other alphabets than the Latin it says nothing but `digits` and `same`.

    Whoever is really called so passes with `names`, and nothing is rejected unless the campaign says so.
    """

    name = "name"
    settings = NameSettings
    order = 45
    codes = {
        "gibberish": "The name is spelt like no name of any country.",
        "keyboard": "The name is keys that lie side by side on a keyboard.",
        "profanity": "The name is an insult.",
        "placeholder": "The name is a word that stands for one, such as test.",
        "same": "First and last name are the same word, which is not usually both.",
        "letter": "The name is a single letter.",
        "digits": "The name has digits.",
    }

    def run(self, lead: Lead, to: NameSettings, evidence: Evidence) -> Iterable[Finding]:
        for field in to.every:
            if field in lead.fields and (words := _words(lead, field, to)):
                for code in _codes(words, str(lead.normal(field))):
                    yield from self._finding(field, code, f"{field} {_SAYS[code]}", to)
        for field, code, says in _together(lead, to):
            yield from self._finding(field, code, says, to)

    def _finding(self, field: str, code: str, says: str, to: NameSettings) -> Iterator[Finding]:
        action = getattr(to, code)
        if action != "allow":
            yield Finding(check="name", code=code, message=says, field=field, action=action, points=to.points)


def _codes(words: tuple[str, ...], text: str) -> Iterator[str]:
    """What is wrong with one field, each kind once."""
    yield from dict.fromkeys(filter(None, map(wrong_with, words)))
    if len(words) == 1 and len(words[0]) == 1 and words[0].isascii() and words[0] not in "aeiouy0123456789":
        yield "letter"
    if not text.isalpha() and _DIGIT.search(text):
        yield "digits"


def _together(lead: Lead, to: NameSettings) -> Iterator[tuple[str, str, str]]:
    """(field, code, what it says) of first and last name taken together, and of each whole name."""
    first, last = _words(lead, to.first, to), _words(lead, to.last, to)
    if is_placeholder((*first, *last)) and first:
        yield to.first, "placeholder", f"{to.first} stands for a name"
    elif len(first) == 1 and first == last and len(first[0]) > _TWICE and first[0] not in both_names():
        yield to.last, "same", f"{to.last} is the first name again"
    for field in to.fields:
        words = _words(lead, field, to)
        if is_placeholder(words):
            yield field, "placeholder", f"{field} stands for a name"
