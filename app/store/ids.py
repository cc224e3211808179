"""New ids of the kind that rows come with."""

from uuid import UUID

from asyncpg.pgproto.pgproto import UUID as RowId

from app.core.world import time_ordered


def new_id() -> UUID:
    """Equal to any other UUID of the same bytes; its text costs an eighth, and a driver sends it as it is."""
    made: UUID = RowId(time_ordered())
    return made
