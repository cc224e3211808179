"""When a delivery that certainly did not arrive is tried again, and when it is given up."""

from datetime import datetime, timedelta

from app.catalog.documents import Retry

JITTER = 0.10  # at most so much is added, never taken away: the buyer is not asked sooner than agreed


def next_try(
    retry: Retry,
    *,
    attempt: int,
    first_at: datetime,
    now: datetime,
    chance: float,
    after: float | None = None,
) -> datetime | None:
    """When to try after `attempt` tries (from 1) failed at `now`; None: it is dead.

    The waits of the schedule in turn, then its last one again until `until` has passed since `first_at`.
    `after` is what the buyer asked for in seconds (Retry-After), held between the wait and twice the wait.
    """
    if not retry.schedule:
        return None
    base = retry.schedule[min(attempt, len(retry.schedule)) - 1].seconds
    wait = base if after is None else min(max(after, base), 2 * base)
    at = now + timedelta(seconds=wait * (1 + JITTER * chance))
    return at if at <= first_at + timedelta(seconds=retry.until.seconds) else None
