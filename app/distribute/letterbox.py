"""Looks into the mailbox to which a buyer mails his files: which mails are his, what is attached to one, and away with it."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from hashlib import blake2b
from typing import Any

from app.distribute.acknowledging import AcknowledgeByMail
from app.distribute.enclosed import enclosed
from app.distribute.packed import Unpackable
from app.distribute.place import Enclosed, Found
from app.remote.folder import Trouble
from app.remote.head import head_of
from app.remote.line import Line
from app.remote.mail_parts import MOST_BYTES
from app.remote.mailbox import SAID_NO, Header

MOST_MAILS = 20_000
"""Of a folder, the newest."""
_AT_ONCE = 100


class Letterbox:
    """A Place. What is not of the buyer is neither opened nor touched, since the mailbox may be others' too.

    A mail is told by its head, its size and when it came: whoever moves it back, or numbers the mails anew, makes no
    other of it. A mail that comes twice is two, of which the second has nothing to say.
    """

    def __init__(self, line: Line, told: AcknowledgeByMail) -> None:
        self._line, self._box, self._told = line, line.box, told
        self._seen: set[bytes] = set()
        self._made = self._stuck = False

    async def files(self) -> AsyncGenerator[list[Found]]:
        uids = await self._line.run(self._box.uids)
        newest = uids[-MOST_MAILS:]
        for at in range(0, len(newest), _AT_ONCE):
            heads = await self._line.run(self._box.heads, newest[at : at + _AT_ONCE])
            yield [self._found(one) for one in heads if self._told.is_from(head_of(one.raw).sender)]
        if len(uids) > MOST_MAILS:
            host = self._told.mailbox.host
            raise Trouble(f"{host}: the folder has more than {MOST_MAILS:,} mails", code="too_many")

    def _found(self, head: Header) -> Found:
        uid = head.uid.encode()
        if head.seen:
            self._seen.add(uid)
        told = b"mail %d %s %s" % (head.size, head.came, head.raw)
        mark = blake2b(told, digest_size=8).hexdigest()
        return Found(uid, head.size, f"mail {head.uid}", mark, at_once=True)

    async def inside(self, found: Found) -> list[Enclosed] | None:
        if found.size > MOST_BYTES:
            raise Unpackable("too_large")
        mail = await self._line.run(self._fetched, found.raw.decode())
        if mail is None:
            return None
        if len(mail) > MOST_BYTES:
            raise Unpackable("too_large")
        return await asyncio.to_thread(enclosed, mail, self._told.answers)

    def _fetched(self, uid: str) -> bytes | None:
        """None where the server does not hand it out: perhaps at the next look, and the others meanwhile."""
        try:
            return self._box.fetch(uid, MOST_BYTES + 1)
        except Trouble as trouble:
            if trouble.code != SAID_NO:
                raise
            return None

    async def away(self, found: Found) -> None:
        """Moved, or marked as seen where it can't be."""
        await self._line.run(self._put_away, found.raw)

    def _put_away(self, uid: bytes) -> None:
        if self._told.mailbox.done and not self._stuck:
            self._stuck = not _obeyed(self._moved, uid)
            if not self._stuck:
                return
        if uid not in self._seen:
            self._seen.add(uid)
            _obeyed(self._box.move, uid.decode(), "")

    def _moved(self, uid: bytes) -> None:
        done = self._told.mailbox.done
        if not self._made:
            self._box.make(done)
            self._made = True
        self._box.move(uid.decode(), done)


def _obeyed(work: Callable[..., None], *given: Any) -> bool:
    """False where the server says no, and is still there."""
    try:
        work(*given)
    except Trouble as trouble:
        if trouble.code != SAID_NO:
            raise
        return False
    return True
