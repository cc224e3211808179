"""Components for the tests of this room: settings models of the usual shapes, none of the real ones."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from app.catalog.documents import FieldName
from app.catalog.kinds import Kinds
from app.core.duration import Duration
from app.core.expressions import Expression
from app.core.registry import Settings


class Plain(Settings):
    pass


class Number(Settings):
    min: float | None = None
    max: float | None = None


class Located(Settings):
    country: str = Field("US", pattern="^[A-Z]{2}$")


class Choice(Settings):
    options: tuple[str, ...] = ()


class Duplicate(Settings):
    on: tuple[FieldName | tuple[FieldName, ...], ...] = Field(min_length=1)
    within: Duration = Duration("30d")
    action: Literal["flag", "hold", "reject"] = "reject"


class Basic(Settings):
    scheme: Literal["basic"]
    user: str
    password: SecretStr


class Bearer(Settings):
    scheme: Literal["bearer"]
    token: SecretStr


class Webhook(Settings):
    url: str
    body: Literal["json", "form", "xml"] = "json"
    auth: Annotated[Basic | Bearer, Field(discriminator="scheme")] | None = None
    sign_with: tuple[SecretStr, ...] = ()
    headers: Mapping[str, str] = {}
    secret_headers: Mapping[str, SecretStr] = {}
    accepted: Expression | None = None
    fields: Mapping[str, Expression] = {}


class Feed(Settings):
    url: str
    every: Duration = Duration("5m")
    password: SecretStr | None = None


class Ads(Settings):
    key: SecretStr
    version: int = 1


class Sheet(Settings):
    columns: tuple[str, ...] = ()


KINDS = Kinds(
    fieldtypes={
        "text": Plain, "name": Plain, "email": Plain, "phone": Located, "state": Located,
        "number": Number, "choice": Choice,
    },
    checks={"duplicate": Duplicate, "field": Plain},
    adapters={"webhook": Webhook, "sheet": Sheet},
    channels={"feed": Feed},
    platforms={"ads": Ads, "forms": Ads},
)  # fmt: skip
