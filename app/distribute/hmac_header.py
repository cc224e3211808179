"""A signature as the buyer's own documentation describes it: a hash with a key, over a text that a template makes, in one header."""

import hmac
from base64 import b64decode, b64encode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, PrivateAttr, SecretStr, model_validator

from app.core.registry import Settings
from app.distribute.adapter import Call, Handover
from app.distribute.bodies import seen
from app.distribute.keyed import settable, with_query
from app.distribute.targets import target_of
from app.distribute.templates import Template


def _one_header(name: str) -> str:
    settable({name: ""})
    return name.lower()


class HmacHeader(Settings):
    """What the templates see: `body`, `query`, `path`, `method`, `timestamp` in seconds, and what a body's template sees;
    `value` also sees `signature`."""

    header: Annotated[str, AfterValidator(_one_header)] = Field(description="As X-Signature.")
    secret: SecretStr = Field(min_length=1)
    key: Literal["text", "hex", "base64"] = Field("text", description="How the secret is written.")
    algorithm: Literal["sha256", "sha512", "sha384", "sha1"] = "sha256"
    signed: str = Field("{{ body }}", max_length=2_000, description="The text that is signed.")
    encoding: Literal["hex", "base64", "base64url"] = "hex"
    value: str = Field("{{ signature }}", max_length=2_000, description="As `sha256={{ signature }}`.")
    timestamp: Annotated[str, AfterValidator(_one_header)] | None = Field(
        None, description="A header for the seconds that were signed."
    )

    _key: bytes = PrivateAttr()
    _signed: Template = PrivateAttr()
    _value: Template = PrivateAttr()

    @model_validator(mode="after")
    def _compiled(self) -> "HmacHeader":
        try:
            self._key = _KEYS[self.key](self.secret.get_secret_value())
        except (ValueError, Base64Error):
            raise ValueError(f"the secret is no {self.key}") from None
        self._signed, self._value = Template(self.signed, "plain"), Template(self.value, "header")
        return self

    def headers(self, call: Call, handover: Handover) -> dict[str, str]:
        """For this call as it stands. Raises TemplateFailed."""
        seconds = str(int(handover.at.timestamp()))
        values: dict[str, Any] = {
            **seen(handover),
            "body": call.body.decode("utf-8", "replace"),
            "query": call.query,
            "path": with_query(target_of(call.url).path, call.query),
            "method": call.method,
            "timestamp": seconds,
        }
        digest = hmac.digest(self._key, self._signed.render(values).encode(), self.algorithm)
        values["signature"] = _ENCODINGS[self.encoding](digest)
        told = {self.header: self._value.render(values)}
        return told | ({self.timestamp: seconds} if self.timestamp is not None else {})


_KEYS: Mapping[str, Callable[[str], bytes]] = {
    "text": str.encode,
    "hex": bytes.fromhex,
    "base64": lambda text: b64decode(text, validate=True),
}
_ENCODINGS: Mapping[str, Callable[[bytes], str]] = {
    "hex": bytes.hex,
    "base64": lambda digest: b64encode(digest).decode(),
    "base64url": lambda digest: urlsafe_b64encode(digest).decode().rstrip("="),
}
