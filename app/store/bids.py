"""What a buyer had bid for a lead when its answer to the hand-over failed: what it owes if it took it."""

from decimal import Decimal
from typing import Any
from uuid import UUID

_BID = """
select price from attempt_end
 where lead_id = $1 and delivery_id = $2 and outcome = 'Unclear' and price is not null
 order by n desc limit 1
"""


async def bid(conn: Any, lead_id: UUID, delivery_id: UUID) -> Decimal | None:
    """None where nobody asked it before, or nothing is known of what it said."""
    found: Decimal | None = await conn.fetchval(_BID, lead_id, delivery_id)
    return found
