"""What is wrong with a catalogue, told so that the reader can go there and mend it."""

import difflib
import re
from collections.abc import Iterable, Sequence

from msgspec import Struct

_BUYER = re.compile(r"^buyers\[\d+\]\.(?=contracts\[)")
_WIDEST = 100


class Problem(Struct, frozen=True, kw_only=True):
    """One fault. `line`, `column` count from 1; `width` is how much of the line is at fault.

    `path` is the whole place (`buyers[0].contracts[1].when`), `snippet` the line with secrets blotted out.
    """

    file: str
    line: int
    column: int
    width: int = 1
    path: str = ""
    message: str
    hint: str = ""
    snippet: str = ""


class CatalogueErrors(Exception):
    """Everything that is wrong, in the order of the files; nothing was changed."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(f"{counted(len(problems), 'error')} in the catalogue")
        self.problems = tuple(problems)


def render(problems: Sequence[Problem]) -> str:
    """As CONSOLE.md §7 shows it: each problem with its line, then how many."""
    parts = [_one(problem) for problem in problems]
    return "\n".join([*parts, f"{counted(len(problems), 'error')}. Nothing was changed."])


def counted(n: int, noun: str, more: str = "") -> str:
    """1 error, 2 errors."""
    return f"{n:,} {noun if n == 1 else more or noun + 's'}"


def nearest(word: str, known: Iterable[str]) -> str:
    """`did you mean "state"?`, or nothing when no known word is near."""
    by_lower = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), list(by_lower), n=1, cutoff=0.6)
    return f'did you mean "{by_lower[near[0]]}"?' if near else ""


def suggestion(word: str, known: Iterable[str], *, otherwise: str = "known") -> str:
    """`nearest`, or the known words themselves, few of them."""
    names = sorted(known)
    if near := nearest(word, names):
        return near
    shown = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
    return f"{otherwise}: {shown}" if names else f"{otherwise}: none"


def _one(problem: Problem) -> str:
    subject = " ".join(part for part in (_BUYER.sub("", problem.path), problem.message) if part)
    head = f"error: {problem.file}:{problem.line}:{problem.column}  {subject}"
    if not problem.snippet:
        return f"{head}\n      | {problem.hint}" if problem.hint else head
    line, start = _window(problem.snippet.replace("\t", " "), problem.column - 1)
    width = max(1, min(problem.width, len(line) - start))
    mark = " " * start + "^" * width
    return f"{head}\n{problem.line:>5} | {line}\n      | {mark} {problem.hint}".rstrip()


def _window(line: str, at: int) -> tuple[str, int]:
    """The part of a long line around `at`, and where `at` is in it."""
    if len(line) <= _WIDEST:
        return line, at
    first = max(0, min(at - _WIDEST // 2, len(line) - _WIDEST))
    cut = line[first : first + _WIDEST]
    return f"…{cut}" if first else f"{cut}…", at - first + bool(first)
