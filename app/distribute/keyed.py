"""How a request that settings describe proves itself: headers, keys in headers, body and query, a name and password."""

import re
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlencode

from pydantic import AfterValidator, Field, SecretStr

from app.core.auth import Auth
from app.core.registry import Settings
from app.distribute.templates import Template

_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OURS = {"host", "content-length", "transfer-encoding", "connection", "webhook-id", "x-leadgate-test"}


def settable(headers: Mapping[str, Any]) -> Mapping[str, Any]:
    """ValueError for a header that is not for settings to write."""
    for name in headers:
        if not _HEADER.fullmatch(name) or name.lower() in _OURS:
            raise ValueError(f"{name!r} is no header that can be set")
    return headers


class Secret(Settings):
    """What is sent and never shown: keys that others want in headers, in the body or in the query."""

    headers: Annotated[Mapping[str, SecretStr], AfterValidator(settable)] = {}
    fields: Mapping[str, SecretStr] = {}
    query: Mapping[str, SecretStr] = {}


class Keyed(Settings):
    """What a component that makes requests can be told of them."""

    headers: Annotated[Mapping[str, str], AfterValidator(settable)] = Field(
        {}, description="Sent with it; a value may be a template."
    )
    secret: Secret = Field(Secret(), description="Keys that are sent and never shown.")
    auth: Auth | None = Field(None, description="A name and password, or a token.")

    def fixed_headers(self) -> dict[str, str]:
        """Those that are the same in every request."""
        fixed = {k.lower(): " ".join(v.split()) for k, v in self.headers.items() if "{{" not in v}
        fixed |= {k.lower(): v.get_secret_value() for k, v in self.secret.headers.items()}
        if self.auth is not None and (said := self.auth.header()):
            fixed["authorization"] = said
        return fixed

    def header_templates(self) -> dict[str, Template]:
        return {k.lower(): Template(v, "header") for k, v in self.headers.items() if "{{" in v}

    def secret_query(self) -> str:
        return urlencode({k: v.get_secret_value() for k, v in self.secret.query.items()})

    def secret_fields(self) -> dict[str, str]:
        return {k: v.get_secret_value() for k, v in self.secret.fields.items()}

    def secrets(self) -> tuple[str, ...]:
        """Every text to be hidden where a request is shown."""
        hidden = [
            *self.secret.headers.values(),
            *self.secret.fields.values(),
            *self.secret.query.values(),
        ]
        if self.auth is not None:
            hidden.append(self.auth.secret)
        return tuple(secret.get_secret_value() for secret in hidden)


def with_query(url: str, query: str) -> str:
    return url + ("&" if "?" in url else "?") + query if query else url
