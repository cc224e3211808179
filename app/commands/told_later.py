"""The steps of a lead's story that are its buyers': what they told later, what they gave back and what came of it."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.commands.steps import Entry, Setting
from app.commands.words import money, short
from app.core.redaction import scrub
from app.pipeline.story import Story
from app.store.returns import Request

_ICONS = {"approved": "↶", "denied": "✕", "requested": "?", "appealed": "?"}


def told_later(story: Story, setting: Setting) -> list[Entry]:
    """In no order yet."""
    entries = [_event(one, setting) for one in story.feedback if one["kind"] != "return"]
    for request, words in story.returns:
        entries += [_word(request, one, setting) for one in words]
    return entries


def _event(one: Mapping[str, Any], setting: Setting) -> Entry:
    told = [
        one["contract"] or "?",
        one["code"] if one["kind"] != "correction" else f"{one['code']} is taken back",
    ]
    if one["code"] == "unmapped":
        told[-1] = f'"{_words(one["raw"], setting)}", which has no meaning yet'
    if one["amount"] is not None:
        told.append(f"{money(one['amount'])} {one['currency']}")
    if one["conflict"]:
        told.append("of a lead that was given back")
    if one["voided"]:
        told.append("taken back since")
    told.append(f"by {one['by_whom']}")
    return Entry("·", "feedback", [", ".join(told)], at=one["received_at"])


def _word(request: Request, one: Mapping[str, Any], setting: Setting) -> Entry:
    told = [request.contract, one["kind"]]
    if one["kind"] == "requested":
        told[-1] = f"{request.reason}, return {short(request.id)}"
    if one["kind"] == "approved":
        told += _came_to(request)
    if one["text"]:
        told.append(_words(one["text"], setting))
    if one["evidence"]:
        told.append(f"evidence: {_words(one['evidence'], setting)}")
    told.append(f"by {one['by_whom']}")
    return Entry(_ICONS.get(one["kind"], "·"), "return", [", ".join(told)], at=one["at"])


def _came_to(request: Request) -> Sequence[str]:
    told = []
    if request.remedy == "replace":
        told.append("the next lead is free")
    elif request.credited is not None:
        told.append(f"credited {money(request.credited)} {request.currency}")
    if request.price_back is not None:
        told.append(f"its source is not paid {money(request.price_back)}")
    return told


def _words(text: str, setting: Setting) -> str:
    """People write names into notes."""
    return text if setting.reveal else scrub(text)
