"""Wufoo: the webhook of a form, its numbered fields also under their titles."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar
from urllib.parse import unquote_plus

from pydantic import Field, SecretStr

from app.core.registry import Settings
from app.ingest.body import LONGEST_NAME
from app.ingest.platform import Asked, Platform, Taken, platforms
from app.ingest.proofs import refuse, same
from app.ingest.webhook import digest, flat, glance, kept, object_in, record_in
from app.model import Record

_KEY = "HandshakeKey"
_BODY = (
    b"Field1=Ann&Field2=Lee&Field4=ann%40example.com&IP=192.0.2.7&EntryId=17"
    b"&FieldStructure=%7B%22Fields%22%3A%5B%7B%22Title%22%3A%22Name%22%2C%22ID%22%3A%22Field1%22%2C%22SubFields%22"
    b"%3A%5B%7B%22ID%22%3A%22Field1%22%2C%22Label%22%3A%22First%22%7D%2C%7B%22ID%22%3A%22Field2%22%2C%22Label%22%3A"
    b"%22Last%22%7D%5D%7D%2C%7B%22Title%22%3A%22Email%22%2C%22ID%22%3A%22Field4%22%7D%5D%7D"
    b"&FormStructure=%7B%22Name%22%3A%22Solar%22%2C%22Hash%22%3A%22m1x7%22%7D"
)


class WufooSettings(Settings):
    handshake_key: SecretStr = Field(
        min_length=8, description="The webhook's Handshake Key, as Wufoo has it."
    )


@platforms.register
class Wufoo(Platform):
    """A form's webhook, proved by its handshake key.

    At the form open *Notifications → Your Website → Webhook*; enter the address, a *WebHook Handshake Key* of
    your own, and tick *Include Field and Form Structures*. The key comes with every post and is taken out
    before anything is stored: a proof as strong as the key is secret; nothing is signed.

    Fields stand under their number (`Field4`) and, where the structure came, under their title (`Email`);
    parts of one under both (`Name.First`).
    """

    name = "wufoo"
    settings = WufooSettings
    examples = (
        (
            Asked(
                headers={"content-type": "application/x-www-form-urlencoded"},
                body=_BODY + b"&HandshakeKey=example-key",
            ),
            {"handshake_key": "example-key"},
            Taken(keep=_BODY, identity="m1x7:17"),
        ),
    )
    bodies: ClassVar[Any] = (
        (
            _BODY,
            [
                {
                    "Field1": "Ann",
                    "Field2": "Lee",
                    "Field4": "ann@example.com",
                    "IP": "192.0.2.7",
                    "EntryId": "17",
                    "Name.First": "Ann",
                    "Name.Last": "Lee",
                    "Email": "ann@example.com",
                    "form_name": "Solar",
                    "form_hash": "m1x7",
                }
            ],
        ),
    )

    def take(self, asked: Asked, settings: WufooSettings, now: float) -> Taken:
        body = kept(asked)
        key = record_in(body).get(_KEY)
        if not isinstance(key, str) or not same(key, settings.handshake_key.get_secret_value()):
            refuse("HandshakeKey is not the key of this source; enter that key at the webhook, too")
        body = b"&".join(pair for pair in body.split(b"&") if not _is_key(pair))
        record = glance(self, body)
        entry, form = record.get("EntryId"), record.get("form_hash", "")
        return Taken(keep=body, identity=f"{form}:{entry}" if entry else digest(body, now))

    def read(self, body: bytes, content_type: str) -> list[Record]:
        record = record_in(body)
        fields, form = record.pop("FieldStructure", None), record.pop("FormStructure", None)
        titled = _titled(object_in(fields, "FieldStructure"), record) if fields else ()
        about = object_in(form, "FormStructure") if form else {}
        named = (("form_name", about.get("Name")), ("form_hash", about.get("Hash")))
        return [flat([*record.items(), *titled, *(pair for pair in named if pair[1])])]


def _is_key(pair: bytes) -> bool:
    return unquote_plus(pair.partition(b"=")[0].strip().decode("latin-1")) == _KEY


def _titled(structure: Mapping[str, Any], record: Record) -> Iterator[tuple[str, Any]]:
    for field in _objects(structure.get("Fields")):
        title, parts = field.get("Title"), _objects(field.get("SubFields"))
        if not isinstance(title, str) or not 0 < len(title) <= LONGEST_NAME // 2:
            continue
        for part in parts or [field]:
            label = part.get("Label") if parts else None
            name = f"{title}.{label}" if isinstance(label, str) and label else title
            id = part.get("ID")
            if isinstance(id, str) and id in record and name not in record and len(name) <= LONGEST_NAME:
                yield name, record[id]


def _objects(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if type(one) is dict] if type(value) is list else []
