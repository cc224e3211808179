"""Where a folder or a mailbox on another machine is, how its server is known, and as whom we log in there."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, model_validator

from app.core.duration import Duration
from app.core.registry import Settings
from app.remote import hostkey


def _on_the_server(path: str) -> str:
    if not path.isprintable():
        raise ValueError("has a character that no folder has")
    return path.rstrip("/") or path[:1]


def _some_time(span: Duration) -> Duration:
    if not 0 < span.seconds <= 600:
        raise ValueError("is to be more than nothing, and 10m at most")
    return span


def _line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("has a character that can not be sent")
    return text


class Account(Settings):
    """What every protocol is told; each adds how it knows the machine and is known there."""

    host: str = Field(pattern=r"^[A-Za-z0-9.:_-]{1,253}$")
    port: int | None = Field(None, ge=1, le=65535)
    user: Annotated[str, AfterValidator(_line)] = Field(min_length=1)
    password: SecretStr = SecretStr("")
    folder: Annotated[str, AfterValidator(_on_the_server)] = Field(
        "", description="The folder on the server; empty: where the log-in leads."
    )
    patience: Annotated[Duration, AfterValidator(_some_time)] = Field(
        Duration("30s"), description="How long the server may take for one answer."
    )


class FtpAccount(Account):
    tls: Literal["explicit", "implicit", "none"] = Field(
        "explicit", description="`none` sends the password and the leads in clear."
    )
    ca: str = Field(
        "", description="File of the authority (PEM) that signed the certificate, if it is your own."
    )

    @property
    def dialled(self) -> int:
        return self.port or (990 if self.tls == "implicit" else 21)

    @model_validator(mode="after")
    def _sendable(self) -> "FtpAccount":
        if not self.password.get_secret_value().isprintable():
            raise ValueError("has a password with a character that can not be sent")
        if self.ca and self.tls == "none":
            raise ValueError("has a ca, and no tls that it would be for")
        return self


class SftpAccount(Account):
    host_key: Annotated[str, AfterValidator(hostkey.checked)] = Field(
        description="The server's public key (`ssh-ed25519 AAAA…`), or lines of known_hosts."
    )
    private_key: SecretStr = Field(
        SecretStr(""), description="Ours, as OpenSSH or PEM writes it; instead of a password, or with it."
    )
    passphrase: SecretStr = Field(SecretStr(""), description="Of the private key, if it has one.")

    @property
    def dialled(self) -> int:
        return self.port or 22

    @model_validator(mode="after")
    def _whole(self) -> "SftpAccount":
        if not (self.password.get_secret_value() or self.private_key.get_secret_value()):
            raise ValueError("needs a password or a private_key")
        if self.passphrase.get_secret_value() and not self.private_key.get_secret_value():
            raise ValueError("has a passphrase, and no private_key that it would be for")
        return self


def _one_line(text: str) -> str:
    if not text.isprintable() or any(one in text for one in '%*"\\'):
        raise ValueError('has a character that no folder has: % * " \\ or one that can not be seen')
    return text


MailFolder = Annotated[str, AfterValidator(_one_line)]


class ImapAccount(Settings):
    """A mailbox."""

    host: str = Field(pattern=r"^[A-Za-z0-9.:_-]{1,253}$")
    port: int | None = Field(None, ge=1, le=65535, description="993, or 143 where tls is not implicit.")
    tls: Literal["implicit", "starttls", "none"] = Field(
        "implicit", description="`none` sends the password in clear: for a server on the same machine."
    )
    ca: str = Field(
        "", description="File of the authority (PEM) that signed the certificate, if it is your own."
    )
    user: str = Field(min_length=1)
    password: SecretStr = SecretStr("")
    token: SecretStr = Field(SecretStr(""), description="An access token of OAuth 2 (XOAUTH2), instead.")
    folder: MailFolder = "INBOX"

    @model_validator(mode="after")
    def _known_there(self) -> "ImapAccount":
        if bool(self.password.get_secret_value()) == bool(self.token.get_secret_value()):
            raise ValueError("needs a password or a token, and not both")
        return self

    @property
    def dialled(self) -> int:
        return self.port or (993 if self.tls == "implicit" else 143)
