"""A claim signed with our own key (JWT, RS256), by which a server gives us a token without a password."""

from base64 import urlsafe_b64encode
from collections.abc import Mapping

import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

_HEAD = {"alg": "RS256", "typ": "JWT"}


def signing_key(pem: str) -> RSAPrivateKey:
    """ValueError, without any of it, for what is no RSA key."""
    try:
        key = load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("is no private key as PEM, or one with a passphrase") from None
    if not isinstance(key, RSAPrivateKey) or key.key_size < 2048:
        raise ValueError("is no RSA key of 2048 bits or more")
    return key


def signed(claims: Mapping[str, str | int], key: RSAPrivateKey) -> str:
    told = b".".join(_encoded(orjson.dumps(part)) for part in (_HEAD, dict(claims)))
    return (told + b"." + _encoded(key.sign(told, PKCS1v15(), SHA256()))).decode()


def _encoded(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")
