"""How far a lead went along its chain, in lines."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from app.commands.words import money

_RANKED = 3


def chain_lines(chain: Sequence[Mapping[str, Any]], *, everything: bool = False) -> list[str]:
    """A line for each leg after its own campaign, and what both ways of selling would have earned."""
    lines = [text for leg in chain if (text := _ways(leg))]
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


def _best(leg: Mapping[str, Any], everything: bool) -> str:
    ranked = [*leg["ranked"], *leg.get("copies", {}).get("ranked", ())]
    shown = ranked if everything else ranked[:_RANKED]
    more = " …" if len(ranked) > len(shown) else ""
    return " > ".join(f"{contract} {money(Decimal(price))}" for contract, price in shown) + more
