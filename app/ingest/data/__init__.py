"""Small tables that ship with field types, and how they are read: tab-separated, `#` begins a comment."""

import unicodedata
from importlib.resources import files


def rows(name: str) -> list[list[str]]:
    text = files(__name__).joinpath(name).read_text("utf-8")
    return [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]


def folded(word: str) -> str:
    """Case, accents, dots and spaces away: `Île-de-France` and `ile de france.` are one key."""
    plain = unicodedata.normalize("NFKD", word).casefold().replace("&", "and")
    return "".join(c for c in plain if c.isalnum())
