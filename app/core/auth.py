"""How we prove ourselves to whom a component asks by HTTP: by name and password, or by a token."""

from base64 import b64encode

from pydantic import SecretStr, model_validator

from app.core.registry import Settings


class Basic(Settings):
    user: str
    password: SecretStr


class Auth(Settings):
    """How the other end knows us: one of the two."""

    basic: Basic | None = None
    bearer: SecretStr | None = None

    @model_validator(mode="after")
    def _one(self) -> "Auth":
        if (self.basic is None) == (self.bearer is None):
            raise ValueError("auth is either basic or bearer")
        return self

    @property
    def secret(self) -> SecretStr:
        found = self.bearer if self.basic is None else self.basic.password
        assert found is not None, "one of them is there"
        return found

    def header(self) -> str:
        """The value of `Authorization`."""
        if self.basic is None:
            return f"Bearer {self.secret.get_secret_value()}"
        pair = f"{self.basic.user}:{self.secret.get_secret_value()}"
        return f"Basic {b64encode(pair.encode()).decode()}"
