"""A lead as a file of its own: what it is called and what is in it.

Its name is the delivery's: another one for each delivery, and the same at each try, so that a try overwrites what the one
before has left and nothing else. Both are looked at when the settings are saved. No datum of the person is in it unless
the contract writes one there.
"""

import io
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal
from uuid import UUID
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from msgspec import Struct
from msgspec.structs import replace
from pydantic import Field, PrivateAttr, model_validator

from app.core.duration import Duration
from app.core.registry import Settings
from app.distribute import adf, bodies
from app.distribute.adapter import Handover
from app.distribute.templates import Template, TemplateFailed
from app.model import Accepted, Outcome, Scalar, Unclear

LONGEST_NAME = 200
_BRACES = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_UNFIT = re.compile(r"[^A-Za-z0-9._-]")
_A = Handover(
    delivery_id=UUID("019a9f3e-7c41-7d0a-b2f6-5c1e8a40d9b0"),
    lead_id=UUID("019a9f3e-7b90-7d0a-b2f6-5c1e41f6b2d0"),
    contract="contract",
    campaign="campaign",
    source="source",
    price=Decimal(1),
    lead={},
    at=datetime(2026, 1, 31, 23, 59, tzinfo=UTC),
)
_ANOTHER = replace(_A, delivery_id=UUID(int=_A.delivery_id.int + 1), lead_id=UUID(int=_A.lead_id.int + 1))
_AGAIN = replace(_A, at=_A.at + timedelta(days=1), attempt=2)


class File(Struct, frozen=True):
    name: str
    body: bytes
    content_type: str


class FileSettings(Settings):
    """What every adapter is told of its files; each adds where they go."""

    file: str | None = Field(
        None, description="Template of the name, over `lead`, `delivery_id`, `lead_id`, `day`, …"
    )
    body: Literal["csv", "json", "xml", "adf"] = "csv"
    fields: Mapping[str, bodies.Filling] | None = Field(None, description="Their name → what fills it.")
    header: bool = Field(True, description="A CSV begins with the names of its columns.")
    template: str | None = Field(None, description="The whole file, instead of fields.")
    envelope: str = Field("lead", description="The root element of an XML file; dots nest.")
    zip: bool = Field(False, description="Packed, by itself.")
    test: Mapping[str, Scalar] | None = Field(None, description="Fields that only test deliveries carry.")

    proof: Literal["filed", "confirmed"] = Field(
        "filed", description="Sold when the file is there, or when the buyer confirms the delivery."
    )
    timeout: Duration | None = Field(None, description="For all of it; at most 90s.")

    _write: bodies.Write = PrivateAttr()
    _name: Template = PrivateAttr()

    @model_validator(mode="after")
    def _compiled(self) -> "FileSettings":
        whole = self.body in ("json", "xml")
        if self.template is not None and (self.fields is not None or self.test or not whole):
            raise ValueError("a template writes a whole JSON or XML file, without fields and test")
        if self.test and self.body == "adf":
            raise ValueError("an ADF has no place for the fields under test")
        if not self.header and (self.body != "csv" or self.fields is None):
            raise ValueError("header: false is for a CSV whose columns stand under fields")
        if self.timeout is not None and not 0 < self.timeout.seconds <= 90:
            raise ValueError("timeout is more than 0 and at most 90s")
        self._fit_names()
        self._write = self._writer()
        ending = "zip" if self.zip else self.body
        self._name = Template(self.file or f"{{{{ delivery_id }}}}.{ending}", "plain")
        self._fit_file()
        return self

    def written(self, handover: Handover) -> File:
        """Raises TemplateFailed."""
        name, body = self.called(handover), self._write(handover)
        if not self.zip:
            return File(
                name, body, adf.CONTENT_TYPE if self.body == "adf" else bodies.CONTENT_TYPES[self.body]
            )
        return File(name, _zipped(name, self.body, body, day_of(handover)), "application/zip")

    def called(self, handover: Handover) -> str:
        """Its name, of letters, digits and `._-`; what else a value has becomes `_`. Raises TemplateFailed."""
        seen = {**bodies.seen(handover), "day": f"{day_of(handover):%Y-%m-%d}"}
        parts = self._name.render(seen).split("/") if self.nests() else [self._name.render(seen)]
        name = "/".join(re.sub(r"^\.", "_", _UNFIT.sub("_", part)) for part in parts)
        if len(name) > LONGEST_NAME:
            raise TemplateFailed("too_long_a_name")
        return name

    @classmethod
    def nests(cls) -> bool:
        """Whether a name may lead through folders that nobody has to make."""
        return False

    def _writer(self) -> bodies.Write:
        if self.body == "adf":
            return adf.Adf(self.fields).write
        if self.template is not None and self.body != "csv":
            return bodies.from_template(self.template, self.body)
        tests: Mapping[str, Scalar] = self.test or ({"test": True} if self.fields is None else {})
        return bodies.from_fields(
            self.fields, {}, tests, kind=self.body, envelope=self.envelope, header=self.header
        )

    def _fit_names(self) -> None:
        names = [*(self.fields or ()), *(self.test or ())]
        bodies.refuse_unfit(names if self.body != "adf" else (), self.body, envelope=self.envelope)

    def _fit_file(self) -> None:
        fixed = _BRACES.sub("x", self.file or "")
        if _UNFIT.search(fixed.replace("/", "") if self.nests() else fixed) or fixed.startswith(("/", ".")):
            raise ValueError("file is a name of letters, digits and ._-, and does not begin with a dot")
        try:
            name, other, again = (self.called(handover) for handover in (_A, _ANOTHER, _AGAIN))
        except TemplateFailed as failed:
            raise ValueError(f"file can't be made of a lead without values: {failed}") from None
        if name == other:
            raise ValueError("file is the same for two leads; it needs the whole delivery_id or lead_id")
        if name != again:
            raise ValueError("file is another one at the next try; use day, and no sent_at or attempt")


def day_of(handover: Handover) -> datetime:
    """When the delivery was made, UTC: what its id says. Unlike `sent_at` the same at each try."""
    made = handover.delivery_id
    return datetime.fromtimestamp((made.int >> 80) / 1000, UTC) if made.version == 7 else handover.at


def there(name: str, to: FileSettings) -> Outcome:
    """The outcome when the file is where it should be."""
    if to.proof == "confirmed":
        return Unclear(reason="awaits_confirmation", read="the file is there; the buyer is to confirm")
    return Accepted(reference=name, read="the file is there")


def _zipped(name: str, ending: str, body: bytes, made: datetime) -> bytes:
    """The same bytes each time."""
    stem = name.rpartition("/")[2].removesuffix(".zip")
    inside = stem if stem.endswith(f".{ending}") else f"{stem}.{ending}"
    packed = io.BytesIO()
    with ZipFile(packed, "w", ZIP_DEFLATED) as archive:
        archive.writestr(ZipInfo(inside, made.timetuple()[:6]), body, ZIP_DEFLATED)
    return packed.getvalue()
