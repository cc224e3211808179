"""Whether what stands for a name is one: of letters that were only struck, of words that nobody is called by."""

import re
import unicodedata
from functools import lru_cache

from app.validate.data import no_names, surprises

SURPRISING = 42
"""Tenths of -ln, a letter on average: of 27,000 names of 60 countries that it wasn't shown it takes less than one in 5,000."""
_SHORTEST = 6
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertz", "yxcvbnm", "qsdfghjklm", "wxcvbn")
_KEYS = tuple(row[::way] for row in _ROWS for way in (1, -1))
_THREE = frozenset(
    ("asd", "sdf", "dfg", "fgh", "ghj", "hjk", "jkl", "qwe", "zxc", "xcv", "cvb", "vbn", "dsa", "lkj")
)
_NAMES = frozenset(("wert", "trew", "were", "oper", "tres", "poiu", "ujjwal"))
_SPECIAL = str.maketrans("łøßđıðþæœ", "losdidtao")  # as data/make_names.py
_APART = re.compile(r"[\s.,'’`´_/\-]+")
_FOUR = re.compile(r"(.)\1{3}|^(.)\2\2$")


@lru_cache(maxsize=16_384)
def tokens(text: str) -> tuple[str, ...]:
    """`words_of` what will be asked again."""
    return words_of(text)


def words_of(text: str) -> tuple[str, ...]:
    """Its words in lower case, and in a to z where they are Latin; other alphabets stay as they are."""
    return tuple(filter(None, _APART.split(_folded(text))))


def _folded(text: str) -> str:
    text = text.casefold()
    if text.isascii():
        return text
    plain = unicodedata.normalize("NFKD", text.translate(_SPECIAL))
    return "".join(c for c in plain if not unicodedata.combining(c)).casefold().translate(_SPECIAL)


@lru_cache(maxsize=16_384)
def wrong_with(token: str) -> str:
    """keyboard, gibberish, profanity, or nothing: of one folded word, by itself."""
    if token in no_names("profanity"):
        return "profanity"
    if not token.isascii() or not token.isalpha() or token in _NAMES:
        return ""
    if _struck(token):
        return "keyboard"
    if _FOUR.search(token) and token not in ("iii", "xxx"):
        return "gibberish"
    return "gibberish" if len(token) >= _SHORTEST and surprise(token) > SURPRISING else ""


def surprise(token: str) -> float:
    """How unlike a name a word of a to z is spelt."""
    rare, marked = surprises(), f"^{token}^"
    return sum(rare[marked[i : i + 2]] for i in range(len(marked) - 1)) / (len(marked) - 1)


def is_placeholder(words: tuple[str, ...]) -> bool:
    """Of the words of a whole name: its first is nobody's, all of them are, or all together are."""
    if not words:
        return False
    nobody = no_names("placeholder")
    if words[0] in nobody or f"{words[0]} {words[-1]}" in no_names("whole"):
        return True
    return len(words) > 1 and all(word in nobody or word in no_names("beside") for word in words)


def _struck(token: str) -> bool:
    """Keys of one row side by side, three and more at a time: asdf, qwerty, asdqwe, lkjh."""
    if len(token) < 4:
        return token in _THREE
    at = 0
    while at < len(token):
        end = at + 3
        if not any(token[at:end] in row for row in _KEYS) or end > len(token):
            return token == "azerty"
        while end < len(token) and any(token[at : end + 1] in row for row in _KEYS):
            end += 1
        at = end
    return True
