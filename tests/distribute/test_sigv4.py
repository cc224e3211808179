"""Signatures are those of AWS's own published examples ("Authenticating Requests", S3 API reference)."""

from datetime import UTC, datetime

from app.distribute.sigv4 import Signer

SIGNER = Signer(
    key_id="AKIAIOSFODNN7EXAMPLE", secret="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", region="us-east-1"
)
AT = datetime(2013, 5, 24, tzinfo=UTC)
HOST = "https://examplebucket.s3.amazonaws.com"


def signature(method: str, url: str, body: bytes = b"", **given: str) -> str:
    named = {name.replace("_", "-"): value for name, value in given.items()}
    return SIGNER.headers(method, url, body, AT, given=named)["authorization"]


def test_putting_an_object_is_signed_as_published() -> None:
    assert signature(
        "PUT", f"{HOST}/test%24file.text", b"Welcome to Amazon S3.",
        date="Fri, 24 May 2013 00:00:00 GMT", x_amz_storage_class="REDUCED_REDUNDANCY",
    ) == (
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
        "SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class, "
        "Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
    )  # fmt: skip


def test_getting_an_object_is_signed_as_published() -> None:
    assert signature("GET", f"{HOST}/test.txt", range="bytes=0-9").endswith(
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    )
