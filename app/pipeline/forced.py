"""The end of a test that asks for a result: what the real path would have come to, without buyer, sale or count."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from app.ingest.forced import value_of
from app.model import Lead, Submission, Verdict
from app.pipeline.answers import reasons_of, unsold_reasons
from app.pipeline.plans import SourcePlan

# result → (state that it ends in, state that its source hears first where it is answered before that)
_ENDS = {
    "accepted": ("sold", ""), "duplicate": ("rejected", ""), "rejected": ("rejected", ""), "no_buyer": ("unsold", ""),
    "buyer_error": ("unsold", "unclear"), "pending": ("sold", "delivering"), "held": ("rejected", "held"),
}  # fmt: skip
_DUPLICATE = {"code": "duplicate", "field": "", "message": "same as an earlier lead, as the test asked"}
_REJECTED = {"code": "forced", "field": "", "message": "rejected, as the test asked"}


class Forced(Struct, frozen=True):
    """`result` as asked for; `state`, `outcome` and `reasons` as they are written; `first` is what a source that
    waits is told instead of the outcome, which it then finds at the status address and in its callback."""

    result: str
    state: str
    outcome: str
    reasons: Sequence[Mapping[str, str]] = ()
    first: str = ""


def asked_of(submission: Submission, lead: Lead, plan: SourcePlan) -> str:
    """The result that this lead asks for, told beside it or by a value; a live lead asks for none."""
    if not submission.test:
        return ""
    return submission.forced or value_of(lead, plan.campaign.types)


def forced(result: str, *, reply: str, coarse: bool, verdict: Verdict | None = None) -> Forced:
    """A source that is answered on the verdict hears yes before any buyer is asked: so it does here."""
    state, first = _ENDS[result]
    if state != "rejected" and reply == "verdict":
        return Forced(result, state, "success")
    if state == "sold":
        return Forced(result, state, "success", first=first)
    reasons = unsold_reasons(coarse=coarse) if state == "unsold" else _against(result, coarse, verdict)
    return Forced(result, state, "failure", reasons, first)


def _against(result: str, coarse: bool, verdict: Verdict | None) -> Sequence[Mapping[str, str]]:
    """What its own findings say against it, if they do."""
    if coarse:
        return reasons_of((), coarse=True)
    found = verdict.against() if verdict is not None and verdict.outcome == "rejected" else ()
    mine = [one for one in found if (one.code == "duplicate") == (result == "duplicate")]
    if mine:
        return reasons_of(mine, coarse=False)
    return (_DUPLICATE if result == "duplicate" else _REJECTED,)
