"""A person's name as the parts that letters, calls and CRM systems ask for: title, given, middle, family, suffix."""

from collections.abc import Sequence

from msgspec import Struct

from app.core.particles import PARTICLES

TITLES = frozenset(("mr", "mrs", "ms", "miss", "mx", "dr", "prof", "sir", "herr", "frau", "mme", "sra"))
GENERATIONS = {"jr": "jr", "junior": "jr", "sr": "sr", "senior": "sr", "ii": "ii", "iii": "iii", "iv": "iv"}
"""Which of several of one name → in one writing."""
_SUFFIXES = GENERATIONS.keys() | {"esq", "md", "phd", "dds", "dvm", "cpa", "rn"}
_TWO_SURNAMES = "y"  # Ortega y Gasset


class NameParts(Struct, frozen=True):
    """In the letters in which they came; empty is absent. A single name is a given one, unless it has a title."""

    title: str = ""
    given: str = ""
    middle: str = ""
    family: str = ""
    suffix: str = ""


def name_parts(text: str) -> NameParts:
    """Of a name as it is spoken, or with the family's first and a comma behind it."""
    head, _, rest = text.partition(",")
    behind = rest.replace(",", " ").split()
    if behind and not _all_suffixes(behind):
        first, suffix = _cut(behind)
        title, first = _titled(first)
        _, family = _titled(head.split())
        return NameParts(title, *_given(first), " ".join(family), suffix)
    words, suffix = _cut([*head.split(), *behind])
    title, words = _titled(words)
    at = 0 if title and len(words) == 1 else _family(words)
    return NameParts(title, *_given(words[:at]), " ".join(words[at:]), suffix)


def _given(words: Sequence[str]) -> tuple[str, str]:
    return (words[0], " ".join(words[1:])) if words else ("", "")


def _titled(words: list[str]) -> tuple[str, list[str]]:
    at = 0
    while at < len(words) - 1 and _plain(words[at]) in TITLES:
        at += 1
    return " ".join(words[:at]), words[at:]


def _cut(words: list[str]) -> tuple[list[str], str]:
    """Without what is said behind a name; there must be a name before it."""
    at = len(words)
    while at > 1 and _plain(words[at - 1]) in _SUFFIXES:
        at -= 1
    return words[:at], " ".join(words[at:])


def _family(words: Sequence[str]) -> int:
    """Where it begins: with the last word and the particles before it. One particle in front is a first name, as Al or Van."""
    if len(words) > 2 and _plain(words[0]) in PARTICLES and _plain(words[1]) in PARTICLES:
        return 0
    at = max(1, len(words) - 1)
    while at > 1 and _plain(words[at - 1]) in PARTICLES:
        at -= 2 if _plain(words[at - 1]) == _TWO_SURNAMES and at > 2 else 1
    return at


def _all_suffixes(words: Sequence[str]) -> bool:
    return all(_plain(word) in _SUFFIXES for word in words)


def _plain(word: str) -> str:
    return word.replace(".", "").casefold()
