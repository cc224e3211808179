"""How a buyer knows us, by the real wire against real servers: Digest, OAuth2, a certificate of ours."""

import asyncio
import re
import ssl
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from app.distribute.adapter import adapters
from app.distribute.wire import Limits, Wire
from app.model import Accepted, Rejected, TryLater, Unclear
from tests.buyer import OWN, YES, Buyer, Received
from tests.buyer import reply as http
from tests.distribute.scripted import QUICK, Scripted, conversed, form, said, token
from tests.selfsigned import self_signed

LEADS, TOKEN = "POST /leads", "POST /token"
ACCEPTED = 'reply.json.status == "accepted"'
WEBHOOK = adapters.discover()["webhook"]


def settings(server: Scripted | None = None, **more: Any) -> dict[str, Any]:
    url = server.url("/leads") if server else "https://buyer.example/leads"
    return {"url": url, "fields": {"state": "state"}, "accepted": ACCEPTED, **more}


class Guarded:
    """Believes nobody whose Digest it can't compute itself; `nonces` are given in turn and the last is good."""

    def __init__(self, *nonces: str) -> None:
        self.nonces = list(nonces)

    def __call__(self, request: Received) -> bytes:
        told = dict(re.findall(r'(\w+)="?([^",]*)', request.headers.get("authorization", "")))
        if not told or told["nonce"] != self.nonces[-1]:
            stale = ", stale=true" if told else ""
            nonce = self.nonces.pop(0) if len(self.nonces) > 1 else self.nonces[0]
            return http(
                401, b"", f'WWW-Authenticate: Digest realm="leads", nonce="{nonce}", qop="auth"{stale}'
            )
        secret, asked = _md5("gate:leads:hush-hush"), _md5(f"{request.method}:{request.path}")
        right = _md5(f"{secret}:{told['nonce']}:{told['nc']}:{told['cnonce']}:auth:{asked}")
        return http() if told["response"] == right else http(403, b"")


def _md5(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()


DIGEST = {"digest": {"user": "gate", "password": "hush-hush"}}


async def test_by_digest_the_lead_is_sent_once_and_with_its_proof() -> None:
    async with Scripted({LEADS: Guarded("n-1")}) as server:
        told = await conversed("webhook", settings(server, auth=DIGEST, secret={"query": {"k": "1"}}))
    assert isinstance(told.outcome, Accepted)
    assert [one.body for one in server.received] == [b"", b'{"state":"TX"}']
    assert "hush-hush" not in repr(told)


async def test_a_get_proves_the_query_that_the_lead_is_in() -> None:
    async with Scripted({"GET /leads": Guarded("n-1")}) as server:
        told = await conversed("webhook", settings(server, auth=DIGEST, method="GET"))
    assert isinstance(told.outcome, Accepted)
    assert [one.path for one in server.received] == ["/leads", "/leads?state=TX"]


async def test_a_nonce_that_has_ended_is_answered_with_the_next() -> None:
    async with Scripted({LEADS: Guarded("n-1", "n-2", "n-2")}) as server:
        told = await conversed("webhook", settings(server, auth=DIGEST))
    assert isinstance(told.outcome, Accepted)
    assert [one.body for one in server.received] == [b"", b'{"state":"TX"}', b'{"state":"TX"}']


async def test_another_password_is_refused_as_any_401_or_403_is() -> None:
    wrong = {"digest": {"user": "gate", "password": "another"}}
    async with Scripted({LEADS: Guarded("n-1")}) as server:
        told = await conversed("webhook", settings(server, auth=wrong))
    assert told.outcome == Rejected(reason="http_403", read="status 403")


@pytest.mark.parametrize(
    "answer",
    [http(200, YES), http(401, b""), http(401, b"", "WWW-Authenticate: Basic realm=x"), http(500, b"")],
)
async def test_without_a_challenge_the_lead_stays_here(answer: bytes) -> None:
    async with Scripted({LEADS: [answer]}) as server:
        told = await conversed("webhook", settings(server, auth=DIGEST))
    assert isinstance(told.outcome, TryLater)
    assert told.outcome.reason == "no_challenge"
    assert [one.body for one in server.received] == [b""]
    assert not told.handed_over


async def test_a_silence_after_the_challenge_is_unclear() -> None:
    guarded = Guarded("n-1")

    def then_garbage(request: Received) -> bytes:
        return b"nonsense\r\n\r\n" if request.body else guarded(request)

    async with Scripted({LEADS: then_garbage}) as server:
        told = await conversed("webhook", settings(server, auth=DIGEST))
    assert isinstance(told.outcome, Unclear)


async def test_whatever_answers_in_the_place_of_a_challenge_or_token_the_lead_stays_here() -> None:
    """Each way in which buyers fail, of tests/buyer.py."""
    hasty = Limits(dns=0.5, connect=0.5, total=0.5, longest=1.0)
    async with Buyer() as nonsense, Wire(allow_private=True, limits=hasty) as wire:
        asked = [settings(url=nonsense.url(way), auth=DIGEST) for way in sorted(OWN)]
        known = {"client_id": "gate", "client_secret": "hush-hush"}
        for way in sorted(OWN):
            auth = {"oauth2": {**known, "token_url": nonsense.url(way)}}
            asked.append(settings(url="http://127.0.0.1:1024/", auth=auth))
        told = await asyncio.gather(*(conversed("webhook", one, wire=wire) for one in asked))
    assert {type(one.outcome) for one in told} == {TryLater}
    assert not any(one.handed_over for one in told)
    assert not any(b"TX" in one.body for one in nonsense.received)


def oauth2(server: Scripted, **more: Any) -> dict[str, Any]:
    known = {"token_url": server.url("/token"), "client_id": "gate:1", "client_secret": "hush hush", **more}
    return settings(server, auth={"oauth2": known})


async def test_a_token_is_fetched_once_for_many_leads() -> None:
    async with (
        Scripted({TOKEN: [token("tok-1")], LEADS: [http()]}) as server,
        Wire(allow_private=True, limits=QUICK) as wire,
    ):
        told = [await conversed("webhook", oauth2(server, scope="leads.write"), wire=wire) for _ in range(3)]
    assert server.asked == [TOKEN, LEADS, LEADS, LEADS]
    assert form(server.received[0]) == {"grant_type": "client_credentials", "scope": "leads.write"}
    assert server.received[0].headers["authorization"] == "Basic Z2F0ZSUzQTE6aHVzaCtodXNo"
    assert server.received[1].headers["authorization"] == "Bearer tok-1"
    assert [len(one.exchanges) for one in told] == [2, 1, 1]
    assert not any(secret in repr(told) for secret in ("tok-1", "hush hush", "hush+hush"))


async def test_some_want_id_and_secret_in_the_body_more_fields_and_another_word() -> None:
    more = {
        "send": "body",
        "fields": {"soid": "ZohoCRM.1"},
        "scheme": "Zoho-oauthtoken",
        "refresh_token": "keep-me",
    }
    async with Scripted({TOKEN: [token("tok-1")], LEADS: [http()]}) as server:
        told = await conversed("webhook", oauth2(server, **more))
    assert form(server.received[0]) == {
        "grant_type": "refresh_token",
        "refresh_token": "keep-me",
        "client_id": "gate:1",
        "client_secret": "hush hush",
        "soid": "ZohoCRM.1",
    }
    assert server.received[1].headers["authorization"] == "Zoho-oauthtoken tok-1"
    assert "keep-me" not in repr(told)


async def test_a_token_that_is_refused_is_fetched_anew_once() -> None:
    async with Scripted({TOKEN: [token("old"), token("new")], LEADS: [http(401, b""), http()]}) as server:
        told = await conversed("webhook", oauth2(server))
    assert isinstance(told.outcome, Accepted)
    assert server.asked == [TOKEN, LEADS, TOKEN, LEADS]


async def test_a_second_401_is_what_a_401_always_is() -> None:
    async with Scripted({TOKEN: [token("old"), token("new")], LEADS: [http(401, b"")]}) as server:
        told = await conversed("webhook", oauth2(server))
    assert told.outcome == Rejected(reason="http_401", read="status 401")
    assert server.asked == [TOKEN, LEADS, TOKEN, LEADS]


async def test_a_lead_that_was_refused_and_finds_no_new_token_is_still_here() -> None:
    async with Scripted(
        {TOKEN: [token("old"), http(503, b"", "Retry-After: 9")], LEADS: [http(401, b"")]}
    ) as server:
        told = await conversed("webhook", oauth2(server))
    assert told.outcome == TryLater(reason="no_token", after=9.0, read="no token: it was answered with 503")
    assert not told.handed_over


@pytest.mark.parametrize(
    "answer",
    [http(400, b'{"error": "invalid_client"}'), http(200, b"<html>"), http(200, b'{"access_token": 7}')],
)
async def test_without_a_token_the_lead_stays_here(answer: bytes) -> None:
    async with Scripted({TOKEN: [answer], LEADS: [http()]}) as server:
        told = await conversed("webhook", oauth2(server))
    assert isinstance(told.outcome, TryLater)
    assert server.asked == [TOKEN]


async def test_what_came_instead_of_a_token_is_shown_only_where_it_can_not_be_one() -> None:
    async with Scripted({TOKEN: [http(200, b'{"access_token": ["hidden"]}')]}) as server:
        assert "hidden" not in repr(await conversed("webhook", oauth2(server)))
    async with Scripted({TOKEN: [said(400, {"error": "invalid_scope"})]}) as server:
        assert "invalid_scope" in repr(await conversed("webhook", oauth2(server)))


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Key and certificate of the buyer's server, of ours, and of somebody else."""
    made = {}
    for name in ("buyer", "ours", "other"):
        made[name] = self_signed(tmp_path_factory.mktemp(name)).read_text()
    return made


def parts(pem: str) -> tuple[str, str]:
    key, _, certificate = pem.partition("-----BEGIN CERTIFICATE-----")
    return key, f"-----BEGIN CERTIFICATE-----{certificate}"


def known(pem: dict[str, str], who: str) -> dict[str, str]:
    key, certificate = parts(pem[who])
    return {"certificate": certificate, "key": key, "authority": parts(pem["buyer"])[1]}


def asking(pem: dict[str, str], folder: Path) -> ssl.SSLContext:
    """A server that believes our certificate and no other."""
    file = folder / "server.pem"
    file.write_text(pem["buyer"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    context.load_verify_locations(cadata=parts(pem["ours"])[1])
    context.verify_mode = ssl.CERT_REQUIRED
    return context


async def test_a_buyer_who_asks_for_it_knows_our_certificate(pem: dict[str, str], tmp_path: Path) -> None:
    async with (
        Scripted({LEADS: [http()]}, tls=asking(pem, tmp_path)) as server,
        Wire(allow_private=True, limits=QUICK) as wire,
    ):
        told = [
            await conversed("webhook", settings(server, tls=known(pem, "ours")), wire=wire) for _ in range(2)
        ]
    assert [type(one.outcome) for one in told] == [Accepted, Accepted]
    assert server.connections == 1
    assert "PRIVATE KEY" not in repr(told)


async def test_another_certificate_or_none_does_not_get_in_nor_uses_our_connection(
    pem: dict[str, str], tmp_path: Path
) -> None:
    async with (
        Scripted({LEADS: [http()]}, tls=asking(pem, tmp_path)) as server,
        Wire(allow_private=True, limits=QUICK) as wire,
    ):
        assert isinstance(
            (await conversed("webhook", settings(server, tls=known(pem, "ours")), wire=wire)).outcome,
            Accepted,
        )
        other = await conversed("webhook", settings(server, tls=known(pem, "other")), wire=wire)
        none = await conversed("webhook", settings(server), wire=wire)
    assert not isinstance(other.outcome, Accepted)
    assert none.outcome == TryLater(reason="tls_failed", read="tls_failed")
    assert len(server.received) == 1


async def test_whom_nobody_vouches_for_is_not_spoken_to(pem: dict[str, str], tmp_path: Path) -> None:
    ours = {**known(pem, "ours"), "authority": ""}
    async with Scripted({LEADS: [http()]}, tls=asking(pem, tmp_path)) as server:
        told = await conversed("webhook", settings(server, tls=ours))
    assert told.outcome == TryLater(reason="tls_failed", read="tls_failed")


def test_certificates_that_can_not_work_are_refused_when_saved(pem: dict[str, str]) -> None:
    ours = known(pem, "ours")
    for wrong, why in (
        ({"certificate": "none"}, "the certificate is no PEM"),
        ({"key": "none"}, "the key is no PEM"),
        ({"key": known(pem, "other")["key"]}, "not the certificate's"),
        ({"passphrase": "it has none"}, "passphrase is another"),
        ({"authority": "none"}, "can't be loaded"),
    ):
        with pytest.raises(ValidationError, match=why) as refused:
            WEBHOOK.settings.model_validate(settings(tls=ours | wrong))
        assert "BEGIN" not in str(refused.value)
    with pytest.raises(ValidationError, match="https:// only"):
        WEBHOOK.settings.model_validate(settings(tls=ours, url="http://buyer.example/"))


@pytest.mark.parametrize(
    "auth",
    [
        {},
        {"bearer": "a", "digest": {"user": "u", "password": "p"}},
        {"oauth2": {"token_url": "ftp://x.example/", "client_id": "a", "client_secret": "b"}},
        {
            "oauth2": {
                "token_url": "https://x.example/",
                "client_id": "a",
                "client_secret": "b",
                "scheme": "a\r\nb",
            }
        },
        {
            "oauth2": {
                "token_url": "https://x.example/",
                "client_id": "a",
                "client_secret": "b",
                "send": "query",
            }
        },
    ],
)
def test_proofs_that_can_not_work_are_refused_when_saved(auth: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        WEBHOOK.settings.model_validate(settings(auth=auth))
