"""Who has a lead's person already, for rankings that keep a person with one buyer."""

from msgspec import Struct


class Owners(Struct, frozen=True):
    """Contracts that were handed an earlier lead of the person and did not refuse it, and their buyers."""

    contracts: frozenset[str] = frozenset()
    buyers: frozenset[str] = frozenset()


NOBODY = Owners()
