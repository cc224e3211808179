"""The nouns, in the order a lead meets them: Submission, Lead, Finding, Verdict, Delivery, Outcome."""

from app.model.lead import Lead, Raw, Record, Scalar, Submission, Value
from app.model.outcome import (
    Accepted,
    Duplicate,
    Outcome,
    Pooled,
    Rejected,
    TryLater,
    Unclear,
    word_of,
)
from app.model.verdict import Action, Effect, Finding, Verdict, VerdictOutcome, Worth

__all__ = [
    "Accepted",
    "Action",
    "Duplicate",
    "Effect",
    "Finding",
    "Lead",
    "Outcome",
    "Pooled",
    "Raw",
    "Record",
    "Rejected",
    "Scalar",
    "Submission",
    "TryLater",
    "Unclear",
    "Value",
    "Verdict",
    "VerdictOutcome",
    "Worth",
    "word_of",
]
