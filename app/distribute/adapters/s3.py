"""A file for each lead, or for many, in a bucket of an object store that speaks S3: Amazon's, MinIO, R2, B2, Ceph and others."""

from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from hashlib import md5
from typing import Literal
from urllib.parse import quote, urlencode
from uuid import UUID

from pydantic import Field, SecretStr, model_validator

from app.distribute import xml
from app.distribute.adapter import Adapter, Call, Conversation, Handover, Reply, adapters
from app.distribute.batching import Bundle, File
from app.distribute.files import FileSettings, there
from app.distribute.replies import by_status, retry_after
from app.distribute.sigv4 import Signer
from app.distribute.targets import BareAddress
from app.distribute.templates import TemplateFailed
from app.model import Outcome, TryLater, Unclear


class S3Settings(FileSettings):
    bucket: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")
    region: str = Field("us-east-1", pattern=r"^[a-z0-9-]{1,40}$")
    endpoint: BareAddress | None = Field(
        None, description="Of another store than Amazon's, as https://minio.buyer.example."
    )
    style: Literal["path", "virtual"] | None = Field(
        None,
        description="Where the bucket stands: in the path, or in the host. Without: path where there is an endpoint.",
    )
    access_key: str = Field(pattern=r"^[!-~]{1,128}$", description="The id of the key; it is no secret.")
    secret_key: SecretStr = Field(min_length=1)
    session_token: SecretStr = Field(SecretStr(""), description="Of a key that ends by itself.")
    encryption: Literal["AES256", "aws:kms"] | None = Field(None, description="How the store encrypts it.")
    kms_key: str | None = Field(None, pattern=r"^[!-~]{1,2048}$", description="With aws:kms, which key.")

    @model_validator(mode="after")
    def _whole(self) -> "S3Settings":
        if self.kms_key and self.encryption != "aws:kms":
            raise ValueError("has a kms_key, and no encryption: aws:kms that it would be for")
        return self

    @classmethod
    def nests(cls) -> bool:
        return True

    def url(self, name: str) -> str:
        endpoint = self.endpoint or f"https://s3.{self.region}.amazonaws.com"
        if (self.style or ("path" if self.endpoint else "virtual")) == "path":
            return f"{endpoint}/{self.bucket}/{name}"
        scheme, _, host = endpoint.partition("://")
        return f"{scheme}://{self.bucket}.{host}/{name}"

    def secrets(self) -> tuple[str, ...]:
        return tuple(s.get_secret_value() for s in (self.secret_key, self.session_token))

    def signer(self) -> Signer:
        secret, token = self.secrets()
        return Signer(key_id=self.access_key, secret=secret, region=self.region, token=token)

    def listing(self, folder: str, after: str, at: datetime) -> Call:
        """What lies in a folder, some at a time, `after` the end of the page before. It hands nothing over."""
        asked = {"continuation-token": after} if after else {}
        asked |= {
            "delimiter": "/",
            "list-type": "2",
            "max-keys": "300",
            "prefix": f"{folder}/" if folder else "",
        }
        return _call("GET", f"?{urlencode(asked, quote_via=quote)}", b"", at, self, {})

    def getting(self, key: str, first: int, last: int, at: datetime) -> Call:
        """Those bytes of an object."""
        return _call("GET", quote(key, safe="/"), b"", at, self, {"range": f"bytes={first}-{last}"})

    def kept(self) -> dict[str, str]:
        """Headers that say how it is to be kept."""
        told = {
            "x-amz-server-side-encryption": self.encryption,
            "x-amz-server-side-encryption-aws-kms-key-id": self.kms_key,
        }
        return {name: value for name, value in told.items() if value}


@adapters.register
class S3(Adapter[S3Settings]):
    """An object is there whole or not at all, and put again it is the same one. The store checks what came by MD5 and
    SHA-256. Where it answers with a failure, or with a yes that is none of S3's, the object is read once and compared."""

    name = "s3"
    settings = S3Settings
    examples = (
        {
            "bucket": "buyer-leads",
            "region": "eu-central-1",
            "access_key": "AKIAIOSFODNN7EXAMPLE",
            "secret_key": "write-it-here",
            "body": "json",
            "file": "incoming/{{ day }}/{{ delivery_id }}.json",
            "encryption": "AES256",
        },
        {
            "endpoint": "https://minio.buyer.example:9000",
            "bucket": "leads",
            "access_key": "leadgate",
            "secret_key": "write-it-here",
            "fields": {"Name": "{{ lead.first_name }} {{ lead.last_name }}", "Phone": "phone"},
        },
        {
            "bucket": "buyer-leads",
            "access_key": "AKIAIOSFODNN7EXAMPLE",
            "secret_key": "write-it-here",
            "body": "ndjson",
            "batch": {"every": "15m", "count": 1000},
            "file": "incoming/{{ day }}/{{ bundle }}.ndjson",
        },
    )

    def converse(self, handover: Handover, to: S3Settings) -> Conversation:
        try:
            file = to.written(handover)
        except TemplateFailed as failed:
            return TryLater(reason="unformattable", read=f"the file can't be made: {failed}")
        return (yield from _stored(file, ("delivery-id", handover.delivery_id), handover.at, to))

    def bundle(self, bundle: Bundle, file: File, to: S3Settings) -> Conversation:
        return _stored(file, ("bundle", bundle.id), bundle.at, to)


def _stored(file: File, whose: tuple[str, UUID], at: datetime, to: S3Settings) -> Conversation:
    reply: Reply = yield _put(file, whose, at, to)
    if 200 <= reply.status < 300 and "etag" in reply.headers:
        return there(file.name, to)
    if reply.status < 300 or isinstance(by_status(reply, at), Unclear):
        found: Reply = yield _get(file, at, to)
        if found.status == 200 and found.body == file.body:
            return there(file.name, to)
        return Unclear(
            reason=f"http_{reply.status}", read=f"status {reply.status}, and the object is not there"
        )
    return _refused(reply, at)


def _put(file: File, whose: tuple[str, UUID], at: datetime, to: S3Settings) -> Call:
    given = {
        "content-type": file.content_type,
        "content-md5": b64encode(md5(file.body, usedforsecurity=False).digest()).decode(),
        f"x-amz-meta-{whose[0]}": str(whose[1]),
        **to.kept(),
    }
    return _call("PUT", file.name, file.body, at, to, given)


def _get(file: File, at: datetime, to: S3Settings) -> Call:
    return _call("GET", file.name, b"", at, to, {})


def _call(
    method: str, name: str, body: bytes, at: datetime, to: S3Settings, given: Mapping[str, str]
) -> Call:
    url = to.url(name)
    return Call(
        method=method,
        url=url,
        headers=to.signer().headers(method, url, body, at, given=given),
        body=body,
        hands_over=method == "PUT",
        timeout=to.timeout.seconds if to.timeout is not None else None,
        secrets=to.secrets(),
    )


def _refused(reply: Reply, at: datetime) -> Outcome:
    """A store's no says nothing of the lead: the next buyer must not profit from a bucket that is not there."""
    code = _code(reply) or f"http_{reply.status}"
    return TryLater(
        reason=code,
        after=retry_after(reply, at),
        read=f"the store refuses the object: {reply.status} {code}",
    )


def _code(reply: Reply) -> str | None:
    """`<Error><Code>NoSuchBucket</Code>…`"""
    try:
        code = xml.read(reply.body).findtext("{*}Code")
    except ValueError:
        return None
    return code if code and code.isalnum() and len(code) <= 60 else None
