"""Why contracts stand in a ranking as they do: what each of its words saw of each of them, to be kept and to be told."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.distribute.route import Match

Why = Mapping[str, Mapping[str, Any]]
"""Word → contract → value; left out where it is what it is without being said."""

_HAS = ("has the person", "its buyer has the person")


def why_of(match: Match, counted: Why, contracts: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Of one lead; `counted` is what counters said when it was placed."""
    index = match.index
    every: dict[str, Mapping[str, Any]] = {**index.configured}
    if match.levels:
        every["sticky"] = {index.contracts[i].id: level for i, level in match.levels.items()}
    if values := match.order.values:
        every["expected_value"] = {one: str(values[one]) for one in contracts if one in values}
    for word, said in counted.items():
        every["turns" if word in ("weight", "round_robin") else word] = said
    found = {word: {one: said[one] for one in contracts if one in said} for word, said in every.items()}
    return {word: said for word, said in found.items() if said}


def spoken(contract: str, why: Why) -> list[str]:
    """What is kept of one contract, in words."""

    def of(word: str) -> Any:
        return why.get(word, {}).get(contract)

    told = []
    if (level := of("sticky")) is not None:
        told.append(_HAS[level])
    if (value := of("expected_value")) is not None:
        told.append(f"expected {value}")
    if (priority := of("priority")) is not None:
        told.append(f"priority {priority}")
    if (score := of("score")) is not None:
        told.append(f"from score {score}")
    if (percent := of("percent")) is not None:
        credit = of("percentage")
        owed = "" if credit is None else f", {'owed' if credit >= 0 else 'ahead by'} {abs(credit):g}"
        told.append(f"{percent} %{owed}")
    if (open_ := of("load")) is not None:
        capacity = of("capacity")
        told.append(f"{open_} open" if capacity is None else f"{open_} open of {capacity}")
    if (weight := of("weight")) is not None:
        told.append(f"weight {weight}")
    if (turns := of("turns")) is not None:
        told.append(f"turns {turns:g}")
    return told
