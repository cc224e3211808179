"""What a delivery holds of counters, as one text: a key a line, behind a tab how much of it where that is not one."""

from collections import Counter
from collections.abc import Iterable

MONEY = ("budget:", "balance:")
"""Keys that count money, in ten-thousandths; all others count leads."""

OF_SOURCES = "budget:source/"
"""Keys of what sources may cost: a delivery holds of them what its source would have of its sale."""

OPEN = "open:"
"""Keys that count leads which a contract was handed and has not ended; only held where its campaign ranks by `load`."""


def line(key: str, by: int) -> str:
    return f"{key}\t{by}" if by != 1 or key.startswith(MONEY) else key


def held(lines: Iterable[str]) -> Counter[str]:
    """Key → how much of it these lines hold; all of it is given back on a refusal."""
    found: Counter[str] = Counter()
    for one in lines:
        key, _, by = one.partition("\t")
        if key:
            found[key] += int(by) if by else 1
    return found
