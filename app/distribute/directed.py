"""A lead that one contract gets before all others, where it has room for it."""

from collections.abc import Iterator, Sequence

from app.distribute.route import Match


class Directed(Match, frozen=True):
    """`first` is the number of that contract; its filter and hours are not asked, its caps are."""

    first: int = 0

    def ranked(self, limit: int | None = None) -> list[str]:
        name = self.index.contracts[self.first].id
        return [name, *(one for one in super().ranked() if one != name)][:limit]

    def tiers(self) -> Iterator[Sequence[int]]:
        yield [self.first]
        for tier in super().tiers():
            if rest := [i for i in tier if i != self.first]:
                yield rest


def directed(match: Match, contract: str) -> Match:
    """`match` as it is, where there is no such contract in it, or it is paused."""
    i = match.index.number.get(contract)
    if i is None or match.index.contracts[i].paused:
        return match
    told = {name: getattr(match, name) for name in match.__struct_fields__}
    return Directed(**{**told, "eligible": match.eligible | 1 << i}, first=i)
