"""Digest authentication (RFC 7616): the answer to a server's challenge, which proves a password without sending it."""

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from urllib.request import parse_http_list

from msgspec import Struct

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9-]*)(?:\s+(.*))?", re.DOTALL)
_FIELD = re.compile(r"([A-Za-z-]+)\s*=\s*(.*)", re.DOTALL)
_HASHES: Mapping[str, str] = {"SHA-256": "sha256", "MD5": "md5"}  # the best first
_UNQUOTED = ("algorithm", "qop", "nc", "userhash")
_ONCE = "00000001"


class Challenge(Struct, frozen=True, kw_only=True):
    """What a server wants to be proved, by the best of the algorithms that it offers and we know."""

    realm: str
    nonce: str
    algorithm: str = ""  # as it wrote it; empty where it said none
    qop: str = ""
    opaque: str | None = None
    userhash: bool = False

    @property
    def hashed(self) -> Callable[[bytes], str]:
        name = _HASHES[self.algorithm.upper().removesuffix("-SESS") or "MD5"]
        return lambda data: hashlib.new(name, data, usedforsecurity=False).hexdigest()

    def header(self, *, user: str, password: str, method: str, uri: str, body: bytes, cnonce: str) -> str:
        """The value of `Authorization` for one request, the first that uses this nonce."""
        hashed = self.hashed
        secret = hashed(f"{user}:{self.realm}:{password}".encode())
        if self.algorithm.upper().endswith("-SESS"):
            secret = hashed(f"{secret}:{self.nonce}:{cnonce}".encode())
        asked = f"{method}:{uri}" + (f":{hashed(body)}" if self.qop == "auth-int" else "")
        between = f"{self.nonce}:{_ONCE}:{cnonce}:{self.qop}" if self.qop else self.nonce
        told = {
            "username": hashed(f"{user}:{self.realm}".encode()) if self.userhash else user,
            "realm": self.realm,
            "nonce": self.nonce,
            "uri": uri,
            "response": hashed(f"{secret}:{between}:{hashed(asked.encode())}".encode()),
            "algorithm": self.algorithm or None,
            "opaque": self.opaque,
            **({"qop": self.qop, "nc": _ONCE, "cnonce": cnonce} if self.qop else {}),
            "userhash": "true" if self.userhash else None,
        }
        return "Digest " + ", ".join(_written(k, v) for k, v in told.items() if v is not None)


def challenge(header: str) -> Challenge | None:
    """The best Digest challenge of a `WWW-Authenticate`; None where there is none that we can answer."""
    found = [read for fields in _digests(header) if (read := _read(fields)) is not None]
    best = list(_HASHES)
    found.sort(key=lambda one: best.index(one.algorithm.upper().removesuffix("-SESS") or "MD5"))
    return found[0] if found else None


def cnonce(password: str, nonce: str, seed: str) -> str:
    """Ours for this nonce: nobody else can tell it, and it needs no die."""
    return hmac.digest(password.encode(), f"{nonce}:{seed}".encode(), "sha256").hex()[:32]


def _digests(header: str) -> list[dict[str, str]]:
    """The fields of each Digest in a list of challenges, whose commas separate both."""
    found: list[dict[str, str]] = []
    mine = False
    for item in parse_http_list(header):
        field = _FIELD.fullmatch(item)
        if field is None:
            scheme = _SCHEME.fullmatch(item)
            mine = scheme is not None and scheme[1].lower() == "digest"
            if mine:
                found.append({})
            field = _FIELD.fullmatch(scheme[2] or "") if scheme is not None else None
        if mine and field is not None:
            found[-1][field[1].lower()] = _bare(field[2])
    return found


def _read(fields: Mapping[str, str]) -> Challenge | None:
    offered = [one.strip().lower() for one in fields.get("qop", "").split(",") if one.strip()]
    qop = next((one for one in ("auth", "auth-int") if one in offered), "")
    algorithm = fields.get("algorithm", "")
    known = (algorithm.upper().removesuffix("-SESS") or "MD5") in _HASHES
    if "realm" not in fields or not fields.get("nonce") or not known or (offered and not qop):
        return None
    return Challenge(
        realm=fields["realm"],
        nonce=fields["nonce"],
        algorithm=algorithm,
        qop=qop,
        opaque=fields.get("opaque"),
        userhash=fields.get("userhash", "").lower() == "true",
    )


def _bare(value: str) -> str:
    value = value.strip()
    if len(value) >= 2 and value[0] == value[-1] == '"':
        return re.sub(r"\\(.)", r"\1", value[1:-1])
    return value


def _written(name: str, value: str) -> str:
    if name in _UNQUOTED:
        return f"{name}={value}"
    quoted = re.sub(r'(["\\])', r"\\\1", value)
    return f'{name}="{quoted}"'
