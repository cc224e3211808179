"""Meta Lead Ads (Facebook, Instagram): signed webhooks that name leads, which are fetched by the Graph API."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar
from urllib.parse import quote

import msgspec
from msgspec import Struct
from pydantic import Field, SecretStr, StringConstraints

from app.core.registry import Settings
from app.ingest.api import ApiUrl, after_of, object_of, refuse_unless_ok
from app.ingest.body import no_fields
from app.ingest.platform import (
    Asked,
    Fetching,
    Get,
    Got,
    Later,
    Page,
    Platform,
    Polling,
    Said,
    Taken,
    Unreadable,
    platforms,
)
from app.ingest.proofs import hex_sha256, refuse, same
from app.ingest.webhook import flat, json_in, shaped
from app.model import Record

Word = Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,60}$")]
Number = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,32}$")]

_CHALLENGE = re.compile(r"[A-Za-z0-9_.-]{1,200}")
_LEAD = re.compile(r"[0-9]{1,32}")
_FIELDS = ("created_time", "id", "ad_id", "form_id", "field_data")
_PAGE = 100
_LIMITED = frozenset(
    (4, 17, 32, 341, 613, *range(80_000, 80_015))
)  # of the app, the user, the page, the form
_DENIED = frozenset((10, 102, 190, 200, 294, 299))
_DUMMY = "<test lead: dummy data"


class MetaSettings(Settings):
    verify_token: SecretStr = Field(min_length=8, description="Any text of your own, entered at the webhook.")
    app_secret: SecretStr = Field(min_length=8, description="The app's secret, which signs each webhook.")
    access_token: SecretStr = Field(
        min_length=8, description="A long-lived token of the page, to fetch leads."
    )
    forms: tuple[Number, ...] = Field(
        (), description="Ids of forms that are looked through for leads whose webhook never came."
    )
    fields: tuple[Word, ...] = Field(
        (), description="What else to fetch of a lead, as campaign_name; the token must be allowed to."
    )
    version: str = Field("v25.0", pattern=r"^v[0-9]{1,3}\.[0-9]$", description="Of the Graph API.")
    api: ApiUrl = "https://graph.facebook.com"


class _Change(Struct):
    field: str = ""
    value: dict[str, Any] = {}


class _Entry(Struct):
    changes: list[_Change] = []


class _Webhook(Struct):
    entry: list[_Entry]


class _Answer(Struct):
    name: str
    values: list[Any] = []


class _Lead(Struct):
    field_data: list[_Answer]


_WEBHOOK = msgspec.json.Decoder(_Webhook)
_ANSWERS = msgspec.json.Decoder(_Lead)


@platforms.register
class Meta(Platform):
    """In the app's *Webhooks* choose *Page*, enter the address as *Callback URL* and the verify token, and
    subscribe to `leadgen`; install the app on the page and give it access in *Leads Access Manager*.

    A webhook only names leads: each is fetched with the access token (permission `leads_retrieval`), tried
    again for eight days. Webhooks stop silently when a permission is lost: name the `forms`, and what was
    missed is found within a quarter of an hour. Answers have the names of the form (`full_name`, `email`,
    `phone_number`), beside them stand `lead_id`, `form_id`, `ad_id`, `created_time`.
    """

    name = "meta"
    methods = ("GET", "POST")
    settings = MetaSettings
    examples: ClassVar = (
        (
            Asked(
                method="GET",
                query=(
                    ("hub.mode", "subscribe"),
                    ("hub.verify_token", "example-token"),
                    ("hub.challenge", "1158201444"),
                ),
            ),
            {
                "verify_token": "example-token",
                "app_secret": "example-secret",
                "access_token": "example-access",
                "forms": ["12312312312"],
            },
            Said(b"1158201444"),
        ),
        (
            Asked(
                headers={
                    "x-hub-signature-256": "sha256=1de62d08bc81289402c7d45db13b23be06b40894df978e9381a6d6c2847cc700"
                },
                body=b'{"object":"page","entry":[{"id":"153125381133","time":1438292065,"changes":[{"field":"leadgen",'
                b'"value":{"leadgen_id":123123123123,"page_id":123123123,"form_id":12312312312}}]}]}',
            ),
            {
                "verify_token": "example-token",
                "app_secret": "example-secret",
                "access_token": "example-access",
            },
            Taken(fetch=("123123123123",)),
        ),
    )
    bodies: ClassVar = (
        (
            b'{"created_time":"2015-02-28T08:49:14+0000","id":"123123123123","form_id":"12312312312","field_data":'
            b'[{"name":"car_make","values":["Honda","Kia"]},{"name":"full_name","values":["Joe Example"]}]}',
            [
                {
                    "car_make": "Honda",
                    "car_make.0": "Honda",
                    "car_make.1": "Kia",
                    "full_name": "Joe Example",
                    "created_time": "2015-02-28T08:49:14+0000",
                    "lead_id": "123123123123",
                    "form_id": "12312312312",
                }
            ],
        ),
    )

    def take(self, asked: Asked, settings: MetaSettings, now: float) -> Said | Taken:
        if asked.method == "GET":
            return _challenged(dict(asked.query), settings)
        signature = "sha256=" + hex_sha256(settings.app_secret.get_secret_value(), asked.body)
        if not same(asked.headers.get("x-hub-signature-256", ""), signature):
            refuse("X-Hub-Signature-256 is not of this body and the source's app_secret")
        leads = tuple(dict.fromkeys(_named(shaped(asked.body, _WEBHOOK))))
        return Taken(fetch=leads) if leads else Said(b"no lead; nothing was kept")

    def read(self, body: bytes, content_type: str) -> list[Record]:
        answers = shaped(body, _ANSWERS).field_data
        if not answers:
            raise no_fields("field_data")
        found = flat((one.name, one.values) for one in answers)
        lead = json_in(body)
        del lead["field_data"]
        about = flat(("lead_id" if name == "id" else name, value) for name, value in lead.items())
        return [found | {name: raw for name, raw in about.items() if name not in found}]

    def is_test(self, body: bytes) -> bool:
        return _DUMMY.encode() in body

    def fetching(self, lead: str, settings: MetaSettings) -> Fetching:
        fields = ",".join(dict.fromkeys((*_FIELDS, *settings.fields)))
        got = yield _get(settings, f"{lead}?fields={fields}")
        _refuse_error(got)
        object_of(got)
        return got.body

    def polled(self, settings: MetaSettings) -> tuple[str, ...]:
        return settings.forms

    def polling(self, what: str, since: float, cursor: str, settings: MetaSettings) -> Polling:
        later = f'[{{"field":"time_created","operator":"GREATER_THAN","value":{int(since)}}}]'
        query = f"fields=id&limit={_PAGE}&filtering={quote(later, safe='')}"
        got = yield _get(
            settings, f"{what}/leads?{query}" + (f"&after={quote(cursor, safe='')}" if cursor else "")
        )
        _refuse_error(got)
        found = object_of(got)
        listed, paging = found.get("data"), found.get("paging")
        if type(listed) is not list:
            raise Later("garbled")
        ids = [str(one.get("id")) for one in listed if type(one) is dict]
        more = paging if type(paging) is dict and paging.get("next") else {}
        after = (more.get("cursors") or {}).get("after", "")
        return Page([one for one in ids if _LEAD.fullmatch(one)], after if isinstance(after, str) else "")


def _challenged(query: Mapping[str, str], settings: MetaSettings) -> Said:
    if not same(query.get("hub.verify_token", ""), settings.verify_token.get_secret_value()):
        refuse("hub.verify_token is not the verify_token of this source")
    challenge = query.get("hub.challenge", "")
    if query.get("hub.mode") != "subscribe" or not _CHALLENGE.fullmatch(challenge):
        raise Unreadable("it is no subscription's challenge", code="shape", where="hub.challenge")
    return Said(challenge.encode())


def _named(webhook: _Webhook) -> Iterator[str]:
    for i, entry in enumerate(webhook.entry):
        for j, change in enumerate(entry.changes):
            if change.field != "leadgen":
                continue
            lead = change.value.get("leadgen_id")
            if type(lead) not in (int, str) or not _LEAD.fullmatch(str(lead)):
                where = f"entry.{i}.changes.{j}.value.leadgen_id"
                raise Unreadable("a lead's id is a number", code="shape", where=where)
            yield str(lead)


def _get(settings: MetaSettings, path: str) -> Get:
    token = settings.access_token.get_secret_value()
    return Get(
        url=f"{settings.api}/{settings.version}/{path}",
        headers={"authorization": f"Bearer {token}", "accept": "application/json"},
        secrets=(token,),
    )


def _refuse_error(got: Got) -> None:
    """Graph says by a code what its status does not. That a lead is gone it says as it says that a permission
    is: so nothing is given up but after many tries."""
    if got.status == 200:
        return
    code = _code(got)
    if code in _LIMITED:
        raise Later("limited", after_of(got) or _regained(got) or 300.0)
    if code in _DENIED:
        raise Later("denied")
    refuse_unless_ok(got)


def _code(got: Got) -> int:
    try:
        error = json_in(got.body)["error"]["code"]
    except (Unreadable, KeyError, TypeError, IndexError):
        return 0
    return error if type(error) is int else 0


def _regained(got: Got) -> float | None:
    """Minutes until the limit is over, as the header of the page's own use says."""
    try:
        used = json_in(got.headers.get("x-business-use-case-usage", "").encode())
        waits = [one["estimated_time_to_regain_access"] for uses in used.values() for one in uses]
        return 60.0 * max(waits) or None
    except (Unreadable, KeyError, TypeError, ValueError, AttributeError):
        return None
