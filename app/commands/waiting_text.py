"""What `route` says of a lead that nobody takes now: who would take it later, from when on, and whether it waits."""

from datetime import datetime
from typing import Any

from msgspec.structs import asdict

from app.commands.steps import Setting
from app.commands.words import offset
from app.distribute.later import Later
from app.pipeline.foretelling import Waits
from app.pipeline.rehearsing import Opening

_SHOWN = 20


def waiting_lines(one: Waits, setting: Setting, *, everything: bool) -> list[str]:
    lines = [f"nobody takes it now; {_becomes(one, setting)}"]
    if not one.later:
        return [*lines, "  no contract would take it later either, by its hours and limits"]
    shown = one.later if everything else one.later[:_SHOWN]
    width = max(len(each.contract) for each in shown)
    lines += [f"  {each.contract:<{width}}  {_from(each, one, setting)}" for each in shown]
    if len(shown) < len(one.later):
        lines.append(f"  and {len(one.later) - len(shown)} more; {setting.more} shows all")
    return lines


def waiting_object(one: Waits) -> dict[str, Any]:
    return {
        "offered_again": one.until is not None, "every": one.every, "until": one.until,
        "later": [asdict(each) for each in one.later],
    }  # fmt: skip


def begins(one: Opening, setting: Setting) -> str:
    return f", not before {_wall(one.begins_at, setting)}" if one.begins_at is not None else ""


def _becomes(one: Waits, setting: Setting) -> str:
    if one.until is None:
        return "it would be unsold at once"
    return f"it is offered again every {one.every} until {_wall(one.until, setting)}"


def _from(each: Later, one: Waits, setting: Setting) -> str:
    because = ", ".join(each.because)
    if each.at is None:
        return f"nobody can say when: {because}"
    late = "; too late" if one.until is not None and each.at > one.until else ""
    return f"from {_wall(each.at, setting)}: {because}{late}"


def _wall(at: datetime, setting: Setting) -> str:
    local = at.astimezone(setting.zone)
    return f"{local:%a} {local.day} {local:%b %H:%M:%S} {offset(local)}"
