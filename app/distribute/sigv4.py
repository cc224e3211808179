"""Signs requests as AWS does (Signature Version 4), so that any store that speaks S3 knows whose they are."""

import hmac
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from urllib.parse import quote, urlsplit

from msgspec import Struct

from app.distribute.targets import target_of


class Signer(Struct, frozen=True, kw_only=True):
    """One key for one region of one service. `token` comes with keys that end by themselves."""

    key_id: str
    secret: str
    region: str
    service: str = "s3"
    token: str = ""

    def headers(
        self, method: str, url: str, body: bytes, at: datetime, *, given: Mapping[str, str]
    ) -> dict[str, str]:
        """`given`, with lower-case names, and those that prove who asks. Every one of them is signed, and so is `host`,
        as the wire writes it. A URL's path and query stand as they
        are asked for; what is in the query is encoded, and sorted by name."""
        headers = {
            **given,
            "x-amz-content-sha256": sha256(body).hexdigest(),
            "x-amz-date": f"{at:%Y%m%dT%H%M%SZ}",
        }
        if self.token:
            headers["x-amz-security-token"] = self.token
        return headers | {"authorization": self._authorization(method, url, headers, at)}

    def _authorization(self, method: str, url: str, headers: Mapping[str, str], at: datetime) -> str:
        signed = sorted({**headers, "host": target_of(url).host}.items())
        names = ";".join(name for name, _ in signed)
        lines = "".join(f"{name}:{' '.join(value.split())}\n" for name, value in signed)
        parts = urlsplit(url)
        path = quote(parts.path or "/", safe="/-_.~%")
        asked = f"{method}\n{path}\n{parts.query}\n{lines}\n{names}\n{headers['x-amz-content-sha256']}"
        day = f"{at:%Y%m%d}"
        scope = f"{day}/{self.region}/{self.service}/aws4_request"
        told = f"AWS4-HMAC-SHA256\n{headers['x-amz-date']}\n{scope}\n{sha256(asked.encode()).hexdigest()}"
        signature = hmac.digest(self._key(day), told.encode(), "sha256").hex()
        return (
            f"AWS4-HMAC-SHA256 Credential={self.key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
        )

    def _key(self, day: str) -> bytes:
        key = f"AWS4{self.secret}".encode()
        for step in (day, self.region, self.service, "aws4_request"):
            key = hmac.digest(key, step.encode(), "sha256")
        return key
