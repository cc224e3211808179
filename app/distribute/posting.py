"""One HTTP request to the buyer's own address: where to, how long it may take, and by what the buyer knows us.

basic, bearer    a header, with the request
digest           an empty request asks for the challenge, so that the lead is sent once and with its proof
oauth2           a token, which the wire keeps until it ends; refused with 401, it is fetched anew once
tls              a certificate of ours, beside any of these
"""

from collections.abc import Generator, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any, Literal
from urllib.parse import quote_plus, urlencode

from msgspec.structs import replace
from pydantic import AfterValidator, Field, PrivateAttr, SecretStr, model_validator

from app.core.auth import Auth, Basic
from app.core.duration import Duration
from app.core.registry import Settings
from app.distribute import digest
from app.distribute.adapter import Call, Grant, Intent, Reply, Token
from app.distribute.identity import Identity
from app.distribute.keyed import Keyed, with_query
from app.distribute.replies import retry_after
from app.distribute.targets import WebAddress, target_of
from app.model import Outcome, TryLater

Handed = Generator[Intent, Any, Reply | Outcome]
"""A conversation up to the buyer's answer; an outcome where it did not come to one."""

_REFUSED = frozenset({401})


def _bearable(timeout: Duration) -> Duration:
    if not 0 < timeout.seconds <= 120:
        raise ValueError("is more than 0 and at most 2m")
    return timeout


Timeout = Annotated[Duration, AfterValidator(_bearable)]
"""How long a buyer is waited for."""


class OAuth2(Settings):
    """A token for our own account there: client credentials, or a refresh token."""

    token_url: WebAddress
    client_id: str = Field(min_length=1)
    client_secret: SecretStr
    refresh_token: SecretStr | None = Field(
        None,
        description="Exchanged for tokens, instead of the client alone. Where each exchange gives another, the newest is kept.",
    )
    scope: str = Field("", description="What is asked for; several are separated by blanks.")
    send: Literal["basic", "body"] = Field("basic", description="Where id and secret stand: header or body.")
    fields: Mapping[str, str] = Field({}, description="More that the question for a token must say.")
    scheme: str = Field(
        "Bearer", pattern=r"^[A-Za-z][A-Za-z0-9-]*$", description="The word before the token."
    )

    def secrets(self) -> tuple[str, ...]:
        refresh = (self.refresh_token.get_secret_value(),) if self.refresh_token is not None else ()
        return (self.client_secret.get_secret_value(), *refresh)

    def grant(self) -> Grant:
        said = (
            self.token_url,
            self.client_id,
            *self.secrets(),
            self.scope,
            repr(sorted(self.fields.items())),
        )
        renew = self.call if self.refresh_token is not None else None
        return Grant(holder=sha256("\0".join(said).encode()).hexdigest(), call=self.call, renew=renew)

    def call(self, newer: str = "") -> Call:
        """`newer`: the refresh token that has taken the place of the configured one."""
        secret, *refresh = self.secrets()
        if newer:
            refresh = [newer]
        asked = {"grant_type": "refresh_token" if refresh else "client_credentials"}
        asked |= {"refresh_token": refresh[0]} if refresh else {}
        asked |= {"scope": self.scope} if self.scope else {}
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        if self.send == "basic":
            known = Basic(user=quote_plus(self.client_id), password=SecretStr(quote_plus(secret)))
            headers["authorization"] = Auth(basic=known).header()
        else:
            asked |= {"client_id": self.client_id, "client_secret": secret}
        return Call(
            method="POST",
            url=self.token_url,
            headers=headers,
            body=urlencode(asked | dict(self.fields)).encode(),
            hands_over=False,
            secrets=(*self.secrets(), *refresh),
        )


class Proof(Auth):
    """How the buyer knows us: one of the four."""

    digest: Basic | None = None
    oauth2: OAuth2 | None = None

    @model_validator(mode="after")
    def _one(self) -> "Proof":
        if sum(way is not None for way in (self.basic, self.bearer, self.digest, self.oauth2)) != 1:
            raise ValueError("auth is one of basic, bearer, digest and oauth2")
        return self

    @property
    def secret(self) -> SecretStr:
        if self.digest is not None:
            return self.digest.password
        return self.oauth2.client_secret if self.oauth2 is not None else super().secret

    def header(self) -> str:
        """Empty where it isn't the same for each request."""
        return "" if self.digest is not None or self.oauth2 is not None else super().header()


class ClientTls(Settings):
    """Our certificate, with its issuers after it, and its key, both as PEM."""

    certificate: str = Field(max_length=65_536)
    key: SecretStr
    passphrase: SecretStr = Field(SecretStr(""), description="Of a key that is encrypted.")
    authority: str = Field(
        "", max_length=262_144, description="Whom to believe instead of the well-known; PEM."
    )

    _identity: Identity = PrivateAttr()

    @model_validator(mode="after")
    def _fits(self) -> "ClientTls":
        self._identity = Identity(
            certificate=self.certificate,
            key=self.key.get_secret_value(),
            passphrase=self.passphrase.get_secret_value(),
            authority=self.authority,
        )
        self._identity.refuse()
        return self

    @property
    def identity(self) -> Identity:
        return self._identity


class Posting(Keyed):
    """What an adapter that posts to a buyer's address can be told of that."""

    url: WebAddress = Field(description="Where the buyer listens.")
    timeout: Timeout | None = Field(None, description="For the whole request; at most 2m.")
    auth: Proof | None = Field(None, description="A name and password, or a token.")
    tls: ClientTls | None = Field(None, description="A certificate that the buyer knows us by.")

    @model_validator(mode="after")
    def _sendable(self) -> "Posting":
        if self.tls is not None and not self.url.startswith("https://"):
            raise ValueError("a certificate is shown by https:// only")
        return self

    def secrets(self) -> tuple[str, ...]:
        oauth2 = self.auth.oauth2 if self.auth is not None else None
        return super().secrets() + (oauth2.secrets()[1:] if oauth2 is not None else ())

    def handed(self, call: Call, at: datetime) -> Handed:
        """The buyer's reply to the call, sent with whatever proves that it is ours."""
        if self.tls is not None:
            call = replace(call, identity=self.tls.identity)
        if self.auth is not None and self.auth.digest is not None:
            return _by_digest(call, self.auth.digest, at)
        if self.auth is not None and self.auth.oauth2 is not None:
            return by_token(call, self.auth.oauth2.grant(), at, scheme=self.auth.oauth2.scheme)
        return _asked(call)


def _asked(call: Call) -> Handed:
    reply: Reply = yield call
    return reply


def by_token(call: Call, grant: Grant, at: datetime, *, scheme: str = "Bearer") -> Handed:
    """With a token that is good; one that is refused is fetched anew, once."""
    for _ in range(2):
        token = yield grant
        if not isinstance(token, Token):
            return no_token(token, at)
        known = {**call.headers, "authorization": f"{scheme} {token.text}"}
        secrets = (*call.secrets, token.text)
        reply: Reply = yield replace(call, headers=known, secrets=secrets, refusals=call.refusals | _REFUSED)
        if reply.status not in _REFUSED:
            break
        grant = replace(grant, refused=token.text)
    return reply


def no_token(reply: Reply, at: datetime) -> TryLater:
    """It is about us, and not about the lead: the next buyer must not profit from it."""
    after = retry_after(reply, at)
    return TryLater(reason="no_token", after=after, read=f"no token: it was answered with {reply.status}")


def _by_digest(call: Call, known: Basic, at: datetime) -> Handed:
    """A nonce may end between challenge and lead; then the buyer says so, took nothing, and gives another."""
    bare = replace(call, headers={}, query="", body=b"", hands_over=False)
    reply: Reply = yield bare
    if (found := _challenge(reply)) is None:
        after = retry_after(reply, at)
        return TryLater(reason="no_challenge", after=after, read=f"no Digest was asked for: {reply.status}")
    for _ in range(2):
        proof = _proof(found, call, known, at)
        reply = yield replace(
            call, headers={**call.headers, "authorization": proof}, refusals=call.refusals | _REFUSED
        )
        if (found := _challenge(reply)) is None or "stale=true" not in _said(reply).lower().replace('"', ""):
            break
    return reply


def _proof(found: digest.Challenge, call: Call, known: Basic, at: datetime) -> str:
    password = known.password.get_secret_value()
    return found.header(
        user=known.user,
        password=password,
        method=call.method,
        uri=with_query(target_of(call.url).path, call.query),
        body=call.body,
        cnonce=digest.cnonce(password, found.nonce, at.isoformat()),
    )


def _challenge(reply: Reply) -> digest.Challenge | None:
    return digest.challenge(_said(reply)) if reply.status in _REFUSED else None


def _said(reply: Reply) -> str:
    return reply.headers.get("www-authenticate", "")
