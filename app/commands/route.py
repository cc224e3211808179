"""`route`: what would become of a lead if it came now, without keeping, counting or sending anything."""

import sys
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from msgspec.structs import replace

from app.commands import completing
from app.commands.bytes_text import request_text
from app.commands.desk import USAGE, AsJson, DataDir, at_database, fail, settings_beside
from app.commands.playing import playing
from app.commands.recalling import setting_of
from app.commands.steps import Setting
from app.commands.telling import foretell
from app.commands.trace import document
from app.commands.waiting_text import begins, waiting_lines, waiting_object
from app.commands.words import coloured, money
from app.core.errors import UnknownType
from app.model import word_of
from app.pipeline.details import exchange_document
from app.pipeline.rehearsing import Opening, Rehearsed
from app.store.database import Database


def route(
    lead: Annotated[
        str, typer.Option(metavar="FILE", help="The lead, in any format that is taken; - is standard input.")
    ],
    source: Annotated[str, typer.Option(help="As whose lead.", autocompletion=completing.sources)],
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            help="Every finding, each contract left out with the rule and the value, and what would be sent.",
        ),
    ] = False,
    content_type: Annotated[str, typer.Option(help="What the file is, where its look does not say.")] = "",
    remote: Annotated[str, typer.Option(help="The address that it would come from.")] = "",
    test: Annotated[bool, typer.Option("--test", help="As a test lead.")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Say what would become of a lead. Nothing is kept, counted or sent, and no service is asked that costs."""
    body, settings = _body(lead), settings_beside(data_dir)

    async def work(database: Database) -> list[str]:
        async with playing(database, settings) as parts:
            try:
                found = await parts.rehearser().rehearse(body, content_type, source, remote=remote, test=test)
            except UnknownType:
                if content_type:
                    raise
                raise fail("that looks like no format; say which it is, as --content-type text/csv") from None
        return [
            line for one in found for line in await _told(database, one, explain=explain, as_json=as_json)
        ]

    for line in at_database(settings, work):
        typer.echo(line if as_json else coloured(line))


def _body(file: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise fail(f"{file} can't be read: {error.strerror}", USAGE) from None


async def _told(database: Database, one: Rehearsed, *, explain: bool, as_json: bool) -> list[str]:
    """Whoever brings a lead may see it: nothing of it is masked."""
    setting = replace(
        await setting_of(database, one.story, zone=None, reveal=True, everything=explain),
        left_out=one.left_out if explain else None,
        more="--explain",
    )
    if as_json:
        told = {
            **document(one.story, setting), "not_asked": one.unasked,
            "limits": dict(one.limits),
            "waits": None if one.waits is None else waiting_object(one.waits),
            "would_send": [_object(opening) for opening in one.openings],
        }  # fmt: skip
        return [orjson.dumps(told, default=str).decode()]
    lines = foretell(one.story, setting)
    if explain and one.limits:
        width = max(len(contract) for contract, _ in one.limits)
        lines += ["limits", *(f"  {contract:<{width}}  {' · '.join(told)}" for contract, told in one.limits)]
    if one.unasked:
        lines.append(f"not asked: {', '.join(one.unasked)}; what is said there may change all of it")
    if one.waits is not None:
        lines += waiting_lines(one.waits, setting, everything=explain)
    for opening in one.openings:
        lines += _opening(opening, setting, explain=explain)
    return [*lines, ""] if explain else lines


def _opening(one: Opening, setting: Setting, *, explain: bool) -> list[str]:
    contract = one.job.contract
    told = f"{contract.id} of {contract.buyer} for {money(one.job.price)} {setting.currency}".rstrip()
    told += begins(one, setting)
    if one.exchange is None:
        why = "has no adapter" if one.outcome is None else f"would end as {word_of(one.outcome)}"
        return [f"would go to {told}, which {why}"]
    if not explain:
        return [f"would go to {told}     --explain shows what would be sent"]
    return [f"would go to {told}", *request_text(exchange_document(one.exchange), (), setting)]


def _object(one: Opening) -> dict[str, Any]:
    contract = one.job.contract
    return {
        "contract": contract.id, "buyer": contract.buyer, "price": one.job.price,
        "request": None if one.exchange is None else exchange_document(one.exchange),
        "outcome": None if one.outcome is None else word_of(one.outcome), "begins_at": one.begins_at,
    }  # fmt: skip
