"""Reads what is told of an SSH server's own key: public keys as OpenSSH writes them, or lines of known_hosts."""

import binascii
import re
from base64 import b64decode

_KEY = re.compile(r"(?:ssh|ecdsa|rsa|sk)-[a-z0-9.@_-]+")


def checked(text: str) -> str:
    """The text as it is. ValueError where a line is neither, so that nobody ends without a key that is checked."""
    lines = lines_of(text)
    if not lines:
        raise ValueError("is empty; the server's key is what tells it from another that pretends to be it")
    for line in lines:
        words = line.split()
        if line.startswith("@"):
            words = words[1:]
        if not _KEY.fullmatch(words[0] if words else ""):
            words = words[1:]
        if len(words) < 2 or not _agrees(words[0], words[1]):
            raise ValueError(
                "is no public key (`ssh-ed25519 AAAA…`) and no line of known_hosts; `ssh-keyscan HOST` prints some"
            )
    if len({is_bare(line) for line in lines}) > 1:
        raise ValueError("has public keys beside lines of known_hosts; write one of both")
    return text


def lines_of(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]


def is_bare(line: str) -> bool:
    """A public key of no named host, so of the one that is dialled."""
    return bool(_KEY.fullmatch(line.partition(" ")[0]))


def _agrees(algorithm: str, encoded: str) -> bool:
    """Whether the key begins with its own algorithm, as every one does."""
    try:
        key = b64decode(encoded, validate=True)
    except (ValueError, binascii.Error):
        return False
    named = key[4 : 4 + int.from_bytes(key[:4], "big")]
    return len(key) > 4 + len(named) and named == algorithm.encode()
