"""What is told of a lead after its answer: to its source what became of it, to a buyer what was decided on its return."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from app.core.money import written
from app.followup.postback import Decision
from app.store.returns import Request
from app.store.stopping import Holder

_CONTRACT = "contract "
"""No id of a source has a space."""


def party_of(contract_id: str) -> str:
    """As whom the buyer of a contract is told."""
    return f"{_CONTRACT}{contract_id}"


def contract_of(party: str) -> str:
    """Empty for a source."""
    return party.removeprefix(_CONTRACT) if party.startswith(_CONTRACT) else ""


def to_source(
    event: str, lead_id: UUID, *, state: str, summary: Mapping[str, Any] | None, price_back: Any = None,
    amount: Any = None, currency: str = "", supersedes: UUID | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Codes, counts and amounts; never a buyer's name or words."""
    doc: dict[str, Any] = {"event": event, "lead": {"id": str(lead_id)}, "state": state}
    if summary is not None:
        doc["feedback"] = dict(summary)
    for name, value in (("price_back", price_back), ("amount", amount)):
        if value is not None:
            doc |= {name: written(value), "currency": currency}
    if supersedes is not None:
        doc["supersedes"] = str(supersedes)
    return doc


def to_buyer(event: Decision, request: Request) -> dict[str, Any]:
    """As it stands by now."""
    doc: dict[str, Any] = {
        "event": event,
        "return": {
            "id": str(request.id), "delivery": str(request.delivery_id), "state": request.state,
            "reason": request.reason, "remedy": request.remedy,
        },
    }  # fmt: skip
    if request.why:
        doc["message"] = request.why
    if request.credited is not None:
        doc["credited"], doc["currency"] = written(request.credited), request.currency
    if request.replaced_by is not None:
        doc["replaced_by"] = str(request.replaced_by)
    elif request.replace_until is not None and request.credited is None:
        doc["replaced_until"] = request.replace_until.isoformat()
    return doc


def to_holder(one: Holder) -> dict[str, Any]:
    """That the person wants no calls, as another buyer heard; not which one."""
    doc: dict[str, Any] = {"event": "do_not_call", "delivery": {"id": str(one.delivery_id)}}
    if one.reference is not None:
        doc["delivery"]["reference"] = one.reference
    return doc


def view(one: Request) -> dict[str, Any]:
    """A return as people and programs of the house see it."""
    return {
        "id": str(one.id), "delivery": str(one.delivery_id), "lead": str(one.lead_id), "campaign": one.campaign,
        "contract": one.contract, "buyer": one.buyer, "source": one.source, "state": one.state, "reason": one.reason,
        "sold_at": one.sold_at, "requested_at": one.requested_at, "price": written(one.price), "currency": one.currency,
        "remedy": one.remedy, "found": dict(one.found), "due_at": one.due_at, "then": one.by_then,
        "appealed": one.appealed, "evidence": one.evidence, "decided_at": one.decided_at, "decided_by": one.decided_by, "message": one.why,
        "credited": None if one.credited is None else written(one.credited),
        "price_back": None if one.price_back is None else written(one.price_back), "absorbed": one.absorbed,
        "replace_until": one.replace_until, "replaced_by": str(one.replaced_by) if one.replaced_by else None,
        "resale": one.resale,
    }  # fmt: skip
