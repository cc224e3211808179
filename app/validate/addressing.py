"""A street address in one writing, so that two leads from one door are seen to be."""

import re
from functools import lru_cache

from msgspec import Struct

from app.validate.naming import tokens

_SHORT = {
    "street": "st", "str": "st", "saint": "st", "strasse": "st", "avenue": "ave", "av": "ave", "aven": "ave",
    "road": "rd", "boulevard": "blvd", "boul": "blvd", "drive": "dr", "driv": "dr", "lane": "ln", "court": "ct",
    "place": "pl", "terrace": "ter", "terr": "ter", "highway": "hwy", "parkway": "pkwy", "pkway": "pkwy",
    "circle": "cir", "circ": "cir", "square": "sq", "trail": "trl", "crescent": "cres", "crossing": "xing",
    "mount": "mt", "mountain": "mtn", "fort": "ft", "heights": "hts", "ridge": "rdg", "point": "pt",
    "expressway": "expy", "freeway": "fwy", "route": "rte", "county": "co", "platz": "pl",
    "north": "n", "south": "s", "east": "e", "west": "w",
    "northeast": "ne", "northwest": "nw", "southeast": "se", "southwest": "sw",
    "first": "1st", "second": "2nd", "third": "3rd", "fourth": "4th", "fifth": "5th", "sixth": "6th",
    "seventh": "7th", "eighth": "8th", "ninth": "9th", "tenth": "10th",
}  # fmt: skip
_DOORS = frozenset(
    (
        "#",
        "apt",
        "apartment",
        "appt",
        "unit",
        "suite",
        "ste",
        "flat",
        "room",
        "rm",
        "lot",
        "trlr",
        "floor",
        "fl",
    )
)
_DOOR = re.compile(r"[0-9][0-9a-z]{0,5}|[a-z][0-9]{0,4}")
_JOINED = re.compile(r"(?:apt|unit|suite|ste|rm|fl)([0-9][0-9a-z]{0,5})")
_NUMBER = re.compile(r"[0-9]+[a-z]?")
_BOX = re.compile(r"\bp ?o box\b")
_LONGEST = 300


class Address(Struct, frozen=True):
    """House number, words of the street in their short forms, and the door inside the house; empty where none came."""

    number: str = ""
    street: str = ""
    unit: str = ""

    def __str__(self) -> str:
        doors = "".join(f" # {one}" for one in self.unit.split())
        return f"{self.number} {self.street}{doors}".strip()


@lru_cache(maxsize=4_096)
def address_of(text: str, beside: str = "") -> Address:
    """`12 N. Main Street, Apt 4` and `12 north main st #4` are one. `beside`: what a field of its own says of the door."""
    words, doors = _apart(text)
    number = next((word for word in words if _NUMBER.fullmatch(word)), "")
    if number:
        words.remove(number)
    if beside and not doors:
        doors = _doors(beside)
    street = _BOX.sub("pobox", " ".join(map(_short, words)))
    return Address(number.lstrip("0") or number, street, " ".join(doors))


def _doors(text: str) -> list[str]:
    """`Apt 4`, or only `4`."""
    words, doors = _apart(text)
    return doors or [_door(word) for word in words if _DOOR.fullmatch(word)][:1]


def _apart(text: str) -> tuple[list[str], list[str]]:
    """(words, doors): a door is what stands after a word for one; a word for one that none follows says nothing."""
    words: list[str] = []
    doors: list[str] = []
    waiting = False
    for word in tokens(text[:_LONGEST].replace("#", " # ")):
        if waiting and _DOOR.fullmatch(word):
            doors.append(_door(word))
        elif joined := _JOINED.fullmatch(word):
            doors.append(_door(joined[1]))
        elif word not in _DOORS:
            words.append(word)
        waiting = word in _DOORS
    return words, doors


def _door(word: str) -> str:
    return word.lstrip("0") or word


def _short(word: str) -> str:
    if word.endswith("strasse"):
        word = f"{word.removesuffix('asse')}"
    return _SHORT.get(word, word)
