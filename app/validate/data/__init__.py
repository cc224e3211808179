"""The lists that ship with the checks, each read once, when first asked for."""

import lzma
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

OWN_PLACES = "postal_codes.txt"
_FOLDER = files(__name__)
_own: list[Path] = []
_read: dict[str, tuple[int, ...]] = {}
_beside: defaultdict[str, list[Any]] = defaultdict(list)
_Cached = TypeVar("_Cached", bound=Callable[[], Any])


def reread_with(name: str) -> Callable[[_Cached], _Cached]:
    """What is cached of the operator's file `name` beside this module is made anew with it, if it was asked for."""

    def keep(made: _Cached) -> _Cached:
        _beside[name].append(made)
        return made

    return keep


def join(folder: Path | None) -> None:
    """Lists in `folder` are the operator's, and count beside those that ship. Called by a root, before any lead."""
    _own[:] = [] if folder is None else [folder]
    again()


def again() -> bool:
    """Read those of the operator's lists that were changed; for a thread, since they may be long. Never true:
    there is no hurry."""
    for name, read in (("disposable.txt", own_disposable), (OWN_PLACES, own_places)):
        mark = _mark(name)
        if _read.get(name) != mark:
            _read[name] = mark
            read.cache_clear()
            read()
            for made in _beside[name]:
                asked = made.cache_info().currsize
                made.cache_clear()
                if asked:
                    made()
    return False


def _mark(name: str) -> tuple[int, ...]:
    """Of a file that is there: which it is, and when it was written."""
    for folder in _own:
        with suppress(OSError):
            stat = (folder / name).stat()
            return stat.st_ino, stat.st_size, stat.st_mtime_ns
    return ()


def _own_lines(name: str) -> Iterator[str]:
    """None where there is no such file; what isn't UTF-8 of one hinders nothing else."""
    for folder in _own:
        with suppress(OSError):
            yield from _lines((folder / name).read_text(encoding="utf-8", errors="replace"))


def _lines(text: str) -> Iterator[str]:
    return (line for line in text.splitlines() if line and not line.startswith("#"))


def _rows(name: str) -> Iterator[list[str]]:
    return (line.split("\t") for line in _lines((_FOLDER / name).read_text(encoding="utf-8")))


@cache
def disposable_domains() -> frozenset[str]:
    """Domains of throw-away mailboxes that ship."""
    return frozenset(_lines(_shipped_disposable()))


def disposable_of() -> str:
    """The day on which the list that ships was made."""
    return _shipped_disposable().partition("made ")[2][:10]


def _shipped_disposable() -> str:
    return lzma.decompress((_FOLDER / "disposable.txt.xz").read_bytes()).decode()


class OwnDomains(NamedTuple):
    """What an operator's list adds, and what it takes away (`!example.com`)."""

    added: frozenset[str] = frozenset()
    taken: frozenset[str] = frozenset()


def domains_of(lines: Iterable[str]) -> OwnDomains:
    said = {line.strip().lower() for line in lines} - {""}
    taken = frozenset(line[1:].strip() for line in said if line.startswith("!"))
    return OwnDomains(frozenset(line for line in said if not line.startswith("!")) - taken, taken)


@cache
def own_disposable() -> OwnDomains:
    return domains_of(_own_lines("disposable.txt"))


@cache
def free_domains() -> frozenset[str]:
    """Domains where anybody gets a mailbox."""
    return frozenset(_lines((_FOLDER / "free.txt").read_text(encoding="utf-8")))


@cache
def meant_domains() -> tuple[str, ...]:
    """Well-known mail domains that others are misspelt from, the likeliest first."""
    return tuple(_lines((_FOLDER / "meant.txt").read_text(encoding="utf-8")))


@cache
def role_names() -> frozenset[str]:
    """Local parts of mailboxes that belong to an office."""
    return frozenset(_lines((_FOLDER / "roles.txt").read_text(encoding="utf-8")))


@cache
def area_states() -> Mapping[str, frozenset[str]]:
    """Area code of +1 → the states or provinces it serves."""
    return {area: frozenset(states.split()) for area, states in _rows("area_codes.tsv")}


@cache
def carriers() -> Mapping[str, str]:
    """Beginning of a number without its + → the carrier that was given it; mobile numbers of most countries but +1."""
    packed = (_FOLDER / "carriers.txt.xz").read_bytes()
    lines = (line.split("\t") for line in _lines(lzma.decompress(packed).decode()))
    return {digits: name for name, ranges in lines for digits in ranges.split()}


@cache
def zip_ranges() -> tuple[tuple[str, str, str], ...]:
    """(first, last, state) of ZIP codes, in order."""
    return tuple((first, last, state) for first, last, state in _rows("zip_ranges.tsv"))


def zip_places() -> Iterator[list[str]]:
    """[ZIP code, latitude and longitude in thousandths, other states it may lie in]; read anew each time."""
    packed = (_FOLDER / "zips.txt.xz").read_bytes()
    return (line.split("\t") for line in _lines(lzma.decompress(packed).decode()))


def zip_towns() -> Iterator[list[str]]:
    """[ZIP code, city, county, and of what `zip_places` lacks latitude and longitude in thousandths]; read anew each time."""
    packed = (_FOLDER / "places.txt.xz").read_bytes()
    return (line.split("\t") for line in _lines(lzma.decompress(packed).decode()))


def disposable(domain: str) -> str | None:
    """The listed domain that `domain` (lower case, ASCII) is or lies under, else None."""
    listed, own = disposable_domains(), own_disposable()
    while True:
        if domain in own.added or (domain in listed and domain not in own.taken):
            return domain
        _, _, domain = domain.partition(".")
        if "." not in domain:
            return None


def kind_of(domain: str) -> Literal["free", "disposable", "company"]:
    """Whose mailboxes are at a domain: anybody's, nobody's for long, a firm's."""
    if domain in free_domains():
        return "free"
    return "disposable" if disposable(domain) else "company"


@cache
def surprises() -> Mapping[str, int]:
    """Two letters that follow each other (`^` is either end of a word) → how rarely they do in names, 0 to 99."""
    lines = list(_lines((_FOLDER / "bigrams.txt").read_text(encoding="utf-8")))
    letters = "abcdefghijklmnopqrstuvwxyz^"
    return {
        one + other: int(line[2 * i : 2 * i + 2])
        for one, line in zip(letters, lines, strict=True)
        for i, other in enumerate(letters)
    }


@cache
def both_names() -> frozenset[str]:
    """Words that are first names and last names, in a to z."""
    packed = (_FOLDER / "both_names.txt.xz").read_bytes()
    return frozenset(_lines(lzma.decompress(packed).decode()))


@cache
def no_names(kind: str) -> frozenset[str]:
    """Words of one kind (placeholder, beside, whole, profanity) that are no names."""
    found = next(words for one, words in _rows("no_names.tsv") if one == kind)
    return frozenset(found.split("|" if kind == "whole" else None))


class OwnPlace(NamedTuple):
    city: str
    county: str
    lat: float
    lon: float


@cache
def own_places() -> Mapping[str, OwnPlace]:
    """`US 94110`, `CA V6B` → what the operator's GeoNames file of postal codes says, its first line of each; else empty."""
    found: dict[str, OwnPlace] = {}
    for line in _own_lines(OWN_PLACES):
        with suppress(ValueError):
            country, code, city, _, _, county, _, _, _, lat, lon, *_ = line.split("\t")
            found.setdefault(f"{country} {code}", OwnPlace(city, county, float(lat), float(lon)))
    return found


@cache
def browser_releases() -> Mapping[str, tuple[tuple[int, float], ...]]:
    """Engine → (version, the day since 1970 that it came out), in order; some of them."""
    known: dict[str, list[tuple[int, float]]] = {}
    for engine, version, day in _rows("browsers.tsv"):
        known.setdefault(engine, []).append((int(version), float(day)))
    return {engine: tuple(sorted(points)) for engine, points in known.items()}


@cache
def state_zones() -> Mapping[str, tuple[str, ...]]:
    """`US CA` → the time zones of a state or province."""
    return {state: tuple(zones.split()) for state, zones in _rows("state_zones.tsv")}


@cache
def languages_of() -> Mapping[str, frozenset[str]]:
    """Country → the languages of its people, without their regions."""
    return {country: frozenset(languages.split()) for country, languages in _rows("languages.tsv")}


@cache
def network_kinds() -> Mapping[int, str]:
    """Number of an autonomous system → hosting, vpn or relay. What isn't listed is unknown."""
    return {int(number): kind for number, kind, _ in _rows("networks.tsv")}


def countries_packed() -> bytes:
    """The database of countries by address that ships, as lzma."""
    return (_FOLDER / "countries.mmdb.xz").read_bytes()


@cache
def first_names() -> Mapping[str, str]:
    """First names that many people have, and what they are called for short → the name that it stands for."""
    lines = (line.split() for line in _lines((_FOLDER / "nicknames.txt").read_text(encoding="utf-8")))
    return {word: words[0] for words in lines for word in words}
