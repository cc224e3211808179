"""A remote check by example: what it asks, what it makes of an answer, and of none."""

from collections.abc import Iterable
from uuid import UUID

import pytest
from msgspec import Struct, json
from pydantic import SecretStr, ValidationError

from app.model import Finding, Lead, Value
from app.validate.remote import Asking, Remote, Request, Response, Told, Unanswered
from app.validate.remote_check import RemoteCheck, RemoteSettings
from tests.validate.checks.conftest import AT
from tests.validate.dialogue import held


class RegisterSettings(RemoteSettings):
    url: str = "https://register.example/v1/"
    key: SecretStr


class Number(Struct, frozen=True):
    number: str


class Register(RemoteCheck[RegisterSettings, Number]):
    """Asks a register whether a number is in service."""

    name = "register"
    settings = RegisterSettings
    order = 999
    codes = {"dead": "The register says that the number is not in service.", "unknown": "Nobody could say."}

    def question(self, lead: Lead, to: RegisterSettings) -> Number | None:
        number = lead.normal("phone")
        return Number(number) if isinstance(number, str) else None

    def converse(self, question: Number, to: RegisterSettings) -> Asking:
        secret = to.key.get_secret_value()
        body = json.encode({"number": question.number})
        headers = {"authorization": f"Bearer {secret}", "content-type": "application/json"}
        response = yield Request(method="POST", url=to.url, headers=headers, body=body, secrets=(secret,))
        if response.status != 200:
            raise Unanswered(f"http_{response.status}", fault=response.status >= 500)
        try:
            return {"alive": bool(json.decode(response.body)["alive"])}
        except (ValueError, LookupError, TypeError):
            raise Unanswered("unreadable") from None

    def found(self, lead: Lead, to: RegisterSettings, told: Told) -> Iterable[Finding]:
        if not told.known:
            yield Finding(check=self.name, code="unknown", message=f"not looked up: {told.became}")
        elif not told.value["alive"]:
            yield Finding(check=self.name, code="dead", message="phone is not in service", action=to.action)


REGISTER = Register()
TO = RegisterSettings.model_validate({"key": "k3y", "cost": "0.02", "cache": "30d"})


def lead(phone: str | None = "+15550100", number: int = 1, campaign: str = "solar") -> Lead:
    fields = {} if phone is None else {"phone": Value(phone, phone)}
    return Lead(
        id=UUID(int=number), submission_id=UUID(int=number), source="acme", campaign=campaign, received_at=AT,
        fields=fields,
    )  # fmt: skip


def ask(one: Lead) -> Remote:
    (found,) = REGISTER.asks(one, TO)
    return found


def codes(told: Told) -> list[str]:
    return [one.code for one in REGISTER.run(lead(), TO, {ask(lead()): told})]


def test_nothing_is_asked_where_there_is_no_question() -> None:
    assert REGISTER.asks(lead(None), TO) == ()
    assert list(REGISTER.run(lead(None), TO, {})) == []


def test_the_same_question_of_two_leads_is_one_and_its_key_tells_nothing_of_it() -> None:
    assert ask(lead(number=1)) == ask(lead(number=2)) != ask(lead("+15550101"))
    assert b"5550100" not in ask(lead()).key
    assert "5550100" not in repr(ask(lead()))


def test_what_is_done_for_each_lead_is_asked_for_each_lead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Register, "each_lead", True)
    assert ask(lead(number=1)) != ask(lead(number=2))


def test_a_conversation_asks_by_http_and_ends_in_json() -> None:
    asked, value = held(ask(lead()).converse(), Response(status=200, body=b'{"alive": true}'))
    assert value == {"alive": True}
    assert [(one.url, one.body) for one in asked] == [(TO.url, b'{"number":"+15550100"}')]
    assert asked[0].secrets == ("k3y",)


@pytest.mark.parametrize(
    ("answer", "reason", "fault"),
    [
        (Response(status=500), "http_500", True),
        (Response(status=404), "http_404", False),
        (Response(status=200, body=b"[]"), "unreadable", True),
        (Response(status=200, body=b"\xff"), "unreadable", True),
    ],
)
def test_what_cannot_be_read_is_no_answer(answer: Response, reason: str, fault: bool) -> None:
    with pytest.raises(Unanswered) as raised:
        held(ask(lead()).converse(), answer)
    assert (raised.value.reason, raised.value.fault) == (reason, fault)


def test_findings_follow_the_answer_and_none_is_held_against_the_lead() -> None:
    assert codes(Told(became="answered", value={"alive": False})) == ["dead"]
    assert codes(Told(became="cached", value={"alive": True})) == []
    assert codes(Told(became="late")) == ["unknown"]
    assert list(REGISTER.run(lead(), TO, {})) == []


def test_each_campaign_has_its_own_purse() -> None:
    assert ask(lead(campaign="solar")).purse == "solar/register"


@pytest.mark.parametrize(
    "told",
    [
        {"deadline": "0s"}, {"deadline": "61s"}, {"rest": "0s"}, {"share": 1.1}, {"cost": "-1"}, {"budget": "5"},
        {"cost": "1", "budget": "-5"}, {"currency": "usd"}, {"failures": 0},
    ],
)  # fmt: skip
def test_limits_that_make_no_sense_are_told_when_saved(told: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        RegisterSettings.model_validate({"key": "k", **told})
