"""The OpenAPI of everything, the raw intake route included."""

from inspect import getmodule
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from msgspec import Struct

from app.api import keyless
from app.core.errors import Refused
from app.ingest.forced import RESULTS
from app.ingest.format import formats

SUMMARY = "Leads in, decided on, handed over, accounted for."
DESCRIPTION = """\
Sources post leads and look at their own; buyers confirm deliveries; monitoring reads `/metrics`.
A refused lead is a business answer (`201`, `outcome: failure`), not an HTTP error. Every error is
`application/problem+json` (RFC 9457) with a stable `code`; [what each means](/docs/problems)."""

_LEAD = {"first_name": "Ann", "email": "ann@example.com", "phone": "+14155550123", "state": "CA", "bill": 180}
_LEAD_XML = "<lead><first_name>Ann</first_name><email>ann@example.com</email></lead>"
_LEAD_FORM = "first_name=Ann&email=ann%40example.com&phone=%2B14155550123&state=CA&bill=180"
_SHOWN = (
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "application/xml",
    "text/xml",
)
_SUCCESS = {"outcome": "success", "lead": {"id": "01a20202-aefc-7ccb-9e6d-fd8cf1aed9d0"}, "price": "12.50"}
_FAILURE = {
    "outcome": "failure",
    "lead": {"id": "01a20202-b0f1-78ef-b670-e65ac63bbcc6"},
    "price": "0.00",
    "reason": "same phone as an earlier lead",
    "reasons": [{"code": "duplicate", "field": "phone", "message": "same phone as an earlier lead"}],
}
_PENDING = {
    "outcome": "pending",
    "lead": {"id": "01a20202-b0f1-78ef-b670-e65ac63bbcc6"},
    "state": "delivering",
    "status_url": "https://leads.example/v1/leads/01a20202-b0f1-78ef-b670-e65ac63bbcc6",
}
_PROBLEMS = {
    400: "The body can't be read: what is wrong, and where.",
    401: "No key, or none of ours; where a platform proves itself: no proof.",
    403: "That site may not ask here.",
    404: "There is no such thing, or it isn't yours: the same answer.",
    405: "This address takes another method.",
    408: "The body came too slowly.",
    409: "That contradicts what is already so.",
    413: "The body is too large.",
    415: "This content type is not taken here.",
    422: "Understood, but it can't be done so.",
    429: "Too many requests; `Retry-After` says when.",
    503: "Nothing was kept; send the same again after `Retry-After`.",
}
_OF_POST = (400, 401, 404, 408, 409, 413, 415, 422, 429, 503)
_OF_ROUTE = {
    ("/v1/leads/{id}", "get"): (401, 404, 503),
    ("/v1/ping", "post"): (400, 401, 404, 408, 413, 415, 422, 429, 503),
    ("/v1/batches", "post"): (400, 401, 404, 408, 413, 415, 422, 429, 503),
    ("/v1/batches", "get"): (401, 422, 503),
    ("/v1/batches/{id}", "get"): (401, 404, 503),
    ("/v1/batches/{id}/cancel", "post"): (401, 404, 409, 503),
    ("/v1/batches/{id}/errors", "get"): (401, 404, 503),
    ("/v1/leads/{id}", "patch"): (400, 401, 404, 408, 409, 413, 415, 422, 503),
    ("/v1/leads/{id}/reprocess", "post"): (401, 404, 409, 422, 503),
    ("/admin/v1/persons/export", "post"): (400, 401, 404, 408, 413, 422, 503),
    ("/admin/v1/persons/erase", "post"): (400, 401, 404, 408, 413, 422, 503),
    ("/admin/v1/persons/requests/{id}", "get"): (401, 404, 503),
    ("/v1/feedback", "post"): (400, 401, 404, 408, 413, 415, 422, 503),
    ("/admin/v1/returns", "get"): (401, 422, 503),
    ("/admin/v1/returns/{id}", "get"): (401, 404, 503),
    ("/admin/v1/returns/{id}/approve", "post"): (400, 401, 404, 408, 409, 413, 422, 503),
    ("/admin/v1/returns/{id}/deny", "post"): (400, 401, 404, 408, 409, 413, 422, 503),
    ("/admin/v1/lists", "get"): (401, 503),
    ("/admin/v1/lists/check", "post"): (400, 401, 408, 413, 422, 503),
    ("/admin/v1/lists/{id}/entries", "post"): (400, 401, 404, 408, 413, 422, 503),
    ("/admin/v1/route/explain", "post"): (400, 401, 404, 408, 413, 415, 422, 503),
    ("/admin/v1/leads/{id}/reprocess", "post"): (401, 404, 409, 422, 503),
    ("/admin/v1/money/balances", "get"): (401, 503),
    ("/admin/v1/money/entries", "post"): (400, 401, 404, 408, 413, 422, 503),
    ("/admin/v1/money/statements/{of}/{id}", "get"): (401, 404, 422, 503),
    ("/admin/v1/money/invoices/{buyer}", "get"): (401, 404, 422, 503),
    ("/admin/v1/money/profit", "get"): (401, 422, 503),
    ("/v1/spec", "get"): (401, 404, 422, 503),
    ("/v1/spec.json", "get"): (401, 404, 422, 503),
    ("/v1/pool", "get"): (401, 404, 422, 503),
    ("/v1/pool/claim", "post"): (400, 401, 404, 408, 409, 413, 422, 503),
    ("/v1/pool/renew", "post"): (400, 401, 404, 408, 409, 413, 422, 503),
    ("/v1/pool/release", "post"): (400, 401, 404, 408, 413, 422, 503),
    ("/v1/pool/close", "post"): (400, 401, 404, 408, 409, 413, 422, 503),
    ("/v1/deliveries/{id}/confirm", "post"): (400, 401, 404, 409, 413, 422, 503),
    ("/v1/deliveries/confirm", "post"): (400, 401, 404, 409, 413, 422, 503),
}


def describe(api: FastAPI) -> dict[str, Any]:
    """Made once. The raw route is described here, and held to it by the contract tests."""
    if api.openapi_schema is None:
        schema = get_openapi(
            title=api.title, version=api.version, summary=SUMMARY, description=DESCRIPTION, routes=api.routes
        )
        schema["paths"] = {"/v1/leads": {"post": _post()}, **schema["paths"], **keyless.paths(_problems)}
        schemas = schema.setdefault("components", {}).setdefault("schemas", {})
        schemas |= {"Answer": _ANSWER, "Problem": _PROBLEM, "Lead": _OPEN_LEAD}
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        schema["components"]["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer", "description": "A key of a source or a buyer."},
            "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        }
        for (path, method), statuses in _OF_ROUTE.items():
            operation = schema["paths"][path][method]
            operation["security"] = [{"bearer": []}, {"header": []}]
            operation["responses"].pop("422", None)
            operation["responses"] |= _problems(statuses)
        api.openapi_schema = schema
    return api.openapi_schema


def _problems(statuses: tuple[int, ...]) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {str(status): {"description": _PROBLEMS[status], "content": content} for status in statuses}


def _other_formats() -> dict[str, Any]:
    """Every further type that intake reads; a lead in one of these is written as docs/formats.md says."""
    return {
        kind: {"schema": {"type": "string", "description": _first_line(getmodule(type(one)).__doc__)}}
        for one in formats.discover()
        for kind in one.content_types
        if kind[0] != "+" and kind not in _SHOWN
    }


def _post() -> dict[str, Any]:
    answer = {"$ref": "#/components/schemas/Answer"}
    several = {
        "type": "object",
        "required": ["results"],
        "properties": {"results": {"type": "array", "items": answer}},
    }
    either = {"oneOf": [answer, several]}
    xml = {"application/xml": {"schema": {"type": "string"}}}
    lead = {"$ref": "#/components/schemas/Lead"}
    return {
        "tags": ["intake"],
        "summary": "Post one lead or several",
        "operationId": "post_leads",
        "description": (
            "Durable before it is answered. `201` is the outcome, `202` that it is still open: because the source "
            "asked for a receipt only, or its deadline passed. Names are yours, as the source's mapping says; "
            "nested names are joined by dots. `Accept: application/xml` answers in XML."
        ),
        "security": [{"bearer": []}, {"header": []}],
        "parameters": [
            {
                "name": "Idempotency-Key", "in": "header", "required": False,
                "schema": {"type": "string", "minLength": 1, "maxLength": 255},
                "description": "A repeat with the same key and body gets the first one's answer.",
            },
            {
                "name": "test", "in": "query", "required": False, "schema": {"type": "string", "enum": ["1", *RESULTS]},
                "description": (
                    "A test lead takes the real path; nothing of it is counted or owed. A result is forced: it is kept and "
                    "checked, then ends so, and no buyer is asked. The header `X-Leadgate-Test` says the same."
                ),
            },
            {
                "name": "partial", "in": "query", "required": False, "schema": {"type": "string", "enum": ["1", "true"]},
                "description": "Begin a lead: it is kept, nothing is checked or sold until it is completed. Answered 202.",
            },
            {
                "name": "completes", "in": "query", "required": False, "schema": {"type": "string", "format": "uuid"},
                "description": "The id of a lead that was begun: this body makes it whole, later values win.",
            },
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"oneOf": [lead, {"type": "array", "minItems": 1, "items": lead}]}, "example": _LEAD},
                "application/x-www-form-urlencoded": {"schema": lead, "example": _LEAD_FORM},
                "multipart/form-data": {"schema": lead},
                "application/xml": {"schema": {"type": "string"}, "example": _LEAD_XML},
                "text/xml": {"schema": {"type": "string"}, "example": _LEAD_XML},
                **_other_formats(),
            },
        },
        "responses": {
            "201": {
                "description": "The outcome.",
                "content": {
                    "application/json": {
                        "schema": either,
                        "examples": {"success": {"value": _SUCCESS}, "failure": {"value": _FAILURE}},
                    },
                    **xml,
                },
            },
            "202": {
                "description": "Kept; the outcome is still open.",
                "content": {"application/json": {"schema": either, "example": _PENDING}, **xml},
            },
            **_problems(_OF_POST),
        },
    }  # fmt: skip


_ANSWER: dict[str, Any] = {
    "type": "object",
    "required": ["outcome", "lead"],
    "properties": {
        "outcome": {"type": "string", "enum": ["success", "failure", "pending"]},
        "lead": {
            "type": "object",
            "required": ["id"],
            "properties": {"id": {"type": "string", "format": "uuid"}},
        },
        "price": {"type": "string", "description": "What is owed to the source, as an exact decimal."},
        "reason": {"type": "string"},
        "reasons": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["code", "field", "message"],
                "properties": {
                    "code": {"type": "string"},
                    "field": {"type": "string"},
                    "message": {"type": "string"},
                    "lead": {
                        "type": "string",
                        "format": "uuid",
                        "description": "Your own lead that this one repeats.",
                    },
                },
            },
        },
        "state": {"type": "string"},
        "status_url": {"type": "string"},
    },
}
_PROBLEM: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string", "description": "A page with cause and cure."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "Stable."},
        "where": {"type": "string", "description": "Position or path of what was wrong."},
    },
}
_OPEN_LEAD: dict[str, Any] = {
    "type": "object",
    "minProperties": 1,
    "additionalProperties": {"type": ["string", "number", "boolean", "null", "object", "array"]},
    "description": "Your names, as the source's mapping says.",
}


class Meaning(Struct, frozen=True):
    """What the page of problems says of one code."""

    status: int
    title: str
    text: str = ""


# Codes that say more than their class does; a test holds this to what the code raises.
_SPECIAL = {
    "boundary": (400, "The Content-Type of a multipart body names no boundary, or one that is none."),
    "charset": (400, "A charset that is not read here, or bytes that are not of the one that is named."),
    "columns": (400, "A row of a table has more cells than its header has names."),
    "depth": (400, "The body is nested too deeply."),
    "doctype": (400, "XML with a DOCTYPE; entities are never expanded, so leave it out."),
    "empty": (400, "There is no field in it."),
    "encrypted": (400, "The file is encrypted; send it without a password."),
    "fields": (400, "One lead has too many fields."),
    "header": (400, "The table's first row is no header: it must name the columns."),
    "name": (400, "A field's name is too long."),
    "nul": (400, "A NUL character stands in a value or a name."),
    "number": (
        400,
        "A number that JSON does not have (NaN, Infinity), or one beyond 64 bits: send it as text.",
    ),
    "redirect": (
        400,
        "The address to redirect to is none, or leads to a host that the source does not name.",
    ),
    "records": (400, "More leads in one body than are taken at once."),
    "sheet": (400, "The workbook has no sheet of that name."),
    "shape": (400, "One lead is an object, several are an array of objects."),
    "surrogate": (400, "Half of a character, which is no text."),
    "syntax": (400, "The body is not well-formed; `where` says from where on."),
    "truncated": (400, "The body ends too early."),
    "source_off": (404, "Your source is paused or not configured; ask whoever gave you the key."),
    "link_expired": (404, "This link to posting instructions is no longer good; ask for a new one."),
    "ended_otherwise": (409, "The delivery has ended, and not as you say."),
    "decided": (409, "The return was decided otherwise already."),
    "items": (413, "More than 10,000 items of feedback in one body; send several."),
    "ambiguous": (409, "Several deliveries have this reference; confirm each by its own id."),
    "unclear": (409, "The delivery may have arrived; say first what it was (`leadgate settle`)."),
    "taken": (409, "The delivery's lead went to another buyer since, or somebody else has claimed it."),
    "pool_empty": (404, "Nothing in the pool is offered to you now; look again later."),
    "no_such_person": (404, "The buyer has nobody of that name among its people."),
    "no_such_team": (404, "None of the buyer's people is in that team."),
    "not_offered": (409, "This lead of the pool is offered to another team, or you had it before."),
    "blind": (409, "Leads of this pool are not chosen: claim the next, without naming one."),
    "capacity": (409, "You have as many leads at once as you may; close or release one."),
    "quota": (409, "You have claimed as many leads in this period as you may; released ones count."),
    "not_renewed": (409, "A claim is renewed only so often; close the lead, or release it."),
    "paused": (409, "You are paused in the catalogue: the pool gives you nothing."),
    "cap": (409, "The contract's cap is full."),
    "no_entries": (422, "No line of the file is an entry of the list, which stays as it is."),
    "not_spoken": (422, "The dialect has this call, but only leads are taken here."),
    "sold": (409, "The lead is sold; what was handed over can't be corrected from here."),
    "under_way": (409, "The lead is not in our hands alone at this moment: ask again when that has ended."),
    "completed": (409, "The partial lead was completed already, with another body."),
    "too_late": (409, "The partial lead was not completed in time."),
    "moved": (409, "The source posts to another campaign by now."),
    "dropped": (409, "The bytes of this lead were dropped by retention."),
    "stopped": (409, "The person of this lead wants no more calls."),
    "contact_in_ping": (
        422,
        "A ping has a name, phone, e-mail or street in it; send facts, and contacts hashed.",
    ),
    "no_hash": (422, "A hash in a ping is none of the kind that was agreed on."),
    "ping_rate": (429, "Your source sends more pings in a minute than were agreed on."),
    "several": (422, "Several leads where one is meant."),
    "parts": (422, "One lead came in too many parts, or was corrected too often."),
    "rounds": (422, "One lead has gone too many rounds."),
    "idempotency_key_reused": (422, "This Idempotency-Key came before with another body."),
}


def meanings() -> dict[str, Meaning]:
    """Every problem code → what it means."""
    found = {code: Meaning(one.status, one.title, _first_line(one.__doc__)) for code, one in codes().items()}
    titles = {one.status: one.title for one in codes().values()}
    return found | {code: Meaning(status, titles[status], text) for code, (status, text) in _SPECIAL.items()}


def _first_line(text: str | None) -> str:
    return (text or "").strip().split("\n")[0]


def codes() -> dict[str, type[Refused]]:
    """Every problem code that has a class of its own → the class."""
    found: dict[str, type[Refused]] = {}
    todo: list[type[Refused]] = [Refused]
    while todo:
        one = todo.pop()
        found.setdefault(one.code, one)
        todo += one.__subclasses__()
    return found
