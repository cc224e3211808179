"""Whatever is sent, the answer is one that is documented: by chance from our own OpenAPI, and by plain noise."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from msgspec import Struct
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.api.openapi import document
from app.store.embedded import EmbeddedPostgres
from tests.api.conftest import Api, serving
from tests.buyer import Buyer
from tests.conftest import _database
from tests.pipeline.house import catalogue, contract, source

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
BOUNDED = settings(
    max_examples=30, deadline=None, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate],
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


ROUTES = [(path, method) for path, methods in document()["paths"].items() for method in methods]
GOOGLE = "0ur-key-there"
PLATFORMS = f", platforms: [{{platform: google_ads, key: {GOOGLE}}}], form: {{title: Ask, consent: {{text: Call me, version: v1}}}}"
LISTS = """
lists:
  - {id: dnc, of: phone}
"""

Params = dict[str, str]


class Running(Struct):
    """The service in a loop of its own, for callers that have none, with something behind its ids.

    `known`: beginning of a path → what its parameters may be so that it leads somewhere; `keys`: whose key opens it.
    """

    runner: asyncio.Runner
    api: Api
    known: dict[str, list[Params]]
    keys: dict[str, str]

    def key(self, path: str) -> str:
        return next((key for begins, key in self.keys.items() if path.startswith(begins)), self.api.acme)

    def params(self, path: str) -> list[Params]:
        return next((known for begins, known in self.known.items() if path.startswith(begins)), [])


@pytest.fixture(scope="module")
def running(
    postgres: EmbeddedPostgres,
    _administration: Any,
    template_db: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Running]:
    with (
        contextmanager(_database)(postgres, _administration, template=template_db) as url,
        asyncio.Runner() as runner,
    ):
        buyer = Buyer()
        runner.run(buyer.__aenter__())
        yaml = catalogue(
            source(more=PLATFORMS),
            contract("b1", buyer.url("/ok"), more="when: lead.state == 'CA'"),
            checks='[{check: duplicate, on: [email], within: "30d"}]',
        )
        life = serving(url, tmp_path_factory.mktemp("served"), LISTS + yaml)
        api = runner.run(life.__aenter__())
        yield runner.run(_furnished(runner, api))
        runner.run(life.__aexit__(None, None, None))
        runner.run(buyer.__aexit__(None, None, None))


async def _furnished(runner: asyncio.Runner, api: Api) -> Running:
    """Leads and deliveries in several states, and a batch."""
    leads = []
    for n, state in enumerate(("CA", "CA", "NV", "NV")):  # two are sold, one has no buyer, one is a double
        answer = await api.post({"first_name": "Ann", "email": f"ann{min(n, 2)}@example.com", "state": state})
        leads.append(answer.json()["lead"]["id"])
    async with api.process.database.acquire() as conn:
        deliveries = [row[0] for row in await conn.fetch("select id from delivery order by id")]
        await conn.execute("update delivery set state = 'unclear' where id = $1", deliveries[0])
        await conn.execute("update lead set state = 'unclear' where id = $1::text::uuid", leads[0])
    headers = {"authorization": f"Bearer {api.acme}", "content-type": "text/csv"}
    batch = await api.http.post(
        "/v1/batches", content="first_name,email\nBob,bob@example.com\n", headers=headers
    )
    known = {
        "/v1/leads/{id}": [{"id": one} for one in leads],
        "/v1/deliveries/{id}": [{"id": str(one)} for one in deliveries],
        "/v1/batches/{id}": [{"id": batch.json()["id"]}],
        "/admin/v1/lists/{id}": [{"id": "dnc"}],
        "/in/": [{"platform": "google_ads", "source": "acme"}, {"platform": "native", "source": "acme"}],
        "/f/": [{"campaign": "solar"}],
    }
    buyers = ("/v1/deliveries/", "/v1/feedback", "/v1/pool")
    keys = dict.fromkeys(buyers, await api.key("buyer", "b1")) | {"/admin/": await api.key("user", "ann")}
    return Running(runner, api, known, keys)


@pytest.mark.parametrize(("path", "method"), ROUTES)
def test_every_route_answers_as_its_document_says(running: Running, path: str, method: str) -> None:
    schema: Any = schemathesis.openapi.from_dict(document())
    operation = schema[path][method.upper()]
    known = running.params(path)
    seen: set[int] = set()

    @BOUNDED
    @given(case=operation.as_strategy(), real=st.sampled_from([None, *known, *known]))
    def holds(case: Any, real: Params | None) -> None:
        if real is not None:
            case.path_parameters = real
        told = case.as_transport_kwargs(base_url="http://leads.test")
        headers = {k: v for k, v in told["headers"].items() if k.lower() != "authorization"}
        headers["Authorization"] = f"Bearer {running.key(path)}"
        request = _request(told, headers)
        response = running.runner.run(running.api.http.send(request))
        response.elapsed = timedelta(0)  # what the checks of schemathesis read
        seen.add(response.status_code)
        case.validate_response(response, checks=CHECKS)

    holds()
    assert seen - {401}, "the key did not open the door"
    assert not known or path.startswith("/in/") or seen - {401, 404}, "no id led anywhere"


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


def test_noise_is_answered_with_a_declared_status(running: Running) -> None:
    runner, api = running.runner, running.api

    @settings(BOUNDED, max_examples=200)
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
