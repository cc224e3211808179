"""Which well-known mail domain was meant by one that is written almost so."""

import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache

from app.validate.data import free_domains, meant_domains

_SHORT = 5
"""A first label shorter than this is like too many others: only its ending is looked at."""
_REAL = frozenset(("cloud.com", "fmail.com", "gail.com", "hotel.com", "nmail.com", "xmail.com", "zmail.com"))
_LOOKS_LIKE = str.maketrans("аеорсухіјѕԁԛԝһӏɡıοανρτυκ", "aeopcyxijsdqwhlgioavptuk")


@lru_cache(maxsize=16_384)
def meant_by(domain: str) -> str | None:
    """The well-known domain that is one slip away (a letter too many, missing, wrong, or two swapped), else None."""
    if domain in free_domains() or domain in _REAL:
        return None
    near = {known for short in _shortened(domain) for known in _by_shortened().get(short, ())}
    fits = sorted(known for known in near if _one_slip(domain, known) and _is_slip(domain, known))
    return min(fits, key=meant_domains().index, default=None)


@lru_cache(maxsize=4_096)
def shown_as(domain: str) -> str | None:
    """The provider that an international domain (`xn--…`) only looks like, else None."""
    if "xn--" not in domain:
        return None
    try:
        written = domain.encode("ascii").decode("idna")
    except UnicodeError:
        return None
    plain = unicodedata.normalize("NFKD", written.translate(_LOOKS_LIKE))
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    return plain if plain in free_domains() else None


def _is_slip(domain: str, known: str) -> bool:
    """Not another country's ending, and not another short name."""
    ends, meant = domain.rpartition(".")[2], known.rpartition(".")[2]
    if ends != meant and len(ends) == len(meant) == 2:
        return False
    label = known.partition(".")[0]
    return len(label) >= _SHORT or domain.partition(".")[0] == label


def _one_slip(one: str, other: str) -> bool:
    """Whether one insertion, omission, substitution or swap of neighbours makes one of the other."""
    if abs(len(one) - len(other)) > 1 or one == other:
        return False
    if len(one) > len(other):
        one, other = other, one
    at = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))
    if len(one) < len(other):
        return one[at:] == other[at + 1 :]
    if one[at + 1 :] == other[at + 1 :]:
        return True
    return one[at : at + 2] == other[at : at + 2][::-1] and one[at + 2 :] == other[at + 2 :]


def _shortened(domain: str) -> Iterator[str]:
    """What two words that are one slip apart have in common: each with at most one letter left out."""
    yield domain
    for i in range(len(domain)):
        yield domain[:i] + domain[i + 1 :]


@cache
def _by_shortened() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for known in meant_domains():
        for short in _shortened(known):
            found[short] = (*found.get(short, ()), known)
    return found
