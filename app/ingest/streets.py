"""An address line of the United States or Canada as its parts, in the abbreviations of its post."""

import re
from collections.abc import Mapping, Sequence
from functools import cache

from msgspec import Struct

from app.ingest.data import rows

_BOX = re.compile(
    r"(?:p\.? ?o\.?|post office) ?(?:box|bx|drawer)\.? ?#? ?([a-z]?\d[\da-z-]{0,9})\.?|pob ?#? ?(\d{1,8})",
    re.IGNORECASE,
)
_BOX_FR = re.compile(r"(?:c\. ?p\.?|cp|case postale) ?#? ?(\d{1,8})", re.IGNORECASE)
_RURAL = re.compile(
    r"(rr|r\.r\.|rural route|rfd|hc|highway contract) ?#? ?(\d{1,4}),? box ?#? ?(\d[\da-z-]{0,9})",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\d{1,6}(?:[a-z]|[-.]\d{1,5}[a-z]?)?|[nsew]\d{1,5}[nsew]\d{1,5}", re.IGNORECASE)
_FRACTION = re.compile(r"\d/\d")
_UNIT_FIRST = re.compile(r"([a-z]?\d{1,5}[a-z]?)-(\d{1,6}[a-z]?)", re.IGNORECASE)
_WHICH = re.compile(r"#?(?:[a-z]{0,2}-?\d[\da-z/-]{0,7}|[a-z])", re.IGNORECASE)
_GLUED = re.compile(r"\b(apt|ste|unit|bldg|rm|fl)\.?[ #]*#? ?(\d\w{0,6})\b", re.IGNORECASE)
_NTH = re.compile(r"(\d{1,3})(?:st|nd|rd|th)", re.IGNORECASE)
_LOOSE = re.compile(r"# +(?=\w)")
_HIGHWAYS = (
    (re.compile(r"(?:county road|county rd|co rd|cnty rd|cr) (?=\d)", re.IGNORECASE), "County Road "),
    (re.compile(r"(?:state (?:route|rte|rt)|sr) (?=\d)", re.IGNORECASE), "State Route "),
    (re.compile(r"(?:state (?:highway|hwy)) (?=\d)", re.IGNORECASE), "State Highway "),
    (re.compile(r"u\.?s\.? ?(?:highway|hwy|route|rte)? (?=\d)", re.IGNORECASE), "US Highway "),
    (re.compile(r"(?:highway|hwy) (?=\d)", re.IGNORECASE), "Highway "),
    (re.compile(r"(?:fm|farm[ -]to[ -]market(?: road)?) (?=\d)", re.IGNORECASE), "FM "),
)
_NOT_BEFORE = frozenset(("avenida", "calle", "camino", "caminito", "paseo", "via", "rancho", "the"))
"""Where a street's name begins so, its last word is part of it: Calle Vista, The Green."""
_SMALL = frozenset(("of", "the", "de", "du", "des", "la", "le", "les", "del", "and", "at"))
_COMPOUND = {("N", "E"): "NE", ("N", "W"): "NW", ("S", "E"): "SE", ("S", "W"): "SW"}


class Street(Struct, frozen=True, kw_only=True):
    """`text` is the whole in its normal writing; `parts` those that there are, of what `address` lists."""

    text: str
    parts: Mapping[str, str]


@cache
def _words(kind: str) -> Mapping[str, str]:
    """Spelling in lower case → abbreviation."""
    found: dict[str, str] = {}
    for one, short, spelled in rows("streets.tsv"):
        if one == kind:
            found |= dict.fromkeys((short.casefold(), *spelled.split(" ")), short)
    return found


@cache
def _suffixes(country: str) -> Mapping[str, str]:
    return _words("suffix") if country == "US" else {**_words("suffix"), **_words("suffix_ca")}


def street_of(text: str, country: str) -> Street | None:
    """None of what is no such line: it is left alone. `text` has single spaces."""
    pieces = [piece for part in text.split(",") if (piece := part.strip(" ."))]
    if len(pieces) > 1 and _unit(_cut(pieces[0]), 0) and _NUMBER.match(pieces[1]):
        pieces[:2] = [pieces[1], pieces[0]]
    if not pieces:
        return None
    if (box := _box(" ".join(pieces[:2]))) is not None:
        pieces[:2] = [box[0]]
    found = _box(pieces[0]) or _line(pieces[0], country)
    if found is None:
        return None
    line, parts = found
    rest = []
    for piece in pieces[1:]:
        if (unit := _unit(_cut(piece), 0)) and "unit" not in parts:
            parts["unit"], line = unit, f"{line} {unit}"
        else:
            rest.append(piece)
    if rest:
        parts["rest"] = ", ".join(rest)
    return Street(text=", ".join((line, *rest)), parts=parts)


def _box(piece: str) -> tuple[str, dict[str, str]] | None:
    if said := _BOX.fullmatch(piece):
        box = f"PO Box {(said[1] or said[2]).upper()}"
    elif said := _BOX_FR.fullmatch(piece):
        box = f"CP {said[1]}"
    elif said := _RURAL.fullmatch(piece):
        kind = "HC" if said[1][:1] in "hH" else "RR"
        box = f"{kind} {said[2]} Box {said[3].upper()}"
    else:
        return None
    return box, {"box": box}


def _line(piece: str, country: str) -> tuple[str, dict[str, str]] | None:
    words, parts = _cut(_cased(piece)), {}
    if country == "CA" and (both := _UNIT_FIRST.fullmatch(words[0])):
        number, before = both[2].upper(), f"{both[1].upper()}-"
        parts["unit"] = both[1].upper()
    elif _NUMBER.fullmatch(words[0]):
        number, before = words[0].upper(), ""
    else:
        return None
    words = words[1:]
    if words and _FRACTION.fullmatch(words[0]):
        number, words = f"{number} {words[0]}", words[1:]
    if not words:
        return None
    parts["number"] = number
    words, unit = _without_unit(words, country)
    street = _french(words) if country == "CA" else None
    told, names = street or _english(words, country)
    if unit and "unit" not in parts:
        parts["unit"], told = unit, f"{told} {unit}"
    elif unit:
        told = f"{told} {unit}"
    return f"{before}{number} {told}", {**parts, **names}


def _cut(piece: str) -> list[str]:
    return [
        word
        for word in _LOOSE.sub("#", _GLUED.sub(r"\1 \2", piece)).split(" ")
        if word.strip(".") or word == "#"
    ]


def _plain(word: str) -> str:
    return word.strip(".").replace(".", "").casefold()


# what stands behind the street ---------------------------------------------------------------------


def _without_unit(words: list[str], country: str) -> tuple[list[str], str]:
    """(the street, the unit or nothing). A street is one word at least: of `12 Suite St` nothing is a unit."""
    for at in range(1, len(words)):
        if unit := _unit(words, at):
            return words[:at], unit
    last = _words("alone").get(_plain(words[-1]))
    if last and len(words) > 2 and _plain(words[-2]) in _suffixes(country):
        return words[:-1], last
    return words, ""


def _unit(words: Sequence[str], at: int) -> str:
    """`words[at:]` where all of it is units, each with its number: `Bldg 4 Apt 3`, `# 12`, `2nd Floor`."""
    told: list[str] = []
    while at < len(words):
        word = _plain(words[at])
        behind = words[at + 1] if at + 1 < len(words) else ""
        kind = _words("unit").get(word)
        if kind and behind and _WHICH.fullmatch(_bare(behind)):
            told += [kind, _bare(behind).lstrip("#").upper()]
            at += 2
        elif (nth := _NTH.fullmatch(word)) and _words("unit").get(_plain(behind)) == "Fl":
            told += ["Fl", nth[1]]
            at += 2
        elif word.startswith("#") and _WHICH.fullmatch(word):
            told += ["#", word[1:].upper()]
            at += 1
        else:
            return ""
    return " ".join(told)


def _bare(word: str) -> str:
    return word.strip(".")


# the street itself ---------------------------------------------------------------------------------


def _english(words: list[str], country: str) -> tuple[str, dict[str, str]]:
    text = " ".join(words)
    for pattern, said in _HIGHWAYS:
        if at := pattern.match(text):
            return _told(street=f"{said}{text[at.end() :]}")
    suffixes, directions = _suffixes(country), _words("direction")
    after = suffix = before = ""
    if len(words) > 2 and _plain(words[-1]) in directions and _ends(words[-2], suffixes):
        *words, last = words
        after = directions[_plain(last)]
    if len(words) > 1 and _plain(words[-1]) in suffixes and _plain(words[0]) not in _NOT_BEFORE:
        *words, last = words
        suffix = suffixes[_plain(last)]
    if len(words) > 1 and (one := directions.get(_plain(words[0]))):
        two = _COMPOUND.get((one, directions.get(_plain(words[1]), "")))
        before, words = (two, words[2:]) if two and len(words) > 2 else (one, words[1:])
    return _told(predirectional=before, street=" ".join(words), suffix=suffix, postdirectional=after)


def _ends(word: str, suffixes: Mapping[str, str]) -> bool:
    """Whether a direction may follow: `Main St N`, `E 1700 S`; in `Key West` it is part of the name."""
    return _plain(word) in suffixes or word.isdecimal() or _NTH.fullmatch(word) is not None


def _french(words: list[str]) -> tuple[str, dict[str, str]] | None:
    """`Rue Principale Ouest` → `Rue Principale O`; None of what is English, as Avenue Road."""
    kinds, directions = _words("type_fr"), {**_words("direction"), **_words("direction_fr")}
    kind = kinds.get(_plain(words[0]))
    if kind is None or len(words) < 2 or _plain(words[-1]) in _suffixes("CA"):
        return None
    after = directions.get(_plain(words[-1]), "") if len(words) > 2 else ""
    name = words[1:-1] if after else words[1:]
    told, parts = _told(street=" ".join(name), postdirectional=after)
    return f"{kind} {told}", {"suffix": kind, **parts}


def _told(**said: str) -> tuple[str, dict[str, str]]:
    """In the order in which they are said."""
    parts = {name: word for name, word in said.items() if word}
    return " ".join(parts.values()), parts


# shouted and whispered lines -----------------------------------------------------------------------


def _cased(piece: str) -> str:
    if not (piece.isupper() or piece.islower()):
        return piece
    words = piece.lower().split(" ")
    return " ".join(
        word if i > 1 and word in _SMALL else "-".join(map(_capital, word.split("-")))
        for i, word in enumerate(words)
    )


def _capital(word: str) -> str:
    """5th stays as it is; O'Hara has two."""
    if word[:1].isdecimal():
        return word
    if word[1:2] in ("'", "’"):
        return word[:2].upper() + _capital(word[2:])
    return word[:1].upper() + word[1:]
