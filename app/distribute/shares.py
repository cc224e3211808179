"""Who gets a lead by its share: so that everybody has had so many hundredths of what came, at any moment, within one.

Each contract with a `percent` has a credit, a counter like any other. A lead that it competes for raises the credit by
the share, a lead that it gets lowers it by a whole one. Who is owed anything is due before its next lead would come
too early for it to keep pace, and who is due first gets the lead (earliest deadline first): among the same contracts
nobody is ever a whole lead ahead of its share or behind it.
"""

from collections.abc import Mapping, Sequence

from app.catalog.documents import ContractDoc

WHOLE = 10**10
"""One lead. A hundredth of a per cent is a whole number of it, with room for what is divided further."""


def share_key(contract: str) -> str:
    return f"share:{contract}"


def share_of(doc: ContractDoc) -> int:
    """Of each lead; 0 where it gets what is left over."""
    return 0 if doc.percent is None else int(doc.percent * (WHOLE // 100))


def credited(shares: Mapping[int, int], competing: Sequence[int], copies: int = 1) -> dict[int, int]:
    """What each of those who compete for a lead is credited of it.

    More than there is can't be shared out, and where nobody is without a share nothing may be left over: then all of
    them have more or less in proportion.
    """
    mine = {i: shares[i] for i in competing if shares[i]}
    together, supply = sum(mine.values()), WHOLE * copies
    if mine and (together > supply or (together < supply and len(mine) == len(competing))):
        return {i: min(WHOLE, share * supply // together) for i, share in mine.items()}
    return mine


def lowered(credit: int) -> int:
    """A lead that nobody else would have is no debt beyond one."""
    return max(credit - WHOLE, -WHOLE)


def first_due(group: Sequence[int], shares: Mapping[int, int], credits: Mapping[int, int]) -> list[int]:
    """Those of the group who come first: who is owed and due soonest, else who has no share, else who has had least
    too much."""
    owed = [i for i in group if shares.get(i) and credits[i] > 0]
    others = [i for i in group if not shares.get(i)]
    if not owed and others:
        return others
    due = {i: -((credits[i] - WHOLE) // shares[i]) for i in owed or group}  # in leads from now
    soonest = min(due.values())
    return [i for i in due if due[i] == soonest]
