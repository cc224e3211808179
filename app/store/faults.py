"""What two transactions may do to one another, and whoever lost simply runs again."""

import asyncpg

_CONFLICTS = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.UniqueViolationError,
)


def is_conflict(error: BaseException) -> bool:
    """Whether another transaction came first; a run from the start decides anew on what is there now."""
    return isinstance(error, _CONFLICTS)
