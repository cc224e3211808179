"""The OpenAPI of the doors that take no key of ours: platforms and dialects prove themselves, visitors needn't."""

from collections.abc import Callable, Mapping
from typing import Any

Problems = Callable[[tuple[int, ...]], dict[str, Any]]

_NAME = {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$"}
_ANYTHING = {
    "application/json": {"schema": {}},
    "application/x-www-form-urlencoded": {"schema": {"type": "object"}},
    "application/xml": {"schema": {"type": "string"}},
}
_PAGE = {"text/html": {"schema": {"type": "string"}}}
_TEXT = {"type": "string"}
_INBOUND = """\
A webhook of an ad or form platform, or a request as another lead system takes it. The body, its proof (a signature,
a token, the platform's key) and the answer are theirs, so none of them is described here: `docs/platforms.md` and
`docs/dialects.md` hold an entry for each, with examples; `leadgate components platform` and `leadgate components reply`
list those of this installation. What is not proved is `401`, and nothing of it is kept.
"""
_FORM = """\
For visitors, who have no key. What it asks for is configured at its source (`docs/forms.md`); a script that accepts
JSON is answered in JSON, where the form may be shown on its page.
"""


def paths(problems: Problems) -> dict[str, Any]:
    """`problems` describes answers of these statuses."""
    refused = problems((400, 401, 404, 405, 408, 409, 413, 415, 422, 429, 503))
    told = {"200": {"description": "As the platform or the dialect expects it.", "content": {"*/*": {}}}}
    place = [_in_path("platform"), _in_path("source")]
    form = [_in_path("campaign"), _in_query("source", "Where several sources of the campaign have a form.")]
    test = _in_query("test", "1: what is sent is a test lead.")
    script = _page(problems((403, 404, 503)))
    return {
        "/in/{platform}/{source}": {
            "get": _operation(
                "ask_inbound", "Answer a platform's challenge, or take a lead from the query", _INBOUND, place, told | refused
            ),
            "post": _operation("post_inbound", "Take what a platform or another system's client posts", _INBOUND, place, told | refused)
            | {"requestBody": {"content": _ANYTHING}},
        },
        "/f/{campaign}": {
            "get": _operation("show_form", "Show the campaign's form", _FORM, [*form, test], _shown() | script),
            "post": _operation(
                "send_form", "Take what a visitor filled in", _FORM, [*form, test],
                _shown() | {"303": {"description": "Kept: on to the page of thanks."}}
                | _page(problems((400, 403, 404, 408, 413, 415, 422, 503))),
            ) | {"requestBody": {"content": {kind: _ANYTHING[kind] for kind in _ANYTHING if "xml" not in kind}}},
        },
        "/f/{campaign}.js": {
            "get": _operation(
                "form_script", "The script that puts the form into any page, or attaches to one that is there", _FORM,
                [_in_path("campaign")], {"200": {"description": "The script.", "content": {"text/javascript": {"schema": _TEXT}}}, **problems((404,))},
            )
        },
    }  # fmt: skip


def _operation(
    id_: str, summary: str, description: str, parameters: list[Any], responses: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "tags": ["doors"], "summary": summary, "operationId": id_, "description": description, "security": [],
        "parameters": parameters, "responses": dict(responses),
    }  # fmt: skip


def _shown() -> dict[str, Any]:
    content = {**_PAGE, "application/json": {"schema": {"type": "object"}}}
    return {"200": {"description": "The form, its next step, or thanks.", "content": content}}


def _page(problems: dict[str, Any]) -> dict[str, Any]:
    """A page for a person, a problem for a script."""
    return {
        status: {**said, "content": {**said["content"], **_PAGE, "application/json": {"schema": {}}}}
        for status, said in problems.items()
    }


def _in_path(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": _NAME}


def _in_query(name: str, description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": _TEXT, "description": description}
