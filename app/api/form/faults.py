"""What is wrong with an answer, said to whoever wrote it: what to enter, never what kind of mistake it is."""

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from app.api.form.sent import CONSENT
from app.api.form.shape import Question, Shape
from app.model import Value
from app.pipeline.answers import Answer

CHANGED = "The text has changed since this page was opened. Read it and tick the box again."
TOLD = frozenset(
    (
        "missing", "invalid", "disposable", "role", "no_mx", "misspelt", "line_type", "region", "toll_free", "premium",
        "other_state", "other_country", "unassigned",
    )
)  # fmt: skip
"""Reasons that a person can mend. Of all others (a duplicate, a pace, a trap) a stranger must learn nothing."""

_LATER = {
    "disposable": "Enter an e-mail address that you keep; mail to this one would not reach you",
    "role": "Enter your own e-mail address, not one that several people read",
    "no_mx": "Check the e-mail address after the @; it takes no mail",
    "misspelt": "Check the e-mail address after the @; it may be misspelt",
    "toll_free": "Enter your own phone number, not a toll-free one",
    "premium": "Enter your own phone number, not a premium-rate one",
    "other_state": "Check the postal code; it is of another state",
    "other_country": "Check the postal code; it is of another country",
    "unassigned": "Check the postal code; there is none like it",
    "line_type": "Enter another phone number; calls to this one would not reach you",
    "region": "Enter a phone number of a country that we serve",
}
_WRONG = {
    "email": "Enter an e-mail address like name@example.com",
    "phone": "Enter a phone number with its area code",
    "url": "Enter an address like https://www.example.com",
    "date": "Enter a date that exists",
    "choice": "Choose one of the answers",
    "boolean": "Choose yes or no",
    "state": "Choose a state",
    "country": "Choose a country",
}


class Fault(Struct, frozen=True):
    """One answer to mend. `names` are what its input may be called on a page that is not ours."""

    name: str
    message: str
    names: tuple[str, ...] = ()


def found(questions: Iterable[Question], fields: Mapping[str, Value]) -> Iterator[Fault]:
    """What is missing or can't be understood, in the order in which it was asked."""
    for question in questions:
        value = fields.get(question.name)
        if value is None and question.required:
            yield Fault(question.name, _missing(question), question.names)
        elif value is not None and not value.valid:
            yield Fault(question.name, _wrong(question, value.note), question.names)


def consent_fault(shape: Shape, given: bool) -> list[Fault]:
    if shape.consent is None or given or not shape.consent.required:
        return []
    return [Fault(CONSENT, "Tick the box to agree, or we can't take your request", (CONSENT,))]


def told(answer: Answer, shape: Shape) -> list[Fault]:
    """What the checks refused that its writer can mend."""
    questions = {question.name: question for question in shape.questions}
    faults = []
    for reason in answer.reasons:
        question = questions.get(reason["field"])
        if question is not None and reason["code"] in TOLD:
            message = _LATER.get(reason["code"]) or _wrong(question, "")
            faults.append(Fault(question.name, message, question.names))
    return faults


def _missing(question: Question) -> str:
    if question.kind in ("choice", "select"):
        return _WRONG["boolean"] if question.type == "boolean" else f"Choose {_of(question)}"
    return f"Enter {_of(question)}"


def _wrong(question: Question, note: str) -> str:
    if question.type == "phone" and note.startswith("is no number that"):
        return "Check the phone number; no such number is in use"
    if question.type == "postal_code":
        return f"Enter {_of(question)}{f', {_lower(question.hint)}' if question.hint else ''}"
    if question.type == "number" and question.hint and note.startswith(("is below", "is above")):
        return f"Enter a number: {_lower(question.hint)}"
    if question.type == "number":
        return "Enter a whole number" if "whole" in note else "Enter a number"
    if note and question.type in ("text", "name"):
        return f"{question.label}: what you entered {note}"
    return _WRONG.get(question.type, f"Check {_of(question)}")


def _of(question: Question) -> str:
    """`First name` → `your first name`; a question stays one."""
    label = question.label.rstrip(" ?:")
    if question.label.rstrip().endswith("?"):
        return f"an answer to “{question.label.strip()}”"
    return label if label.lower().startswith(("your ", "the ", "a ")) else f"your {_lower(label)}"


def _lower(text: str) -> str:
    """A word of capitals (`ZIP code`) stays as it is."""
    return text[:1].lower() + text[1:] if text[1:2].islower() or text[1:2] == " " else text
