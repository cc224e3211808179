"""A check that asks a service over the network: what it asks of whom, and what it makes of the answer."""

from abc import abstractmethod
from collections.abc import Iterable
from typing import ClassVar, Generic, TypeVar

import msgspec
from msgspec import Struct

from app.model import Finding, Lead
from app.validate.check import Check, CheckSettings, Evidence
from app.validate.key import digest
from app.validate.remote import Asking, LookUp, Remote, Told


class RemoteSettings(CheckSettings, LookUp):
    """What every remote check can be told beside its own settings. Secrets are `SecretStr`, and sealed."""


S = TypeVar("S", bound=RemoteSettings)
Q = TypeVar("Q", bound=Struct)


class RemoteCheck(Check[S], Generic[S, Q]):
    """Pure as any check. Look-ups cost time and money, so it says what it asks, and the pipeline decides whether.

    Without an answer (`told.known` is False) a lead must not be worse off for our fault or thrift: find nothing,
    or flag it with a code of its own.
    """

    each_lead: ClassVar[bool] = False
    """The service does something for this one lead (it keeps a certificate): never answered from another's."""

    @abstractmethod
    def question(self, lead: Lead, to: S) -> Q | None:
        """Everything of the lead and the settings that the answer depends on, and nothing else: the same
        question is asked once. None where there is nothing to ask (no certificate, no valid phone)."""

    @abstractmethod
    def converse(self, question: Q, to: S) -> Asking:
        """A generator: `response = yield Request(...)`, then `return` what is worth keeping, as JSON values.
        Raises Unanswered. It sees no lead, so what it needs stands in the question."""

    @abstractmethod
    def found(self, lead: Lead, to: S, told: Told) -> Iterable[Finding]:
        """What the answer says of the lead. `told.value` came through JSON: dicts, lists, text, numbers."""

    def asks(self, lead: Lead, to: S) -> Iterable[Remote]:
        ask = self._ask(lead, to)
        return () if ask is None else (ask,)

    def run(self, lead: Lead, to: S, evidence: Evidence) -> Iterable[Finding]:
        ask = self._ask(lead, to)
        told = None if ask is None else evidence.get(ask)
        return () if told is None else self.found(lead, to, told)

    def _ask(self, lead: Lead, to: S) -> Remote | None:
        question = self.question(lead, to)
        if question is None:
            return None
        whose = (lead.id.hex,) if self.each_lead else ()
        key = digest(self.name, lead.test, msgspec.msgpack.encode(question).hex(), *whose)
        return Remote(self.name, key, to, f"{lead.campaign}/{self.name}", lambda: self.converse(question, to))
