"""Makes leads of mails: whose they are, whether they can be read, durable before anybody says yes."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from msgspec import Struct

from app.api.mail import told
from app.api.mail.bounce import Failed, may_bounce, report
from app.api.mail.relay import Relay
from app.api.mail.told import Told
from app.catalog.documents import SourceDoc
from app.catalog.mailboxes import mailboxes, source_of
from app.catalog.snapshot import Snapshot
from app.core.errors import NotDurable, NotFound, Refused
from app.core.events import Code, Id, bug, emit
from app.core.events import Refused as RefusedEvent
from app.core.metrics import Metrics
from app.core.world import World
from app.ingest.reading import Reader
from app.model import Record, Submission
from app.pipeline.bounces import Bounces, awaited
from app.pipeline.engine import Engine
from app.pipeline.work import Work
from app.remote.head import Head, head_of
from app.store.intake import Arrival, Refusal

CONTENT_TYPE = "message/rfc822"
KEY_DAYS = 30.0
"""How long a mail is known again: an MTA tries for five days, a person sends again after weeks."""

_KEPT_OF_A_REFUSED_MAIL = 65_536
_READ_ASIDE = 100_000  # bytes; a larger mail is read in a thread, so that others are answered meanwhile


class Mail(Struct, frozen=True, kw_only=True):
    """One mail as it came by SMTP or LMTP. `sender` is the envelope's, `<>` for none."""

    door: str
    sender: str
    body: bytes
    remote: str = ""


class Mailroom:
    """`take` answers for each recipient; what it began is finished even if whoever sent it has gone."""

    def __init__(
        self,
        engine: Engine,
        reader: Reader,
        world: World,
        metrics: Metrics,
        *,
        hostname: str,
        relay: Relay | None,
        bounces: Bounces,
    ) -> None:
        self._engine, self._reader = engine, reader
        self._world, self._metrics = world, metrics
        self._hostname, self._relay, self._bounces = hostname, relay, bounces
        self._snapshot: Snapshot | None = None
        self._boxes: Mapping[str, str] = {}
        self._awaited: Mapping[str, frozenset[str]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    # whose ----------------------------------------------------------------------------------------

    def admit(self, door: str, recipient: str) -> Told | None:
        """Why there is nothing to be sent to this address; None where there is."""
        source = self._source(recipient)
        if source is None:
            return None if self._reports(recipient) else self._said(door, "", told.NO_MAILBOX)
        return self._said(door, source.id, told.SWITCHED_OFF) if source.paused else None

    def turn_away(self, door: str, recipients: Sequence[str], answer: Told) -> None:
        """Note what was refused before it could be read, for each source that it was for."""
        sources = (self._source(one) for one in recipients)
        for id_ in {source.id for source in sources if source}:
            self._note(id_, answer.outcome, answer.line, b"")
            self._said(door, id_, answer)

    def _source(self, recipient: str) -> SourceDoc | None:
        snapshot = self._engine.plans().snapshot
        if snapshot is not self._snapshot:
            self._snapshot, self._boxes = snapshot, mailboxes(snapshot.sources)
            self._awaited = awaited(snapshot.contracts)
        id_ = source_of(recipient, self._boxes)
        return None if id_ is None else snapshot.sources.get(id_)

    def _reports(self, recipient: str) -> frozenset[str]:
        """The contracts whose mails are reported to this address; asked after `_source`."""
        return self._awaited.get(recipient.lower(), frozenset())

    # taking ---------------------------------------------------------------------------------------

    async def take(self, mail: Mail, recipients: Sequence[str]) -> list[Told]:
        """One answer a recipient, in their order; recipients of one source share its submission."""
        return await self._whole(self._take(mail, recipients))

    async def _whole(self, work: Coroutine[Any, Any, list[Told]]) -> list[Told]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)

    async def settled(self) -> None:
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _take(self, mail: Mail, recipients: Sequence[str]) -> list[Told]:
        aside = len(mail.body) > _READ_ASIDE
        head = await asyncio.to_thread(head_of, mail.body) if aside else head_of(mail.body)
        read: list[Record] | Refused | None = None
        by_source: dict[str, Told] = {}
        answers = []
        for recipient in recipients:
            source = self._source(recipient)
            if source is None:
                answers.append(self._said(mail.door, "", await self._reported(mail.body, recipient)))
                continue
            if source.id not in by_source:
                if not _welcome(source, mail, head):
                    answer = told.NO_SENDER
                else:
                    read = await self._read(mail.body) if read is None else read
                    answer = await self._taken(mail, head, source.id, recipient, read)
                by_source[source.id] = self._said(mail.door, source.id, answer)
            answers.append(by_source[source.id])
        return answers

    async def _read(self, body: bytes) -> list[Record] | Refused:
        try:
            if len(body) > _READ_ASIDE:
                return await asyncio.to_thread(self._reader.read, body, CONTENT_TYPE)
            return self._reader.read(body, CONTENT_TYPE)
        except Refused as refused:
            return refused

    async def _taken(
        self, mail: Mail, head: Head, source: str, recipient: str, read: list[Record] | Refused
    ) -> Told:
        try:
            plan = self._engine.source(source)
            if isinstance(read, Refused):
                return await self._refused(mail, head, source, recipient, read)
            submission = Submission(
                id=self._world.new_id(), source=source, received_at=self._world.now(),
                content_type=f"{CONTENT_TYPE}; door={mail.door}", body=mail.body, test=plan.test, remote=mail.remote,
            )  # fmt: skip
            return await self._keep(submission, read, bytes.fromhex(head.identity))
        except NotFound:
            return told.SWITCHED_OFF
        except NotDurable as refused:
            return told.not_now(refused)
        except Exception as error:
            emit(bug(error, "mail"))
            return told.BROKEN

    async def _keep(self, submission: Submission, records: list[Record], key: bytes) -> Told:
        began = self._world.monotonic()
        leased = not self._engine.crowded
        kept = await self._engine.keep(
            Arrival(submission=submission, key=key, fingerprint=key, key_days=KEY_DAYS, leased=leased)
        )
        outcome = "kept" if kept.first is None else "repeated"
        self._metrics.count("leadgate_submissions_total", (submission.source, outcome))
        if kept.first is not None:
            return told.repeated(kept.first)
        if leased:
            steps = {"durable": (self._world.monotonic() - began) * 1000}
            self._engine.later([Work(submission, records, "receipt", began, steps)])
        return told.kept(submission.id)

    async def _reported(self, body: bytes, recipient: str) -> Told:
        if not (contracts := self._reports(recipient)):
            return told.NO_MAILBOX
        try:
            return told.REPORTED if await self._bounces.take(body, contracts) else told.NO_REPORT
        except NotDurable as refused:
            return told.not_now(refused)
        except Exception as error:
            emit(bug(error, "mail"))
            return told.BROKEN

    # refusing -------------------------------------------------------------------------------------

    async def _refused(self, mail: Mail, head: Head, source: str, recipient: str, refused: Refused) -> Told:
        """Told in the conversation, so that the sender's own server reports it, unless we can report it better."""
        self._metrics.count("leadgate_submissions_total", (source, "refused"))
        self._note(source, refused.reason, refused.detail, mail.body[:_KEPT_OF_A_REFUSED_MAIL])
        answer = told.unreadable(refused)
        failed = Failed(sender=mail.sender, recipient=recipient, refused=refused, line=answer.line, head=head)
        if self._relay is None or not may_bounce(failed) or self._source(mail.sender) is not None:
            return answer
        id_ = self._world.new_id()
        written = report(failed, hostname=self._hostname, at=self._world.now(), id_=id_)
        sent = await self._relay.send(written, to=mail.sender)
        return Told("bounced", f"250 2.0.0 No lead could be read; reported as {id_}") if sent else answer

    def _note(self, source: str, code: str, detail: str, body: bytes) -> None:
        refusal = Refusal(
            id=self._world.new_id(), source=source, at=self._world.now(), code=code,
            detail=detail.replace("\0", ""), content_type=CONTENT_TYPE, body=body,
        )  # fmt: skip
        self._engine.receiver.note_refusal(refusal)

    def _said(self, door: str, source: str, answer: Told) -> Told:
        self._metrics.count("leadgate_mails_total", (door, source, answer.outcome))
        if not answer.taken:
            code = Code(answer.outcome)
            emit(RefusedEvent(code=code, status=int(answer.line[:3]), source=Id(source) if source else None))
        return answer


def _welcome(source: SourceDoc, mail: Mail, head: Head) -> bool:
    senders = source.mail.senders if source.mail else ()
    said = (mail.sender.lower(), head.sender)
    return not senders or any(fnmatchcase(one, pattern) for pattern in senders for one in said)
