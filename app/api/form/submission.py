"""One sending of a form, from what the browser sent to what its visitor sees next."""

from collections.abc import Mapping, Sequence

from fastapi import Request
from msgspec import Struct, structs

from app.api.app import Parts
from app.api.form import faults as wrong
from app.api.form.device import hints
from app.api.form.doors import Door
from app.api.form.evidence import Around, evidence, record_of, stripped, tracked
from app.api.form.faults import Fault
from app.api.form.keeping import Sending, keep_part, take
from app.api.form.page import View
from app.api.form.sent import PAGE, REFERRER, Sent
from app.api.form.token import OLDEST, Token, Tokens, mark_of
from app.catalog.forms import TRACKED
from app.core.errors import NotDurable
from app.store.database import TROUBLE

AWAY = "We could not save this. Your answers are still here: send them again in a moment."
_AWAY: tuple[type[Exception], ...] = (NotDurable, *TROUBLE)
OLD = "This page has been open for a long time. Check your answers, and send them again."
UNPROVED = "Check your answers, and send them."


class Done(Struct, frozen=True, kw_only=True):
    """What becomes of it: `view` is shown; without one the visitor is thanked."""

    view: View | None = None
    status: int = 200
    headers: Mapping[str, str] = {}


def begin(parts: Parts, door: Door, request: Request) -> View:
    """The form as it is shown first; what is known of where its visitor comes from goes with it."""
    address = str(request.url)
    hidden = {**tracked(address, {}), REFERRER: stripped(request.headers.get("referer", ""))}
    embedded = request.headers.get("origin") in door.shape.doc.origins
    if not embedded:
        hidden[PAGE] = stripped(address, keep=TRACKED)
    token = _Visit(parts, door).token()
    return View(
        shape=door.shape, token=token, query=door.query(), embedded=embedded, test=door.test,
        hidden={name: value for name, value in hidden.items() if value},
    )  # fmt: skip


async def submit(parts: Parts, door: Door, request: Request, sent: Sent, began: float) -> Done:
    """Raises Refused only for what no visitor of the form does."""
    visit = _Visit(parts, door, sent, request)
    moved = visit.moved()
    if moved is not None:
        return moved
    token = visit.proof
    if token is None:
        return visit.again(visit.last_step(), notice=UNPROVED)
    if visit.outdated(token):
        return visit.again(visit.last_step(), notice=OLD, former=token)
    if visit.consent_changed(token):
        return visit.again(visit.last_step(), [Fault("_consent", wrong.CHANGED, ("_consent",))], former=token)
    return await visit.keep(token, began)


async def leave(parts: Parts, door: Door, request: Request, sent: Sent) -> None:
    """A visitor goes away before the end; kept where the form says so."""
    visit = _Visit(parts, door, sent, request)
    if door.shape.doc.partial and visit.proof is not None and not visit.outdated(visit.proof):
        await visit.keep_part(visit.proof)


class _Visit:
    """What is known while one sending is looked at."""

    def __init__(
        self, parts: Parts, door: Door, sent: Sent | None = None, request: Request | None = None
    ) -> None:
        self.parts, self.door, self.shape = parts, door, door.shape
        self.sent = sent or Sent()
        self.request = request
        self.tokens = Tokens(parts.derived("form token"), parts.world)
        self.proof = self.tokens.read(self.shape.place, self.sent.token)

    # proof ------------------------------------------------------------------------------------------

    def token(self, former: Token | None = None) -> str:
        return self.tokens.issue(self.shape.place, self._mark(), former)

    def _mark(self) -> bytes:
        return mark_of(self.shape.consent.text if self.shape.consent else "")

    def outdated(self, token: Token) -> bool:
        return self.tokens.age(token) > OLDEST

    def consent_changed(self, token: Token) -> bool:
        return token.consent != self._mark()

    # steps ------------------------------------------------------------------------------------------

    def last_step(self) -> int:
        return len(self.shape.pages) - 1

    def moved(self) -> Done | None:
        """Back, on, or to where something is to be mended; None where all of it can be kept."""
        last = self.last_step()
        step = last if self.sent.attached else min(self.sent.step, last)
        if self.sent.go == "back" and step > 0:
            return self._at(step - 1)
        if faults := self._faults(step):
            return self.again(step, faults, same=True)
        if step < last:
            return self._at(step + 1)
        for page in range(last):
            if faults := self._faults(page):
                return self.again(page, faults, same=True)
        return None

    def _faults(self, step: int) -> list[Fault]:
        """All that is to be mended on one page of it; of a form that was there already, on all."""
        fields, _ = self.door.plan.fields.apply(record_of(self.sent, self.shape))
        questions = self.shape.questions if self.sent.attached else self.shape.pages[step].questions
        consent = wrong.consent_fault(self.shape, self.sent.consent) if step == self.last_step() else []
        return [*wrong.found(questions, fields), *consent]

    def _at(self, step: int) -> Done:
        token = self.sent.token if self.proof else self.token()
        return Done(view=self._view(step, token, moved=True))

    def again(
        self,
        step: int,
        faults: Sequence[Fault] = (),
        *,
        notice: str = "",
        former: Token | None = None,
        same: bool = False,
        status: int = 422,
        headers: Mapping[str, str] | None = None,
    ) -> Done:
        """Shown again, with everything that was answered. `same`: nothing was kept, so the token still holds."""
        token = self.sent.token if same and self.proof else self.token(former)
        view = self._view(step, token, faults=faults, notice=notice)
        return Done(view=view, status=status, headers=headers or {})

    def _view(
        self, step: int, token: str, *, faults: Sequence[Fault] = (), notice: str = "", moved: bool = False
    ) -> View:
        sent = self.sent
        hidden = {**tracked(sent.page, sent.values), PAGE: sent.page, REFERRER: sent.referrer}
        return View(
            shape=self.shape, token=token, step=step, values=sent.values, consent=sent.consent,
            embedded=bool(self.request and self.request.headers.get("origin") in self.shape.doc.origins),
            query=self.door.query(), test=self.door.test, hidden={n: v for n, v in hidden.items() if v},
            faults=faults, notice=notice, moved=moved,
        )  # fmt: skip

    # keeping ----------------------------------------------------------------------------------------

    async def keep(self, token: Token, began: float) -> Done:
        sending = self._sending(token, began)
        try:
            answer = await take(self.parts, self.door.plan, sending, begun=self.shape.doc.partial)
        except _AWAY as error:
            headers = error.headers if isinstance(error, NotDurable) else {"Retry-After": "2"}
            return self.again(self.last_step(), notice=AWAY, same=True, status=503, headers=headers)
        faults = wrong.told(answer, self.shape) if answer.outcome == "failure" else []
        if faults:
            return self.again(self._step_of(faults[0].name), faults, former=token)
        return Done()

    def _sending(self, token: Token, began: float) -> Sending:
        around = self._around()
        record = record_of(self.sent, self.shape)
        return Sending(
            record=record, evidence=evidence(self.sent, self.shape, token, around),
            said={**record, "_consent": self.sent.consent}, token=token, ip=around.ip, test=self.door.test,
            began=began,
        )  # fmt: skip

    async def keep_part(self, token: Token) -> None:
        """Of who leaves before the end: what was filled in, if anything was."""
        sending = self._sending(token, 0.0)
        answered = any(self.sent.values.get(q.name, "").strip() for q in self.shape.questions)
        if answered and not self.sent.values.get(self.shape.trap):
            left = {n: v for n, v in sending.evidence.items() if n not in ("form.submitted_at", "consent.at")}
            await keep_part(self.parts, self.door.plan, structs.replace(sending, evidence=left))

    def _step_of(self, name: str) -> int:
        pages = enumerate(self.shape.pages)
        return next((i for i, page in pages if name in [q.name for q in page.questions]), self.last_step())

    def _around(self) -> Around:
        request = self.request
        assert request is not None
        origin = request.headers.get("origin", "")
        return Around(
            now=self.parts.world.now(),
            ip=request.client.host if request.client else "",
            user_agent=request.headers.get("user-agent", ""),
            page=request.headers.get("referer", ""),
            origin=origin if origin in self.shape.doc.origins else "",
            hints=hints(request.headers),
            secret=self.parts.derived("device"),
        )
