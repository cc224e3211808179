"""Finds the facts that people pack into free text: one `Label: value` a line."""

import re
from collections.abc import Iterator

_LABEL = re.compile(r"[\s>*•·–-]{0,8}([^\W\d_][^:=\n]{0,59}?)([ \t]{0,4}:(?![/:\\])[ \t]*)(.*)")
_MOST_WORDS = 6
LONGEST_TEXT = 256_000
"""Facts are looked for in so many characters of a text, and not behind them."""

_SENTENCE = re.compile(r"[.!?,;][ \t]")


def labelled(text: str) -> Iterator[tuple[str, str]]:
    """(label, value) of each line that is a label, a colon and perhaps a value; both without outer space.

    A label is at most six words and no sentence; `http://…` and `at 10:30` are none.
    """
    for line in text[:LONGEST_TEXT].splitlines():
        if ":" in line and (match := _LABEL.match(line)):
            label, colon, value = match.groups()
            if _is_label(label, value, clock=colon == ":"):
                yield label, value.strip()


def _is_label(label: str, value: str, *, clock: bool) -> bool:
    if len(label.split()) > _MOST_WORDS or _SENTENCE.search(label):
        return False
    return not (clock and label[-1:].isdigit() and value[:1].isdigit())
