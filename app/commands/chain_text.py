"""Who stood where in a ranking, and how far a lead went along its chain, in lines."""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any

from app.commands.words import money
from app.distribute.ties import Tie, level_with_next

_RANKED = 3


def in_order(ranked: Sequence[tuple[str, str]], level: Sequence[Tie]) -> str:
    """`a 42.00 = b 42.00 > c 40.00`: contracts and prices, best first."""
    equal, text = level_with_next(level), ""
    for at, (contract, price) in enumerate(ranked):
        text += f"{contract} {price}"
        if at + 1 < len(ranked):
            text += " = " if contract in equal else " > "
    return text


def level_lines(level: Sequence[Tie], shown: Collection[str]) -> list[str]:
    """What left those who are shown level, and what told them apart."""
    return [_level(tie) for tie in level if sum(one in shown for one in tie.contracts) > 1]


def _level(tie: Tie) -> str:
    names = " = ".join(tie.contracts[:_RANKED]) + (" …" if len(tie.contracts) > _RANKED else "")
    equal = f" in {', '.join(tie.level_in)}" if tie.level_in else ""
    told = {"": "", "id": "; the first by id"}.get(tie.by, f"; told apart by {tie.by}")
    return f"level{equal}: {names}{told}"


def chain_lines(chain: Sequence[Mapping[str, Any]], *, everything: bool = False) -> list[str]:
    """A line for each leg after its own campaign, and what both ways of selling would have earned."""
    lines = [f"copies: {text}" for leg in chain[:1] if (text := _copies(leg, everything))]
    lines += [text for leg in chain if (text := _ways(leg))]
    for leg in chain[1:]:
        best = _best(leg, everything)
        lines.append(f"then {leg['leg']}: {leg['eligible']} of {leg['of']}{': ' + best if best else ''}")
    return lines


def _ways(leg: Mapping[str, Any]) -> str:
    if "earns" not in leg:
        return ""
    alone, shared = (money(Decimal(leg["earns"][way])) for way in ("alone", "shared"))
    if leg["took"] == "shared":
        return f"shared, which earns {shared}: to one it were {alone}"
    return f"to one, which earns {alone}: shared it were {shared}"


def _copies(leg: Mapping[str, Any], everything: bool) -> str:
    """Who would share it, at the prices of those who share."""
    told = leg.get("copies")
    return (
        "" if told is None else f"{told['eligible']} of {told['of']}: {_listed(told['ranked'], everything)}"
    )


def _best(leg: Mapping[str, Any], everything: bool) -> str:
    return _listed([*leg["ranked"], *leg.get("copies", {}).get("ranked", ())], everything)


def _listed(ranked: Sequence[Sequence[str]], everything: bool) -> str:
    shown = ranked if everything else ranked[:_RANKED]
    more = " …" if len(ranked) > len(shown) else ""
    return " > ".join(f"{contract} {money(Decimal(price))}" for contract, price in shown) + more
