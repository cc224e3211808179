"""What was configured before: the former documents of one object, for pages that say what has changed."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from msgspec import Struct


class Revision(Struct, frozen=True, kw_only=True):
    """One object as a version made it; `doc` is None where it removed the object."""

    version: int
    at: datetime
    doc: Mapping[str, Any] | None


async def revisions(
    conn: Any, kind: str, id_: str, *, until: int | None = None, most: int = 25
) -> Sequence[Revision]:
    """The newest first; with `until`, those that version had already."""
    rows = await conn.fetch(
        """select version, v.at, c.doc::text as doc, c.removed
           from configured c join catalogue_version v using (version)
           where c.kind = $1 and c.id = $2 and ($3::bigint is null or version <= $3)
           order by version desc limit $4""",
        kind, id_, until, most,
    )  # fmt: skip
    return [
        Revision(
            version=row["version"], at=row["at"], doc=None if row["removed"] else orjson.loads(row["doc"])
        )
        for row in rows
    ]
