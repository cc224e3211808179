"""A lead as a file of its own, or one with others: what it is called and what is in it.

Its name is the delivery's, or the bundle's: another one for each, and the same at each try, so that a try overwrites what
the one before has left and nothing else. Both are looked at when the settings are saved. No datum of the person is in it
unless the contract writes one there.
"""

import gzip
import io
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal
from uuid import UUID
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from msgspec.structs import replace
from pydantic import Field, PrivateAttr, model_validator

from app.core.duration import Duration
from app.distribute import adf, bodies
from app.distribute.acknowledging import AcknowledgeByFile
from app.distribute.adapter import Handover
from app.distribute.batching import Bundle, File, Gathering, Laid, alone
from app.distribute.many import CONTENT_TYPES, Many
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
_BUNDLE = Bundle(id=_A.delivery_id, contract=_A.contract, campaign=_A.campaign, at=_A.at)
_BUNDLES = (_BUNDLE, replace(_BUNDLE, id=_ANOTHER.delivery_id), replace(_BUNDLE, at=_AGAIN.at))


_SEEN = ("bundle", "contract", "campaign", "day", "time")


class FileSettings(Gathering):
    """What every adapter is told of its files; each adds where they go."""

    file: str | None = Field(
        None,
        description="Template of the name, over `lead`, `delivery_id`, `lead_id`, `day`, …; with `batch` over"
        " `bundle`, `contract`, `campaign`, `day`, `time`.",
    )
    body: Literal["csv", "json", "ndjson", "xml", "adf"] = Field("csv", description="`ndjson` with `batch`.")
    fields: Mapping[str, bodies.Filling] | None = Field(None, description="Their name → what fills it.")
    header: bool = Field(True, description="A CSV begins with the names of its columns.")
    template: str | None = Field(None, description="The whole file, instead of fields.")
    envelope: str = Field("lead", description="The root element of an XML file; dots nest.")
    zip: bool = Field(False, description="Packed, by itself, as NAME.zip.")
    gzip: bool = Field(False, description="Packed, as NAME.gz.")
    test: Mapping[str, Scalar] | None = Field(None, description="Fields that only test deliveries carry.")

    acknowledge: AcknowledgeByFile | None = Field(
        None, description="The buyer's own file, in which he says what he took."
    )
    proof: Literal["filed", "confirmed", "acknowledged"] = Field(
        "filed",
        description="Sold when the file is there, when the buyer confirms the delivery, or when his own file says so.",
    )
    timeout: Duration | None = Field(None, description="For all of it; at most 90s.")

    _write: bodies.Write = PrivateAttr()
    _many: Many | None = PrivateAttr(None)
    _name: Template = PrivateAttr()

    @model_validator(mode="after")
    def _compiled(self) -> "FileSettings":
        whole = self.body in ("json", "ndjson", "xml")
        if self.template is not None and (self.fields is not None or self.test or not whole):
            raise ValueError("a template writes a whole JSON or XML file, without fields and test")
        if self.test and self.body == "adf":
            raise ValueError("an ADF has no place for the fields under test")
        if not self.header and (self.body != "csv" or self.fields is None):
            raise ValueError("header: false is for a CSV whose columns stand under fields")
        if self.timeout is not None and not 0 < self.timeout.seconds <= 90:
            raise ValueError("timeout is more than 0 and at most 90s")
        if (self.proof == "acknowledged") != (self.acknowledge is not None):
            raise ValueError("acknowledge and proof: acknowledged go together")
        self._fit_names()
        self._compile()
        if self.zip and self.gzip:
            raise ValueError("a file is packed once: zip, or gzip")
        self._name = Template(self._named(), "plain")
        self._fit_file()
        return self

    def written(self, handover: Handover) -> File:
        """Raises TemplateFailed."""
        if self.batch is not None:
            return self._alone(handover)
        return self._packed(self.called(handover), self._write(handover), day_of(handover))

    def laid(self, bundle: Bundle, handovers: Sequence[Handover]) -> Laid:
        assert self._many is not None
        body, spoilt = self._many.write(handovers)
        return Laid(self._packed(self.name_of(bundle), body, bundle.made), spoilt)

    def called(self, handover: Handover) -> str:
        """Its name, of letters, digits and `._-`; what else a value has becomes `_`. Raises TemplateFailed."""
        return self._clean(
            self._name.render({**bodies.seen(handover), "day": f"{day_of(handover):%Y-%m-%d}"})
        )

    def name_of(self, bundle: Bundle) -> str:
        """Likewise, of many. Raises TemplateFailed."""
        assert self.batch is not None
        made = self.batch.wall(bundle.made)
        told = (bundle.id, bundle.contract, bundle.campaign, f"{made:%Y-%m-%d}", f"{made:%H%M%S}")
        return self._clean(self._name.render(dict(zip(_SEEN, map(str, told), strict=True))))

    def _named(self) -> str:
        """What is packed says so by its name."""
        id_ = "delivery_id" if self.batch is None else "bundle"
        name = self.file or f"{{{{ {id_} }}}}.{'zip' if self.zip else self.body}"
        ending = ".zip" if self.zip else ".gz" if self.gzip else ""
        return name if name.endswith(ending) else name + ending

    def _alone(self, handover: Handover) -> File:
        """One that is shown before it has a bundle."""
        laid = self.laid(alone(handover), [handover])
        if laid.spoilt:
            raise TemplateFailed(laid.spoilt[handover.delivery_id])
        return laid.file

    def _packed(self, name: str, body: bytes, made: datetime) -> File:
        if self.zip:
            return File(name, _zipped(name, self.body, body, made), "application/zip")
        if self.gzip:
            return File(name, gzip.compress(body, mtime=0), "application/gzip")
        return File(name, body, CONTENT_TYPES[self.body])

    def _clean(self, text: str) -> str:
        parts = text.split("/") if self.nests() else [text]
        name = "/".join(re.sub(r"^\.", "_", _UNFIT.sub("_", part)) for part in parts)
        if len(name) > LONGEST_NAME:
            raise TemplateFailed("too_long_a_name")
        return name

    @classmethod
    def nests(cls) -> bool:
        """Whether a name may lead through folders that nobody has to make."""
        return False

    def _compile(self) -> None:
        tests: Mapping[str, Scalar] = self.test or ({"test": True} if self.fields is None else {})
        if self.batch is not None:
            self._many = Many(
                self.body, self.fields, tests=tests, header=self.header, envelope=self.envelope,
                template=self.template,
            )  # fmt: skip
        elif self.body == "ndjson":
            raise ValueError("ndjson is a file of many leads: it needs batch")
        elif self.body == "adf":
            self._write = adf.Adf(self.fields).write
        elif self.template is not None and self.body != "csv":
            self._write = bodies.from_template(self.template, self.body)
        else:
            self._write = bodies.from_fields(
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
            if self.batch is not None:
                name, other, again = map(self.name_of, _BUNDLES)
            else:
                name, other, again = map(self.called, (_A, _ANOTHER, _AGAIN))
        except TemplateFailed as failed:
            raise ValueError(f"file can't be made of a lead without values: {failed}") from None
        if name == other and self.batch is not None:
            raise ValueError("file is the same for two bundles; it needs the whole bundle (its id)")
        if name == other:
            raise ValueError("file is the same for two leads; it needs the whole delivery_id or lead_id")
        told = self.acknowledge
        if told is not None and self.batch is None and told.of_many:
            raise ValueError("a row, or a rest, is of a file of many: it needs batch")
        if told is not None and told.folder is None and told.answers(name) is not None:
            raise ValueError("acknowledge: name is what our own files are called, in the same folder")
        if name != again:
            raise ValueError("file is another one at the next try; use day, and no sent_at or attempt")


def day_of(handover: Handover) -> datetime:
    """When the delivery was made, UTC: what its id says. Unlike `sent_at` the same at each try."""
    made = handover.delivery_id
    return datetime.fromtimestamp((made.int >> 80) / 1000, UTC) if made.version == 7 else handover.at


def there(name: str, to: FileSettings) -> Outcome:
    """The outcome when the file is where it should be."""
    if to.proof == "acknowledged":
        return Unclear(
            reason="awaits_confirmation", read="the file is there; the buyer's own file is to say so"
        )
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
