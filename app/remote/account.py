"""Where a folder on another machine is, how its server is known, and as whom we log in there."""

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
