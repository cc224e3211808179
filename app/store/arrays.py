"""Makes asyncpg quick to see what is an array: it asks of each element of one whether it is one itself.

It asks an abstract class, which answers in Python: near half of the time that a batch's statement takes to encode. Lists
and tuples are all that is handed to it here, and as plain types they answer in C.
"""

from asyncpg.protocol import protocol

ASKED = "IterableABC"


def quicken() -> None:
    """Once, before the first statement. A release of asyncpg that asks otherwise is as slow as it is, and right."""
    setattr(protocol, ASKED, (list, tuple))
