"""The list of throw-away mail domains: what ships, what is yours, and what a newer list changes."""

import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from app.commands.desk import AsJson, DataDir, fail, settings_beside, tell, warn
from app.validate import data
from app.validate.data import OwnDomains, disposable_domains, domains_of

_MOST_BYTES = 50_000_000
_SHOWN = 5
_DOMAIN = re.compile(
    r"!?(?=.{3,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]"
)


def disposable(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="Your list from now on, a domain a line, !example.com takes one out; - reads it here."
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change.")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Put your list of throw-away mail domains beside the one that ships, and say what that changes.

    Without a file: what is listed now. A running service follows within ten seconds.
    """
    folder = settings_beside(data_dir).data_dir / "offline"
    data.join(folder)
    before = data.own_disposable()
    if file is None:
        ships = len(disposable_domains())
        told = {"ships": ships, "of": data.disposable_of(), "listed": len(_listed(before))}
        line = f"{ships:,} domains ship, of {data.disposable_of()}; yours: {_counts(before)}"
        tell(told, line, as_json=as_json)
        return
    good = _checked(_text(file).splitlines())
    after = domains_of(good)
    if not dry_run:
        _write(folder, good)
    now, then = _listed(after), _listed(before)
    added, gone = sorted(now - then), sorted(then - now)
    would = "would be" if dry_run else "now"
    told = {"listed": len(now), "added": added, "taken_out": gone, "dry_run": dry_run}
    line = f"{would} {len(now):,} domains: {_counts(after)} by your list"
    tell(told, line, *_signed("+", added), *_signed("-", gone), as_json=as_json)


def _listed(own: OwnDomains) -> frozenset[str]:
    return disposable_domains() - own.taken | own.added


def _counts(own: OwnDomains) -> str:
    return (
        f"{len(own.added - disposable_domains()):,} more, {len(own.taken & disposable_domains()):,} taken out"
    )


def _signed(sign: str, domains: Sequence[str]) -> Iterator[str]:
    yield from (f"{sign} {domain}" for domain in domains[:_SHOWN])
    if len(domains) > _SHOWN:
        yield f"{sign} … {len(domains) - _SHOWN:,} more"


def _text(file: Path) -> str:
    try:
        with sys.stdin.buffer if str(file) == "-" else file.open("rb") as source:
            content = source.read(_MOST_BYTES + 1)
    except OSError as error:
        raise fail(f"{file} can't be read: {error.strerror}", 2) from None
    if len(content) > _MOST_BYTES:
        raise fail(f"{file} is larger than {_MOST_BYTES // 1_000_000} MB: that is no list of domains", 2)
    return content.decode("utf-8-sig", errors="replace")


def _checked(lines: Iterable[str]) -> list[str]:
    """Lines that are domains, those of other alphabets as the DNS has them; who has none is refused."""
    good, wrong = [], []
    for number, line in enumerate(lines, 1):
        if (text := line.strip().lower()) and not text.startswith("#"):
            domain = _ascii(text)
            good.append(domain) if _DOMAIN.fullmatch(domain) else wrong.append(number)
    if wrong:
        more = f" and {len(wrong) - _SHOWN:,} more" if len(wrong) > _SHOWN else ""
        warn(f"warning: no domain in line {', '.join(map(str, wrong[:_SHOWN]))}{more}; left out")
    if not good:
        raise fail(
            "there is no domain in it, and nothing was changed; to go without, delete offline/disposable.txt"
        )
    return good


def _ascii(text: str) -> str:
    if text.isascii():
        return text
    try:
        return text.encode("idna").decode("ascii")
    except UnicodeError:
        return ""


def _write(folder: Path, lines: list[str]) -> None:
    """Whole or not at all: a service may be reading it."""
    half = folder / f"disposable.{os.getpid()}.half"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        half.write_text("\n".join([*lines, ""]), "utf-8")
        half.replace(folder / "disposable.txt")
    except OSError as error:
        half.unlink(missing_ok=True)
        raise fail(f"{folder} can't be written: {error.strerror}; nothing was changed") from None
