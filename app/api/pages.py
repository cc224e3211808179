"""Pages for people: what the API takes and answers, and what each problem means. No script, no third party."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, PackageLoader, select_autoescape

from app import __version__
from app.api.description import meanings

router = APIRouter(include_in_schema=False)
_PAGES = Environment(loader=PackageLoader("app.api"), autoescape=select_autoescape(), trim_blocks=True)
_CURL = "curl -X {method} {base}{path} \\\n  -H 'Authorization: Bearer KEY' \\\n  -H 'Content-Type: {kind}' \\\n  -d '{body}'"


@router.get("/")
async def home() -> RedirectResponse:
    return RedirectResponse("/docs")


@router.get("/docs")
async def docs(request: Request) -> HTMLResponse:
    """Every route with its parameters, samples that can be pasted, and answers."""
    document = request.app.openapi()
    base = str(request.base_url).rstrip("/")
    page = _PAGES.get_template("docs.html").render(
        version=__version__,
        description=document["info"]["summary"],
        operations=list(_operations(document, base)),
    )
    return HTMLResponse(page)


@router.get("/docs/problems")
async def problems() -> HTMLResponse:
    """Where the `type` of a problem points."""
    listed = [
        {"code": code, "status": one.status, "title": one.title, "meaning": one.text}
        for code, one in sorted(meanings().items(), key=lambda item: (item[1].status, item[0]))
    ]
    return HTMLResponse(_PAGES.get_template("problems.html").render(problems=listed))


def _operations(document: Mapping[str, Any], base: str) -> Iterator[dict[str, Any]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield {
                "method": method.upper(),
                "path": path,
                "anchor": operation["operationId"],
                "summary": operation.get("summary", ""),
                "description": operation.get("description", ""),
                "keyed": bool(operation.get("security")),
                "parameters": operation.get("parameters", []),
                "samples": list(_samples(operation, method, path, base)),
                "answers": [(status, said["description"]) for status, said in operation["responses"].items()],
            }


def _samples(operation: Mapping[str, Any], method: str, path: str, base: str) -> Iterator[dict[str, str]]:
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        if "example" in content:
            body = content["example"]
            text = body if isinstance(body, str) else json.dumps(body)
            curl = _CURL.format(method=method.upper(), base=base, path=path, kind=kind, body=text)
            yield {"title": kind, "text": curl}
    for status, said in operation["responses"].items():
        content = said.get("content", {}).get("application/json", {})
        named = {name: one["value"] for name, one in content.get("examples", {}).items()}
        if "example" in content:
            named["answer"] = content["example"]
        for name, value in named.items():
            yield {"title": f"{status} {name}", "text": json.dumps(value, indent=2)}
