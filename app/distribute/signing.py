"""Standard Webhooks signatures, so that a buyer can tell our deliveries from anybody's.

`v1` is HMAC-SHA256 with a shared secret (`whsec_…`), `v1a` is Ed25519 (`whsk_…` signs, `whpk_…` verifies).
What is signed is `id.timestamp.body`. Several secrets give several signatures, so that keys can be rotated.
"""

import hmac
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping, Sequence
from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

TOLERANCE = 300.0
"""Seconds that a timestamp may be off; older messages are replays."""


class Signer:
    """Secrets read once, signatures made often. ValueError, without the secret, for one that is none."""

    __slots__ = ("_private", "_shared")

    def __init__(self, secrets: Sequence[str]) -> None:
        if not secrets:
            raise ValueError("needs at least one secret")
        self._shared = [_key(s, "whsec_") for s in secrets if not s.startswith("whsk_")]
        self._private = [
            Ed25519PrivateKey.from_private_bytes(_key(s, "whsk_")[:32])
            for s in secrets
            if s.startswith("whsk_")
        ]

    def headers(self, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
        """The three headers, lower-case."""
        signed = f"{message_id}.{timestamp}.".encode() + body
        signatures = ["v1," + b64encode(hmac.digest(key, signed, "sha256")).decode() for key in self._shared]
        signatures += ["v1a," + b64encode(key.sign(signed)).decode() for key in self._private]
        return {
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": " ".join(signatures),
        }


def sign(secrets: Sequence[str], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    return Signer(secrets).headers(message_id, timestamp, body)


def verify(
    secrets: Sequence[str],
    headers: Mapping[str, str],
    body: bytes,
    *,
    now: datetime,
    tolerance: float = TOLERANCE,
) -> bool:
    """True only for a message that one of `secrets` (`whsec_…` or `whpk_…`) signed at about `now`."""
    given = {name.lower(): value for name, value in headers.items()}
    message_id, stamp = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
    if not message_id or not stamp.isascii() or not stamp.isdecimal() or len(stamp) > 12:
        return False
    if abs(now.timestamp() - int(stamp)) > tolerance:
        return False
    signed = f"{message_id}.{stamp}.".encode() + body
    offered = [part.partition(",") for part in given.get("webhook-signature", "").split(" ")]
    return any(_fits(secret, kind, text, signed) for kind, _, text in offered for secret in secrets)


def _fits(secret: str, kind: str, signature: str, signed: bytes) -> bool:
    try:
        found = b64decode(signature, validate=True)
    except (Base64Error, ValueError):
        return False
    if secret.startswith("whpk_"):
        return kind == "v1a" and _signed_by(_key(secret, "whpk_"), found, signed)
    return kind == "v1" and hmac.compare_digest(hmac.digest(_key(secret, "whsec_"), signed, "sha256"), found)


def _signed_by(public: bytes, signature: bytes, signed: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, signed)
    except InvalidSignature:
        return False
    return True


def _key(secret: str, prefix: str) -> bytes:
    text = secret.removeprefix(prefix)
    try:
        key = b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (Base64Error, ValueError):
        raise ValueError(f"is no signing secret; it is written {prefix}<base64>") from None
    if len(key) < (16 if prefix == "whsec_" else 32):
        raise ValueError("is too short for a signing secret")
    return key
