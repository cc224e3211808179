"""A small object store within the test, which believes nobody whose signature it can't compute itself."""

import asyncio
import hashlib
import hmac
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

KEY_ID, SECRET, REGION, BUCKET = (
    "AKIAIOSFODNN7EXAMPLE",
    "wJalrXUtnFEMI/K7MDENG+bPxRfiCY",
    "eu-central-1",
    "leads",
)


class Store:
    """`answers` are told instead of what it would say, one a request; `keeps`: it stores the object all the same."""

    def __init__(self) -> None:
        self.port = 0
        self.objects: dict[str, bytes] = {}
        self.kept: dict[str, dict[str, str]] = {}
        self.asked: list[str] = []
        self.answers: list[bytes | None] = []
        self.keeps = True

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
        except asyncio.IncompleteReadError:
            writer.close()
            return
        first, *lines = head.strip().split("\r\n")
        method, path, _ = first.split(" ")
        headers = dict(line.split(": ", 1) for line in lines)
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.asked.append(f"{method} {path}")
        said = self.answer(method, path, headers, body)
        if self.answers:
            told = self.answers.pop(0)
            said = b"" if told is None else told
        writer.write(said)
        writer.close()

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> bytes:
        if not _signed(method, path, headers, body):
            return http(403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>")
        if method == "GET" and "?" in path:
            return http(200, self.listing(parse_qs(urlsplit(path).query)))
        if method == "GET":
            found = self.objects.get(path)
            if found is not None and "range" in headers:
                first, last = headers["range"].removeprefix("bytes=").split("-")
                return http(206, found[int(first) : int(last) + 1])
            return http(404, b"<Error><Code>NoSuchKey</Code></Error>") if found is None else http(200, found)
        digest = hashlib.md5(body, usedforsecurity=False).digest()
        if headers["content-md5"] != b64encode(digest).decode():
            return http(400, b"<Error><Code>BadDigest</Code></Error>")
        if self.keeps:
            self.objects[path], self.kept[path] = body, headers
        return http(200, b"", f'ETag: "{digest.hex()}"')

    def listing(self, asked: dict[str, list[str]]) -> bytes:
        """A page of two objects of a folder."""
        prefix, after = f"/{BUCKET}/{asked.get('prefix', [''])[0]}", asked.get("continuation-token", [""])[0]
        keys = [
            key for key in sorted(self.objects) if key.startswith(prefix) and "/" not in key[len(prefix) :]
        ]
        left = [key for key in keys if key > after]
        told = "".join(
            f"<Contents><Key>{key.removeprefix(f'/{BUCKET}/')}</Key><Size>{len(self.objects[key])}</Size>"
            "<LastModified>2026-01-31T12:00:00.000Z</LastModified></Contents>"
            for key in left[:2]
        )
        more = f"<NextContinuationToken>{left[1]}</NextContinuationToken>" if len(left) > 2 else ""
        return f'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{told}{more}</ListBucketResult>'.encode()


def http(status: int, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} So", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _signed(method: str, path: str, headers: dict[str, str], body: bytes) -> bool:
    """By the letter of AWS's own description, from what came over the wire."""
    told = headers["authorization"].removeprefix("AWS4-HMAC-SHA256 ")
    parts = dict(part.split("=", 1) for part in told.split(", "))
    names = parts["SignedHeaders"].split(";")
    key_id, day, region, service, _ = parts["Credential"].split("/")
    if not {"host", "x-amz-date", "x-amz-content-sha256"} <= set(names) or (key_id, region) != (
        KEY_ID,
        REGION,
    ):
        return False
    if any(name.startswith("x-amz-") and name not in names for name in headers):
        return False
    if headers["x-amz-content-sha256"] != hashlib.sha256(body).hexdigest():
        return False
    lines = [f"{name}:{headers[name]}" for name in sorted(names)]
    digest = hashlib.sha256(body).hexdigest()
    path, _, query = path.partition("?")
    canonical = "\n".join([method, path, query, *lines, "", ";".join(sorted(names)), digest])
    scope = f"{day}/{region}/{service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{headers['x-amz-date']}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = ("AWS4" + SECRET).encode()
    for part in (*scope.split("/"), text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.compare_digest(key.hex(), parts["Signature"])


@asynccontextmanager
async def object_store() -> AsyncIterator[Store]:
    store = Store()
    server = await asyncio.start_server(store.serve, "127.0.0.1", 0)
    store.port = server.sockets[0].getsockname()[1]
    try:
        yield store
    finally:
        server.close()
        await server.wait_closed()
