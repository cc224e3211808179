"""Whatever is sent, the answer is one that is documented: by chance from our own OpenAPI, and by plain noise."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.api.openapi import document
from tests.api.conftest import Api, serving
from tests.pipeline.house import catalogue, source

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
BOUNDED = settings(
    max_examples=60, deadline=None, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
DECLARED = {201, 202, *(int(status) for status in document()["paths"]["/v1/leads"]["post"]["responses"])}
KINDS = [
    "application/json", "application/json; charset=utf-16", "application/vnd.x+json", "text/xml", "application/xml",
    "application/x-www-form-urlencoded", "multipart/form-data; boundary=X", "multipart/form-data", "text/csv", "",
]  # fmt: skip
PIECES = st.sampled_from(
    [b'{"', b'a":', b'"b"', b"}", b"[", b"1e999", b"\xff", b"\x00", b"\\ud800", b"<a>", b"</a>", b"<!DOCTYPE a>",
     b"&amp;", b"%00", b"%zz", b"=", b"&", b"--X\r\n", b"Content-Disposition: form-data; name=a\r\n\r\n", b"--X--"]
)  # fmt: skip
BODIES = st.binary(max_size=200) | st.lists(PIECES, max_size=12).map(b"".join)


@pytest.fixture
def running(database_url: str, tmp_path: Path) -> Iterator[tuple[asyncio.Runner, Api]]:
    """The service in a loop of its own, for callers that have none."""
    yaml = catalogue(source(), checks='[{check: duplicate, on: [email], within: "30d"}]')
    with asyncio.Runner() as runner:
        life = serving(database_url, tmp_path, yaml)
        api = runner.run(life.__aenter__())
        yield runner, api
        runner.run(life.__aexit__(None, None, None))


async def _key(api: Api) -> str:
    return await api.key("buyer", "b1")


@pytest.mark.parametrize("path", list(document()["paths"]))
def test_every_route_answers_as_its_document_says(running: tuple[asyncio.Runner, Api], path: str) -> None:
    runner, api = running
    keys = {"/v1/deliveries/{id}/confirm": runner.run(_key(api))}
    schema: Any = schemathesis.openapi.from_dict(document())
    (method,) = document()["paths"][path]
    operation = schema[path][method.upper()]
    seen: set[int] = set()

    @BOUNDED
    @given(case=operation.as_strategy())
    def holds(case: Any) -> None:
        told = case.as_transport_kwargs(base_url="http://leads.test")
        headers = {k: v for k, v in told["headers"].items() if k.lower() != "authorization"}
        headers["Authorization"] = f"Bearer {keys.get(path, api.acme)}"
        request = _request(told, headers)
        response = runner.run(api.http.send(request))
        response.elapsed = timedelta(0)  # what the checks of schemathesis read
        seen.add(response.status_code)
        case.validate_response(response, checks=CHECKS)

    holds()
    assert seen - {401}, "the key did not open the door"


def _request(told: dict[str, Any], headers: dict[str, str]) -> httpx.Request:
    """What `requests` would send, for the other client."""
    known = {
        k: v for k, v in told.items() if k in ("method", "url", "params", "data", "json", "files", "cookies")
    }
    ready = requests.Request(**known, headers=headers).prepare()
    body = ready.body.encode() if isinstance(ready.body, str) else ready.body
    pairs = [
        (str(k).encode("latin-1", "replace"), str(v).encode("latin-1", "replace"))
        for k, v in ready.headers.items()
    ]
    return httpx.Request(str(ready.method), str(ready.url), headers=pairs, content=body or b"")


def test_noise_is_answered_with_a_declared_status(running: tuple[asyncio.Runner, Api]) -> None:
    runner, api = running

    @settings(BOUNDED, max_examples=300)
    @given(body=BODIES, kind=st.sampled_from(KINDS) | st.binary(max_size=30), accept=st.binary(max_size=20))
    def holds(body: bytes, kind: str | bytes, accept: bytes) -> None:
        headers = [
            (b"authorization", f"Bearer {api.acme}".encode()),
            (b"content-type", kind.encode() if isinstance(kind, str) else kind),
            (b"accept", accept),
        ]
        request = httpx.Request("POST", "http://leads.test/v1/leads", headers=headers, content=body)
        response = runner.run(api.http.send(request))
        assert response.status_code in DECLARED
        if response.status_code >= 400:
            assert response.headers["content-type"] == "application/problem+json"
            assert response.json()["status"] == response.status_code

    holds()
