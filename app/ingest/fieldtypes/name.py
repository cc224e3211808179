"""A person's name: spaces put right, and shouted or whispered names cased as their owners write them."""

import re

from pydantic import Field

from app.core.particles import PARTICLES
from app.core.registry import Settings
from app.ingest.fieldtype import FieldType, fieldtypes
from app.ingest.raw import invalid, valid, written
from app.model import Raw, Value

_NUMERALS = frozenset(("ii", "iii", "iv", "vi", "vii", "viii"))
_APART = re.compile(r"([-'’])")
_VOWEL = re.compile(r"[aeiouyàâäáåãæèéêëìíîïòóôöõøùúûüý]")
_NO_INITIALS = frozenset(("jr", "sr", "dr", "mr", "ms", "st", "ng"))


class NameSettings(Settings):
    max_length: int = Field(200, ge=1, le=1_000)


@fieldtypes.register
class Name(FieldType[NameSettings]):
    """Mixed case is left alone: its writer took care."""

    name = "name"
    settings = NameSettings
    examples = (
        ({}, "  SEAN   O'HARA ", Value("  SEAN   O'HARA ", "Sean O'Hara")),
        ({}, "mcdonald", Value("mcdonald", "McDonald")),
        ({}, "ludwig van beethoven", Value("ludwig van beethoven", "Ludwig van Beethoven")),
        ({}, "DeShawn", Value("DeShawn", "DeShawn")),
        ({}, "12345", Value("12345", None, False, {}, "has no letter")),
    )

    def normal(self, raw: Raw, to: NameSettings) -> Value:
        text = written(raw)
        if not text.isprintable():
            text = "".join(c if c.isprintable() else " " * c.isspace() for c in text).strip()
        if "  " in text or not text.isascii():
            text = " ".join(text.split())
        if len(text) > to.max_length:
            return invalid(raw, f"is longer than {to.max_length} characters")
        if text.isupper() or text.islower():
            return valid(raw, _cased(text))
        if not any(map(str.isalpha, text)):
            return invalid(raw, "has no letter")
        return valid(raw, text)


def _cased(text: str) -> str:
    shouted = text.isupper()
    words = text.lower().split(" ")
    last = len(words) - 1
    for i, word in enumerate(words):
        if word in PARTICLES and i < last and (i or words[1].lower() in PARTICLES):
            continue
        words[i] = _word(word, shouted)
    return " ".join(words)


def _word(word: str, shouted: bool) -> str:
    if word in _NUMERALS:
        return word.upper()
    if shouted and len(word) == 2 and word.isalpha() and not _VOWEL.search(word) and word not in _NO_INITIALS:
        return word.upper()  # initials: JD, TJ
    if "-" in word or "'" in word or "’" in word:
        return "".join(map(_piece, _APART.split(word)))
    return _piece(word)


def _piece(piece: str) -> str:
    if piece.startswith("mc") and len(piece) > 3:
        return "Mc" + piece[2:].capitalize()
    return piece if piece == "s" else piece.capitalize()
