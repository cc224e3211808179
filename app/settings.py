"""What the operator decides: environment variables with the prefix LEADGATE_, read once by the roots."""

import os
from base64 import b64decode
from collections.abc import Iterable, Mapping
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from platformdirs import user_data_path
from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.api.mail.places import place
from app.api.proxies import Header, Proxies

PREFIX = "LEADGATE_"
_KEY_BYTES = 32
_OF_OUR_OWN = f"{PREFIX}CHILD_"


class Settings(BaseSettings):
    """Frozen. A command line option of the same name wins over the variable."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    data_dir: Path = Field(
        default_factory=lambda: user_data_path("leadgate"),
        description="Where the embedded database and the secret key live.",
    )
    database_url: str = Field("", repr=False, description="postgresql://… of your own server (15 or later).")
    processes: int = Field(1, ge=1, le=64, description="Processes of `serve`; one per core and no more.")
    public_url: str = Field("", description="How the world reaches this service, for links.")
    trusted_proxies: str = Field(
        "", description="Networks of the proxies before this service, or how many there are; empty: none."
    )
    proxy_header: Header = Field("either", description="Which header they write; other ones are not read.")
    secret_key: SecretStr = Field(
        SecretStr(""), description="Base64 of 32 bytes that seal buyers' secrets; else DATA_DIR/secret.key."
    )
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    dangerously_allow_private_addresses: bool = Field(
        False, description="Deliver to private addresses, and fetch from them: for tests and the demo."
    )
    body_bytes: int = Field(1_000_000, ge=1_000, description="The largest body that intake reads.")
    batch_bytes: int = Field(
        1_000_000_000, ge=1_000, description="The largest file that a batch is read from."
    )
    body_seconds: float = Field(30, gt=0, description="How long a body may take to arrive.")
    lease_seconds: float = Field(
        20, ge=1, description="How long a silent process keeps its work; at least 1.25 times the wire's."
    )
    wire_seconds: float = Field(15, gt=0, description="How long one conversation with a buyer may take.")
    pool_size: int = Field(8, ge=3, le=100, description="Database connections per process.")
    backlog_share: float = Field(
        0.02, gt=0, le=1, description="Share of time that receipts get decided in while the door is busy."
    )
    drain_seconds: float = Field(30, ge=0, description="How long SIGTERM waits for what is in flight.")
    bytes_kept: int = Field(65_536, ge=0, description="Bytes of a conversation kept for the trace.")
    smtp_listen: str = Field("", description="Take mail by SMTP at `host:port`; empty: nowhere.")
    lmtp_listen: str = Field(
        "", description="Take mail by LMTP at `host:port` or a socket's path; empty: nowhere."
    )
    smtp_hostname: str = Field("", description="What the mail door calls itself; else the machine's name.")
    smtp_certificate: str = Field(
        "", description="File of the certificate that STARTTLS shows; empty: no TLS."
    )
    smtp_key: str = Field("", description="File of its key; empty: in the same file.")
    smtp_relay: str = Field(
        "",
        description="`host:port` that sends mail on: deliveries without a server of their own, and reports of "
        "unreadable mails; empty: those are refused instead.",
    )
    smtp_connections: int = Field(100, ge=1, description="Mail connections at once, per process.")
    smtp_seconds: float = Field(
        120, gt=0, description="How long a mail, or the next command, may take to arrive."
    )
    mail_bytes: int = Field(
        10_000_000, ge=10_000, le=26_000_000, description="The largest mail that is taken."
    )
    keep_days: int = Field(
        90, ge=1, description="Days that history is kept; `leadgate retention` drops the rest."
    )

    @field_validator("database_url")
    @classmethod
    def _is_of_postgresql(cls, text: str) -> str:
        """A driver's own words for what is none would repeat the password."""
        if text and not text.startswith(("postgresql://", "postgres://")):
            raise ValueError("give it as postgresql://USER:PASSWORD@HOST/DATABASE")
        return text

    @field_validator("secret_key")
    @classmethod
    def _is_a_key(cls, key: SecretStr) -> SecretStr:
        given = key.get_secret_value()
        with suppress(ValueError):
            if not given or len(b64decode(given, validate=True)) == _KEY_BYTES:
                return key
        raise ValueError("give base64 of 32 random bytes: head -c 32 /dev/urandom | base64")

    @field_validator("smtp_listen", "lmtp_listen", "smtp_relay")
    @classmethod
    def _is_a_place(cls, text: str) -> str:
        if text:
            place(text)
        return text

    @field_validator("trusted_proxies")
    @classmethod
    def _are_proxies(cls, text: str) -> str:
        Proxies.of(text)
        return text

    @model_validator(mode="after")
    def _lease_outlives_a_conversation(self) -> "Settings":
        """Else a process that only waits for a slow buyer would lose its deliveries to others."""
        if self.lease_seconds < self.wire_seconds * 1.25:
            raise ValueError(
                f"LEADGATE_LEASE_SECONDS ({self.lease_seconds:g}) must be at least 1.25 times "
                f"LEADGATE_WIRE_SECONDS ({self.wire_seconds:g})"
            )
        return self


def unknown(environment: Iterable[str] = os.environ) -> Mapping[str, str]:
    """Variables with our prefix that name no setting → the setting that was perhaps meant, or nothing."""
    known = [f"{PREFIX}{name}".upper() for name in Settings.model_fields]
    strange = [
        name
        for name in sorted(environment)
        if name.upper().startswith(PREFIX) and name.upper() not in known and not name.startswith(_OF_OUR_OWN)
    ]
    return {name: next(iter(get_close_matches(name.upper(), known, 1, 0.8)), "") for name in strange}
