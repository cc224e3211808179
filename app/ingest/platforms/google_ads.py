"""Leads of Google Ads lead forms, as their webhook posts them."""

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec
from pydantic import Field, SecretStr

from app.core.registry import Settings
from app.ingest.body import listed, no_fields
from app.ingest.objects import record_of
from app.ingest.platform import Asked, Platform, Taken, Unreadable, platforms
from app.ingest.proofs import refuse, same
from app.ingest.webhook import json_in
from app.model import Raw, Record

_CLEARER = {"PHONE_NUMBER": "phone", "REGION": "state", "gcl_id": "gclid"}
_ENCODE = msgspec.json.Encoder().encode


class GoogleAdsSettings(Settings):
    key: SecretStr = Field(
        min_length=8, description="The webhook key that you enter at the lead form; any text of your own."
    )


@platforms.register
class GoogleAds(Platform):
    """At the lead form asset open *Lead delivery option → Webhook integration*; enter the address as
    *Webhook URL* and the key of your choice as *Key*, then press *Send test data*: it comes as a test lead.

    Column ids come in lower case (`FULL_NAME` as `full_name`), `PHONE_NUMBER` as `phone`, `REGION` as
    `state`; questions of your own under their text or id. The key is taken out before anything is stored.
    """

    name = "google_ads"
    settings = GoogleAdsSettings
    examples: ClassVar = (
        (
            Asked(
                headers={"content-type": "application/json"},
                body=b'{"lead_id":"7","user_column_data":[{"string_value":"ann@example.com","column_id":"EMAIL"}]'
                b',"google_key":"example-key","form_id":12}',
            ),
            {"key": "example-key"},
            Taken(
                keep=b'{"lead_id":"7","user_column_data":[{"string_value":"ann@example.com","column_id":"EMAIL"}]'
                b',"form_id":12}',
                identity="7",
            ),
        ),
    )
    bodies: ClassVar = (
        (
            b'{"lead_id":"7","user_column_data":[{"column_name":"User Phone","string_value":"+15125550100",'
            b'"column_id":"PHONE_NUMBER"},{"string_value":"yes","column_name":"Do you own it?"}],"form_id":12}',
            [{"phone": "+15125550100", "Do you own it?": "yes", "lead_id": "7", "form_id": 12}],
        ),
    )

    def take(self, asked: Asked, settings: GoogleAdsSettings, now: float) -> Taken:
        data = _posted(asked.body)
        key = data.pop("google_key", "")
        if not isinstance(key, str) or not same(key, settings.key.get_secret_value()):
            refuse("google_key is not the key of this source; enter that key at the lead form, too")
        test = data.get("is_test") is True
        lead = data.get("lead_id")
        known = type(lead) in (str, int) and not test  # every test of Google's has the same id
        return Taken(keep=_ENCODE(data), identity=str(lead) if known else "", test=test)

    def read(self, body: bytes, content_type: str) -> list[Record]:
        data = _posted(body)
        columns = data.pop("user_column_data", [])
        if not isinstance(columns, list):
            raise Unreadable("it is a list of columns", code="shape", where="user_column_data")
        pairs = [_column(i, column) for i, column in enumerate(columns)]
        if not pairs:
            raise no_fields("user_column_data")
        about = record_of(data, None, b"\\u0000" in body) if data else {}
        answers = record_of(listed(pairs), None, b"\\u0000" in body)
        return [{**{_CLEARER.get(name, name): raw for name, raw in about.items()}, **answers}]


def _posted(body: bytes) -> dict[str, Any]:
    data = json_in(body)
    if not isinstance(data, dict):
        raise Unreadable("a lead is an object", code="shape")
    return data


def _column(index: int, column: Any) -> tuple[str, Raw]:
    where = f"user_column_data.{index}"
    if not isinstance(column, Mapping):
        raise Unreadable("a column is an object", code="shape", where=where)
    name = column.get("column_id") or column.get("column_name")
    value = column.get("string_value")
    if not isinstance(name, str) or isinstance(value, dict | list):
        raise Unreadable("a column has a column_id and a string_value", code="shape", where=where)
    return _CLEARER.get(name) or (name.lower() if name.isupper() else name), value
