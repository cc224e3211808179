"""Who was in an auction and has not bid, and why, in lines."""

from collections.abc import Mapping
from typing import Any

_SHOWN = 3
_SAID = {
    "balance": "its account has no room for the price",
    "budget": "its budget is spent",
    "cap": "its cap is full",
    "duplicate": "its buyer has the person",
    "late": "no answer by the deadline",
    "margin": "nothing of its bid is left for the source",
    "minimum": "less than the campaign's minimum, or nothing",
    "no": "its reply was no bid",
    "not_accepted": "its reply was no bid, and said no reason",
    "no_place": "all of its places were taken until the deadline: it was not asked",
    "source_cap": "the source's cap is full",
}
"""Our own codes; all else is the buyer's word, or the code of what failed."""


def silent_lines(routing: Mapping[str, Any], *, everything: bool) -> list[str]:
    """The first few with their codes; with `everything` a line for each."""
    silent: Mapping[str, str] = routing.get("silent", {})
    if not silent:
        return []
    if not everything:
        told = ", ".join(f"{_who(one)} {why}" for one, why in list(silent.items())[:_SHOWN])
        return [f"no bid: {told}{' …' if len(silent) > _SHOWN else ''}"]
    width = max(len(_who(one)) for one in silent)
    return ["no bid:", *(f"  {_who(one):<{width}}  {_said(why)}" for one, why in silent.items())]


def _who(contract: str) -> str:
    return contract or "anybody"


def _said(why: str) -> str:
    return f"{why}: {_SAID[why]}" if why in _SAID else why
