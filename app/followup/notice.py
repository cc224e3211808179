"""How a source is told that its posting instructions have changed: a signed document, where its callbacks go."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from app.distribute.adapter import Call, Conversation
from app.followup.callback import CallbackSettings, read


def tell(id_: UUID, document: Mapping[str, Any], to: CallbackSettings, at: datetime) -> Conversation:
    """Under the same id at every try; read as a callback's answer is. Its template is of outcomes, not of this."""
    plan, body = to.plan, orjson.dumps(document)
    headers = {name.lower(): value for name, value in to.headers.items() if "{" not in value}
    headers |= {**plan.fixed, "content-type": "application/json"}
    if plan.signer is not None:
        headers |= plan.signer.headers(str(id_), int(at.timestamp()), body)
    headers["webhook-id"] = str(id_)
    query = ("&" if "?" in to.url else "?") + plan.query if plan.query else ""
    reply = yield Call(
        method=to.method, url=to.url + query, headers=headers, body=body, hands_over=False, timeout=plan.timeout,
        secrets=plan.secrets,
    )  # fmt: skip
    return read(reply, at)
