"""With whom money is settled: a buyer, who owes us, or a source, whom we owe."""

from typing import Literal

from msgspec import Struct

Kind = Literal["buyer", "source"]


class Party(Struct, frozen=True):
    """A buyer's balance is what it owes us, a source's what we owe it: both are above 0 where there is a debt."""

    kind: Kind
    id: str
    name: str = ""

    @property
    def account(self) -> str:
        return f"{self.kind}:{self.id}"

    @property
    def sign(self) -> int:
        """What an amount that its account was debited with does to its balance."""
        return 1 if self.kind == "buyer" else -1

    @property
    def title(self) -> str:
        return f"{self.name} ({self.id})" if self.name and self.name != self.id else self.id

    @property
    def debt(self) -> str:
        return "you owe" if self.kind == "buyer" else "we owe you"
