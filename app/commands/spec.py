"""`spec`: a source's posting instructions, for whoever hands them to its developer."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

import typer

from app.api.spec import KNOWN, page
from app.commands import completing
from app.commands.beside import snapshot_of
from app.commands.desk import USAGE, AsJson, DataDir, at_database, fail, say, settings_beside, world
from app.commands.words import columns, counted
from app.components import discover
from app.ground import sealer
from app.ingest.raw import written
from app.pipeline.spec import Spec, spec_of
from app.pipeline.spec_history import dated, with_changes
from app.pipeline.spec_link import LONGEST_DAYS, PURPOSE, path_of
from app.pipeline.spec_pings import PingSpec
from app.running import running
from app.settings import Settings
from app.store.database import Database

Html = Annotated[bool, typer.Option("--html", help="A page to save, send and print; browsers send no keys.")]
Since = Annotated[
    int | None, typer.Option("--since", min=0, help="Say which fields differ from catalogue version N.")
]

Link = Annotated[bool, typer.Option("--link", help="Print a signed address of the page, to be handed on.")]
Days = Annotated[int, typer.Option("--days", min=1, max=LONGEST_DAYS, help="How long the link is good.")]


def spec(
    source: Annotated[str, typer.Argument(help="A source's id.", autocompletion=completing.sources)],
    html: Html = False,
    since: Since = None,
    link: Link = False,
    days: Days = 30,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Print what a source must know to post: its fields, samples, answers. It holds no key and no buyer."""
    if html + as_json + link > 1:
        raise fail("--html, --json and --link are ways to say it; give one", USAGE)
    discover()
    settings = settings_beside(data_dir)

    async def work(database: Database) -> Spec:
        snapshot = await snapshot_of(database, settings)
        told = spec_of(snapshot, source, KNOWN, base=_base(settings))
        if told is None:
            listed = ", ".join(snapshot.sources) or "none is configured yet"
            raise fail(f"there is no source {source!r} in catalogue v{snapshot.version} (known: {listed})")
        async with database.acquire() as conn:
            told = await dated(conn, told, snapshot.sources[source].campaign, KNOWN)
            return told if since is None else await with_changes(conn, told, since, snapshot.version, KNOWN)

    told = at_database(settings, work)
    if link:
        say(
            f"opens the posting instructions of {source} and nothing else, for {counted(days, 'day')}, to whoever has it"
        )
        typer.echo(link_of(settings, source, days))
    else:
        typer.echo(page(told) if html else told.model_dump_json() if as_json else "\n".join(text(told)))


def link_of(settings: Settings, source: str, days: int) -> str:
    """The whole address; it leads to this machine where nobody has said how the world reaches it."""
    if not settings.public_url:
        say("LEADGATE_PUBLIC_URL is not set: the link leads to this machine")
    until = world().now() + timedelta(days=days)
    return _base(settings) + path_of(sealer(settings).derived(PURPOSE), source, until)


def _base(settings: Settings) -> str:
    """As the world is told; else that of the service that runs here, or would."""
    if settings.public_url:
        return settings.public_url.rstrip("/")
    service = running(settings.data_dir)
    return service.address if service is not None else f"http://{settings.host}:{settings.port}"


def text(told: Spec) -> Iterator[str]:
    """For a terminal: the table of fields, the checks, one sample; the page has all of it."""
    yield f"source {told.source} · {told.campaign} · v{told.version}"
    yield f"POST {told.endpoint}"
    yield f"key {' or '.join(told.key_headers)}"
    yield (
        f"reply {told.reply}, within {told.deadline_seconds:g} s"
        if told.reply != "receipt"
        else "reply receipt"
    )
    if told.price is not None:
        yield f"price {told.price} {told.currency}"
    if told.revenue_share is not None:
        yield f"revenue share {told.revenue_share} % of each sale, in {told.currency}"
    yield from (
        word for word, so in (("paused", told.paused), ("every lead is a test", told.only_tests)) if so
    )
    yield ""
    yield from columns(
        [
            (
                one.name, one.field, one.type, "required" if one.required else "optional",
                written(one.example) or "—", "|".join(one.values) or one.shape,
            )
            for one in told.fields
        ]
    )  # fmt: skip
    yield ""
    yield from columns([(c.check, one.code, one.action, one.meaning) for c in told.checks for one in c.codes])
    if told.changes is not None:
        yield from ("", f"since v{told.changes.since}")
        yield from (f"added {name}" for name in told.changes.added)
        yield from (f"removed {name}" for name in told.changes.removed)
        yield from (f"changed {one['name']} ({', '.join(one['now'])})" for one in told.changes.changed)
        yield from (f"changed {one['name']}" for one in told.changes.terms)
    if told.ping is not None:
        yield from ("", *_ping(told.ping))
    yield from ("", *columns([(one.door, one.at or "—", one.how) for one in told.doors]))
    yield ""
    yield from columns(
        [(f"?test={one.result}", one.email, f"{one.status} {one.outcome}", one.ends) for one in told.forced]
    )
    yield from ("", *(sample.text for sample in told.samples[:1]))


def _ping(told: PingSpec) -> Iterator[str]:
    yield f"ping POST {told.endpoint}"
    yield f"at most {told.per_minute:,} a minute, bids within {told.deadline_seconds:g} s, good for {told.expires_seconds:g} s"
    refused = "refused" if told.contact == "refuse" else "dropped"
    yield f"carries {', '.join(told.fields) or 'nothing that is asked here'}"
    if told.without:
        yield f"never carries {', '.join(told.without)}: {refused}"
    yield from columns([(one.name, one.algorithm, f"of {one.hashed}", one.example) for one in told.hashes])
    otherwise = "sold as any other" if told.otherwise == "distribute" else "refused"
    yield f"post it with {told.named_by}; where that does not hold the lead is {otherwise}"
    yield from columns([(one.code, one.meaning) for one in told.reasons])
    yield from ("", *(sample.text for sample in told.samples[:1]))
