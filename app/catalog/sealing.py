"""Buyers' secrets at rest: sealed before a row is written, opened only into the snapshot."""

import base64
import binascii
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.catalog.documents import BuyerDoc, Catalogue, ContractDoc
from app.catalog.kinds import Kinds, at, replaced, secret_places

PREFIX = "sealed:v1:"
_BOUND_TO = b"leadgate sealed:v1"
_NONCE = 12


class CannotOpen(ValueError):
    """Sealed with another key, or damaged. The message names neither the secret nor the key."""

    def __init__(self) -> None:
        super().__init__("was sealed with another key, or is damaged; write the secret itself")


class Sealer:
    """AES-256-GCM under one key of 32 bytes. The same text seals differently each time."""

    def __init__(self, key: bytes) -> None:
        if len(key) != 32:
            raise ValueError("the secret key must be 32 bytes")
        self._cipher = AESGCM(key)

    def seal(self, text: str) -> str:
        nonce = secrets.token_bytes(_NONCE)
        sealed = self._cipher.encrypt(nonce, text.encode(), _BOUND_TO)
        return PREFIX + base64.urlsafe_b64encode(nonce + sealed).decode().rstrip("=")

    def open(self, sealed: str) -> str:
        """Raises CannotOpen."""
        try:
            body = sealed.removeprefix(PREFIX)
            data = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
            return self._cipher.decrypt(data[:_NONCE], data[_NONCE:], _BOUND_TO).decode()
        except (InvalidTag, binascii.Error, ValueError):
            raise CannotOpen from None


def is_sealed(text: Any) -> bool:
    return isinstance(text, str) and text.startswith(PREFIX)


def opened(deliver: Mapping[str, Any], kinds: Kinds, sealer: Sealer) -> dict[str, Any]:
    """`deliver` with its secrets in clear: for the component's settings only, never to be shown or stored."""
    places = _secrets_of(deliver, kinds)
    return dict(replaced(deliver, places, lambda _, text: sealer.open(text) if is_sealed(text) else text))


def sealed(wanted: Catalogue, current: Catalogue, kinds: Kinds, sealer: Sealer) -> Catalogue:
    """`wanted` with every secret sealed. One that `current` holds already keeps its sealed text, so that
    equal secrets are equal texts and an unchanged file is no change."""
    known = {contract.id: contract for buyer in current.buyers for contract in buyer.contracts}
    buyers = tuple(_sealed_buyer(buyer, known, kinds, sealer) for buyer in wanted.buyers)
    return wanted.model_copy(update={"buyers": buyers})


def _sealed_buyer(
    buyer: BuyerDoc, known: Mapping[str, ContractDoc], kinds: Kinds, sealer: Sealer
) -> BuyerDoc:
    contracts = tuple(_sealed_contract(c, known.get(c.id), kinds, sealer) for c in buyer.contracts)
    return buyer.model_copy(update={"contracts": contracts})


def _sealed_contract(
    contract: ContractDoc, before: ContractDoc | None, kinds: Kinds, sealer: Sealer
) -> ContractDoc:
    def seal(place: tuple[str | int, ...], text: str) -> str:
        clear = sealer.open(text) if is_sealed(text) else text
        old = at(before.deliver, place) if before else None
        if isinstance(old, str) and is_sealed(old) and _same(sealer, old, clear):
            return old
        return text if is_sealed(text) else sealer.seal(text)

    places = _secrets_of(contract.deliver, kinds)
    if not places:
        return contract
    return contract.model_copy(update={"deliver": replaced(contract.deliver, places, seal)})


def _same(sealer: Sealer, old: str, clear: str) -> bool:
    """False too where the old text can't be opened: then the secret is sealed anew."""
    try:
        return sealer.open(old) == clear
    except CannotOpen:
        return False


def _secrets_of(deliver: Mapping[str, Any], kinds: Kinds) -> list[tuple[str | int, ...]]:
    settings = kinds.adapters.get(str(deliver.get("adapter")))
    return secret_places(settings, deliver) if settings else []


def read_key(text: str) -> bytes:
    """32 bytes written as base64 or as 64 hexadecimal digits. Raises ValueError."""
    text = text.strip()
    try:
        if len(text) == 64:
            return bytes.fromhex(text)
        key = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        key = b""
    if len(key) != 32:
        raise ValueError("the secret key must be 32 bytes, written as base64 or as 64 hexadecimal digits")
    return key


def load_key(path: Path) -> bytes:
    """The key in the file, which is made on first use (mode 0600); of several processes at once, one makes it."""
    try:
        return read_key(path.read_text("ascii", errors="replace"))
    except FileNotFoundError:
        _create_key(path)
        return read_key(path.read_text("ascii", errors="replace"))


def _create_key(path: Path) -> None:
    """Whole and durable before it has its name: a link, unlike a rename, never replaces another's."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.urlsafe_b64encode(secrets.token_bytes(32)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
