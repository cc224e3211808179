"""Secrets at rest: sealed before a row is written, opened only into the snapshot."""

import base64
import binascii
import hmac
import os
import secrets
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import BaseModel

from app.catalog.documents import Catalogue
from app.catalog.kinds import Kinds, at, replaced, secret_places
from app.catalog.slots import Held, Slot, held, slots_of, with_settings

D = TypeVar("D", bound=BaseModel)

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
        self._key, self._cipher = key, AESGCM(key)

    def seal(self, text: str) -> str:
        nonce = secrets.token_bytes(_NONCE)
        sealed = self._cipher.encrypt(nonce, text.encode(), _BOUND_TO)
        return PREFIX + base64.urlsafe_b64encode(nonce + sealed).decode().rstrip("=")

    def derived(self, purpose: str) -> bytes:
        """32 bytes for one other use, from which neither the key nor those of another purpose can be told."""
        return hmac.digest(self._key, f"leadgate {purpose}".encode(), "sha256")

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


def opened(settings: Mapping[str, Any], model: type[BaseModel], sealer: Sealer) -> dict[str, Any]:
    """A component's settings with their secrets in clear: for its model only, never to be shown or stored."""
    places = secret_places(model, settings)
    return dict(replaced(settings, places, lambda _, text: sealer.open(text) if is_sealed(text) else text))


def sealed(wanted: Catalogue, current: Catalogue, kinds: Kinds, sealer: Sealer) -> Catalogue:
    """`wanted` with every secret sealed. One that `current` holds already keeps its sealed text, so that
    equal secrets are equal texts and an unchanged file is no change."""
    seals = _Seals(kinds, sealer)
    contracts = {contract.id: contract for buyer in current.buyers for contract in buyer.contracts}
    sources = {source.id: source for source in current.sources}
    campaigns = {campaign.id: campaign for campaign in current.campaigns}
    enrichers = {enricher.id: enricher for enricher in current.enrichers}
    buyers = []
    for buyer in wanted.buyers:
        mine = tuple(seals.of("contract", each, contracts.get(each.id)) for each in buyer.contracts)
        buyers.append(buyer.model_copy(update={"contracts": mine}))
    update = {
        "buyers": tuple(buyers),
        "enrichers": tuple(seals.of("enricher", each, enrichers.get(each.id)) for each in wanted.enrichers),
        "campaigns": tuple(seals.of("campaign", each, campaigns.get(each.id)) for each in wanted.campaigns),
        "sources": tuple(seals.of("source", each, sources.get(each.id)) for each in wanted.sources),
    }
    return wanted.model_copy(update=update)


class _Seals:
    """Seals a document's components, whichever slots it has."""

    def __init__(self, kinds: Kinds, sealer: Sealer) -> None:
        self._kinds, self._sealer = kinds, sealer

    def of(self, kind: str, doc: D, before: D | None) -> D:
        for slot in slots_of(kind, secret=True):
            known = _by_name(held(before, slot)) if before else {}
            mine = _by_name(held(doc, slot))
            settings = [self._settings(slot, one, known.get(which)) for which, one in mine.items()]
            if any(new is not one.settings for new, one in zip(settings, mine.values(), strict=True)):
                doc = doc.model_copy(update=with_settings(doc, slot, settings))
        return doc

    def _settings(self, slot: Slot, one: Held, before: Held | None) -> dict[str, Any]:
        model = slot.models(self._kinds).get(one.name)
        places = secret_places(model, one.settings) if model else []
        if not places:
            return one.settings
        old = before.settings if before else {}
        return dict(replaced(one.settings, places, lambda place, text: self._seal(text, at(old, place))))

    def _seal(self, text: str, old: Any) -> str:
        clear = self._sealer.open(text) if is_sealed(text) else text
        if isinstance(old, str) and is_sealed(old) and _same(self._sealer, old, clear):
            return old
        return text if is_sealed(text) else self._sealer.seal(text)


def _by_name(parts: list[Held]) -> dict[tuple[str, int], Held]:
    """By name and the how-manieth of that name: a list in another order has its secrets unchanged."""
    seen = Counter[str]()
    found = {}
    for one in parts:
        found[one.name, seen[one.name]] = one
        seen[one.name] += 1
    return found


def _same(sealer: Sealer, old: str, clear: str) -> bool:
    """False too where the old text can't be opened: then the secret is sealed anew."""
    try:
        return sealer.open(old) == clear
    except CannotOpen:
        return False


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
