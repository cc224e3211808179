"""Contacts as two partners show them to each other: hashed, so that both know whom they have already and nobody else."""

from hashlib import new
from typing import Literal

from pydantic import Field, SecretStr

from app.core.registry import Settings


class Hashed(Settings):
    hash: Literal["md5", "sha1", "sha256"] = "sha256"
    salt: SecretStr | None = Field(None, description="What both put before a contact: a secret of the two.")

    def of(self, contact: str) -> str:
        """Of a phone in E.164 (`+15125550100`) or an e-mail in lower case: hexadecimal digits."""
        salt = self.salt.get_secret_value() if self.salt is not None else ""
        return new(self.hash, f"{salt}{contact.lower()}".encode(), usedforsecurity=False).hexdigest()

    def alike(self, other: "Hashed") -> bool:
        """Whether one's hash of a contact is the other's."""
        return (self.hash, self.salt) == (other.hash, other.salt)
