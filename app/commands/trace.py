"""`trace`: everything that happened to one lead and why, in the order in which it happened."""

import getpass
from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Annotated, Any
from uuid import UUID

import orjson
import typer
from msgspec.structs import asdict

from app.commands.bytes_text import attempt_text
from app.commands.desk import AsJson, DataDir, at_database, fail, settings_beside, warn
from app.commands.hand_overs import shown_attempts
from app.commands.recalling import one_id, setting_of
from app.commands.steps import Setting
from app.commands.telling import tell
from app.commands.words import coloured
from app.core.redaction import mask_value, scrub
from app.pipeline.story import Story, story
from app.settings import Settings
from app.store import leads, looking
from app.store.database import Database

Utc = Annotated[bool, typer.Option("--utc", help="Times in UTC instead of the local zone.")]
Reveal = Annotated[
    bool, typer.Option("--reveal", help="Show personal data; asked for, and written into the lead's story.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Don't ask.")]


def trace(
    lead: Annotated[str, typer.Argument(help="A lead's id, or its last 6 characters or more.")],
    everything: Annotated[
        bool,
        typer.Option("--all", help="Every finding, and each contract left out with the rule and the value."),
    ] = False,
    attempt: Annotated[
        int | None, typer.Option("--bytes", help="What attempt N sent and received, and how it was read.")
    ] = None,
    reveal: Reveal = False,
    utc: Utc = False,
    as_json: AsJson = False,
    yes: Yes = False,
    data_dir: DataDir = None,
) -> None:
    """Tell the whole story of one lead; personal data is masked."""
    if reveal and not yes:
        typer.confirm(
            "Show this person's data? It will stand in the lead's story who looked.", abort=True, err=True
        )

    async def work(database: Database) -> list[str]:
        async with database.acquire() as conn:
            lead_id = await one_id(conn, lead, looking.leads_ending, "lead")
            told = await _told(conn, lead_id)
            if reveal and told.lead is not None:
                await leads.note(conn, lead_id, "revealed", None, getpass.getuser(), {"what": "trace"})
        setting = await setting_of(
            database, told, zone=UTC if utc else None, reveal=reveal, everything=everything
        )
        if as_json:
            return [orjson.dumps(document(told, setting), default=str).decode()]
        if attempt is not None:
            return _attempt(told, attempt, setting)
        return tell(told, setting)

    for line in at_database(settings_beside(data_dir), work):
        typer.echo(coloured(line))


async def _told(conn: Any, lead_id: UUID) -> Story:
    told = await story(conn, lead_id)
    if told is None:
        raise fail(f"there is no lead {lead_id}")
    return told


def _attempt(told: Story, number: int, setting: Setting) -> list[str]:
    try:
        return attempt_text(told, number, setting)
    except IndexError:
        count = len(shown_attempts(told))
        known = f"1 to {count}" if count > 1 else "only 1" if count else "none at all"
        raise fail(f"there is no attempt {number} of this lead; there is {known}", 2) from None


def print_trace(settings: Settings, lead_id: str) -> None:
    """The trace of a lead of the service that runs beside or in this process; safe in any thread."""

    async def work(database: Database) -> list[str]:
        async with database.acquire() as conn:
            told = await _told(conn, UUID(lead_id))
        return tell(told, await setting_of(database, told, zone=None))

    try:
        for line in at_database(settings, work, migrated=False):
            typer.echo(coloured(line))
    except typer.Exit:
        warn("its story can't be told now")


def document(told: Story, setting: Setting) -> dict[str, Any]:
    """The story as one object: ids, codes, amounts, masked fields; no bytes."""
    if told.lead is None:
        return {
            "id": told.id,
            "state": "refused" if told.refusal else "received",
            **(told.refusal or told.submission or {}),
        }
    detail = told.detail or {}
    return {
        **{name: value for name, value in told.lead.items() if name != "copies"},
        "submission": told.submission,
        "steps": detail.get("steps"),
        "fields": {name: _field(name, value, setting) for name, value in detail.get("fields", {}).items()},
        "kept_aside": list(detail.get("extra", ())),
        "findings": detail.get("findings"),
        "routing": detail.get("routing"),
        "left_out": [
            {"contract": one.contract, "cause": one.cause, "rule": one.rule, "value": one.value}
            for one in setting.left_out or ()
        ],
        "deliveries": [
            {
                name: getattr(one, name)
                for name in one.__struct_fields__
                if name not in ("lease_id", "reserved")
            }
            for one in told.deliveries
        ],
        "files": [asdict(one) for one in told.files],
        "attempts": [_attempt_document(a, setting) for a in shown_attempts(told)],
        "events": told.events,
        "parts": [{"kind": one.kind, "at": one.at, "submission": one.submission_id} for one in told.parts],
        "former_rounds": [{k: v for k, v in one.items() if k != "findings"} for one in told.former],
        "callbacks": [{k: v for k, v in one.items() if k != "exchanges"} for one in told.callbacks],
        "waiting": None if told.waiting is None else asdict(told.waiting),
        "feedback": [_said(one, setting, ("raw", "note")) for one in told.feedback],
        "returns": [
            {
                **{name: getattr(one, name) for name in one.__struct_fields__},
                "words": [_said(word, setting, ("text", "evidence")) for word in words],
            }
            for one, words in told.returns
        ],
    }


def _said(row: Mapping[str, Any], setting: Setting, free: Sequence[str]) -> dict[str, Any]:
    """People write names into what is free text."""
    return {**row, **({} if setting.reveal else {name: scrub(row[name] or "") for name in free})}


def _field(name: str, value: list[Any], setting: Setting) -> dict[str, Any]:
    def shown(one: Any) -> Any:
        return one if setting.reveal else mask_value(setting.types.get(name, ""), one)

    return {
        "raw": shown(value[0]), "normal": shown(value[1]), "valid": value[2] if len(value) > 2 else True,
        "note": value[4] if len(value) > 4 else "",
    }  # fmt: skip


def _attempt_document(a: dict[str, Any], setting: Setting) -> dict[str, Any]:
    words = ("reason", "read")
    kept = {name: value for name, value in a.items() if name != "exchanges"}
    exchanges = a["exchanges"] or []
    kept["status"] = exchanges[-1]["status"] if exchanges else None
    if not setting.reveal:
        kept |= {name: scrub(kept[name] or "") for name in words}
    return kept
