"""One submission in hand, from its commit to its decision."""

from collections.abc import Mapping
from hashlib import blake2b
from uuid import UUID

from msgspec import Struct

from app.model import Record, Submission

_TIME = ((1 << 48) - 1) << 80
_VERSION = 0x7 << 76
_VARIANT = 0b10 << 62
_LOW = (1 << 62) - 1


def lead_id_of(submission_id: UUID, position: int) -> UUID:
    """A lead's id follows from its submission's, so that whoever decides it after a crash gives it the same.

    The first lead of a submission has the submission's own id; the others share its time.
    """
    if position == 0:
        return submission_id
    digest = blake2b(submission_id.bytes + position.to_bytes(4, "big"), digest_size=10).digest()
    chance = int.from_bytes(digest, "big")
    low = _VARIANT | (chance & _LOW)
    return UUID(int=(submission_id.int & _TIME) | _VERSION | ((chance >> 64 & 0xFFF) << 64) | low)


def moment_of(lead_id: UUID) -> tuple[UUID, UUID]:
    """The first and the last id that could have been made in the same millisecond."""
    first = lead_id.int & _TIME
    return UUID(int=first), UUID(int=first | ((1 << 80) - 1))


class Work(Struct, frozen=True):
    """A durable submission and what was read of it; `reply` says when its source wants to hear of it."""

    submission: Submission
    records: list[Record]
    reply: str = "receipt"
    began: float = 0.0  # monotonic seconds at which it came; steps are told from here
    steps: Mapping[str, float] = {}  # what was done before the decision, milliseconds after it came
    lead_id: UUID | None = None  # the lead that this submission completes, where it began with another
    abandoned: bool = False  # nobody completed it: it is judged without being looked at

    def lead_ids(self) -> list[UUID]:
        first = self.lead_id or self.submission.id
        return [first] if len(self.records) == 1 else [lead_id_of(first, n) for n in range(len(self.records))]
