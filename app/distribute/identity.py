"""A certificate and its key by which a buyer knows us (mutual TLS), checked when saved and loaded once."""

import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from hashlib import sha256

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from msgspec import Struct


class Identity(Struct, frozen=True, kw_only=True, dict=True):
    """`certificate` may be followed by its issuers. `authority` is whom to believe instead of those everybody does."""

    certificate: str
    key: str
    passphrase: str = ""
    authority: str = ""

    @cached_property
    def id(self) -> str:
        """Equal for those that may share connections."""
        parts = (self.certificate, self.key, self.passphrase, self.authority)
        return sha256("\0".join(parts).encode()).hexdigest()

    def refuse(self) -> None:
        """ValueError, without any of it, for what can't be loaded or doesn't belong together."""
        try:
            mine = x509.load_pem_x509_certificates(self.certificate.encode())[0].public_key()
        except ValueError:
            raise ValueError("the certificate is no PEM") from None
        try:
            passphrase = self.passphrase.encode() or None
            key = load_pem_private_key(self.key.encode(), passphrase).public_key()
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise ValueError("the key is no PEM, or its passphrase is another") from None
        plain = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        if key.public_bytes(*plain) != mine.public_bytes(*plain):
            raise ValueError("the key is not the certificate's")
        try:
            self._into(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        except (ssl.SSLError, OSError):
            raise ValueError("the certificate, its key or the authority can't be loaded") from None

    def context(self) -> ssl.SSLContext:
        """For connections that show it. Raises ssl.SSLError, OSError."""
        bare = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        return self._into(bare if self.authority else ssl.create_default_context())

    def _into(self, context: ssl.SSLContext) -> ssl.SSLContext:
        context.set_alpn_protocols(["http/1.1"])
        if self.authority:
            context.load_verify_locations(cadata=self.authority)
        with _file(f"{self.key.rstrip()}\n{self.certificate}".encode()) as path:
            # an empty passphrase is given too, since OpenSSL would ask for one at the terminal
            context.load_cert_chain(path, password=lambda: self.passphrase)
        return context


@contextmanager
def _file(content: bytes) -> Iterator[str]:
    """OpenSSL reads keys from files only: one in memory where there is such a thing, else one that only we can read."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("identity", os.MFD_CLOEXEC)
        try:
            os.write(descriptor, content)
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
        return
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        yield file.name
