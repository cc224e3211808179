"""TikTok lead generation, in the two shapes that integrators report (unverified)."""

from typing import Any, ClassVar

from pydantic import Field

from app.core.registry import Settings
from app.ingest.body import no_fields
from app.ingest.format import MOST_RECORDS, Unreadable
from app.ingest.platform import Asked, Platform, Said, Taken, platforms
from app.ingest.webhook import Token, digest, flat, json_in, kept, refuse_unless_told, without
from app.model import Record

_LISTS = ("changes", "field_data", "field_list")
_IDS = ("lead_id", "leadgen_id", "id")
_EXAMPLE = (
    b'{"object":"LEAD","entry":[{"id":"7012345678901234567","page_id":"701","create_time":1700000000,'
    b'"changes":[{"field":"email","value":"ann@example.com"},{"field":"name","value":"Ann Lee"}]}]}'
)


class TiktokSettings(Settings):
    token: Token = Field(description="Stands in the callback's address as ?token=.")


@platforms.register
class Tiktok(Platform):
    """Leads of forms in ads, proved by a token in the callback's address. Unverified.

    Read as integrators report it, not as TikTok documents it: send yourself a test lead first.
    Subscribe the address with `?token=…` to the entity `LEAD`. TikTok signs nothing: the proof is as strong
    as that address is secret. Leads from before the subscription are not pushed.

    A lead per `entry[]`, its `changes[{field,value}]` under their fields; or one whose
    `field_data[{field_name,field_value}]` stand likewise. Ids (`lead_id`, `page_id`, …) keep their names.
    """

    name = "tiktok"
    settings = TiktokSettings
    examples = (
        (
            Asked(
                query=(("token", "example-token-0001"),),
                headers={"content-type": "application/json"},
                body=_EXAMPLE,
            ),
            {"token": "example-token-0001"},
            Taken(keep=_EXAMPLE, identity="7012345678901234567"),
        ),
    )
    bodies: ClassVar[Any] = (
        (
            _EXAMPLE,
            [
                {
                    "email": "ann@example.com",
                    "name": "Ann Lee",
                    "id": "7012345678901234567",
                    "page_id": "701",
                    "create_time": 1700000000,
                }
            ],
        ),
        (
            b'{"lead_id":"702","field_data":[{"field_name":"email","field_value":"ann@example.com"}]}',
            [{"email": "ann@example.com", "lead_id": "702"}],
        ),
    )

    def take(self, asked: Asked, settings: TiktokSettings, now: float) -> Said | Taken:
        refuse_unless_told(settings.token, asked)
        body = without(kept(asked), settings.token)
        try:
            entries = _entries(json_in(body))
        except Unreadable:
            return Taken(keep=body)  # the door says why, and keeps what it refuses
        if not entries:
            return Said(b"no lead; nothing was kept")
        ids = [_id(entry) for entry in entries]
        return Taken(keep=body, identity=",".join(ids) if all(ids) else digest(body, now))

    def read(self, body: bytes, content_type: str) -> list[Record]:
        entries = _entries(json_in(body))
        if not entries:
            raise no_fields()
        return [_record(entry, i) for i, entry in enumerate(entries)]


def _entries(data: Any) -> list[dict[str, Any]]:
    """What has fields: each of `entry`, else the object itself or what it wraps."""
    if type(data) is not dict:
        raise Unreadable("a webhook is an object", code="shape")
    entries = data.get("entry")
    if type(entries) is not list:
        wrapped = data.get("lead_data", data.get("data"))
        entries = [wrapped if type(wrapped) is dict and _listed(wrapped) else data]
    if len(entries) > MOST_RECORDS:
        raise Unreadable(f"more than {MOST_RECORDS} leads in one body", code="records")
    return [entry for entry in entries if type(entry) is dict and _listed(entry)]


def _listed(entry: dict[str, Any]) -> list[Any]:
    return next((entry[name] for name in _LISTS if type(entry.get(name)) is list), [])


def _id(entry: dict[str, Any]) -> str:
    return next((str(entry[name]) for name in _IDS if type(entry.get(name)) in (str, int)), "")


def _record(entry: dict[str, Any], index: int) -> Record:
    """An answer's value may itself be an object: its members are then fields of their own."""
    pairs: list[tuple[str, Any]] = []
    for i, one in enumerate(_listed(entry)):
        found = one if type(one) is dict else {}
        name = found.get("field", found.get("field_name", found.get("name")))
        value = found.get("value", found.get("field_value", found.get("values")))
        if not isinstance(name, str):
            raise Unreadable("a field has no name", code="shape", where=f"entry.{index}.{i}")
        pairs += value.items() if type(value) is dict else [(name, value)]
    answered = {name for name, _ in pairs}
    beside = [(name, v) for name, v in entry.items() if name not in _LISTS and name not in answered]
    return flat([*pairs, *beside])
