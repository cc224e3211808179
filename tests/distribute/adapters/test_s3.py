"""A lead as an object: signed, whole, and never taken for there without a proof."""

from typing import Any

import pytest
from pydantic import ValidationError

from app.distribute.adapter import adapters
from app.distribute.exchange import Conversed
from app.model import Accepted, TryLater, Unclear
from tests.distribute.drive import ANN, drive, reply
from tests.distribute.filing import BODY, LEAD, NAME, filed
from tests.distribute.objectstore import BUCKET, KEY_ID, REGION, SECRET, Store, http, object_store

KEY = {"bucket": BUCKET, "region": REGION, "access_key": KEY_ID, "secret_key": SECRET}
PATH = f"/{BUCKET}/{NAME}"
THERE = Accepted(reference=NAME, read="the file is there")
S3 = adapters.discover()["s3"]


async def into(store: Store, **more: Any) -> Conversed:
    return await filed("s3", {**KEY, "endpoint": f"http://127.0.0.1:{store.port}", **more})


def first_call(**more: Any) -> Any:
    return drive(S3.converse(ANN, S3.settings.model_validate({**LEAD, **KEY, **more}))).calls[0]


async def test_the_object_is_there_under_the_name_of_its_delivery() -> None:
    async with object_store() as store:
        conversed = await into(
            store, encryption="aws:kms", kms_key="alias/leads", session_token="for an hour"
        )
    assert conversed.outcome == THERE
    assert store.objects == {PATH: BODY}
    kept = store.kept[PATH]
    assert kept["x-amz-server-side-encryption"] == "aws:kms"
    assert kept["x-amz-server-side-encryption-aws-kms-key-id"] == "alias/leads"
    assert kept["x-amz-meta-delivery-id"] == str(ANN.delivery_id)
    assert kept["content-type"] == "application/json"
    assert "for an hour" not in str(conversed)
    assert SECRET not in str(conversed)


async def test_a_further_try_overwrites_its_own_name() -> None:
    async with object_store() as store:
        store.objects[PATH] = b"of the try before"
        assert (await into(store)).outcome == THERE
    assert store.objects == {PATH: BODY}


async def test_a_name_may_lead_through_folders() -> None:
    async with object_store() as store:
        conversed = await into(store, file="in/{{ day }}/{{ lead.email }}-{{ delivery_id }}.json")
    assert list(store.objects) == [f"/{BUCKET}/in/2025-11-20/ann_example.com-{ANN.delivery_id}.json"]
    assert isinstance(conversed.outcome, Accepted)


@pytest.mark.parametrize(
    ("more", "url"),
    [
        ({}, f"https://{BUCKET}.s3.{REGION}.amazonaws.com/{NAME}"),
        ({"style": "path"}, f"https://s3.{REGION}.amazonaws.com{PATH}"),
        ({"endpoint": "https://minio.example:9000/"}, f"https://minio.example:9000{PATH}"),
        ({"endpoint": "https://r2.example", "style": "virtual"}, f"https://{BUCKET}.r2.example/{NAME}"),
    ],
)
def test_the_bucket_stands_in_the_path_or_in_the_host(more: dict[str, Any], url: str) -> None:
    assert first_call(**more).url == url


async def test_another_key_is_told_and_is_later() -> None:
    async with object_store() as store:
        conversed = await into(store, secret_key="another")
    assert conversed.outcome == TryLater(
        reason="SignatureDoesNotMatch", read="the store refuses the object: 403 SignatureDoesNotMatch"
    )
    assert store.objects == {}


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (
            http(404, b'<Error xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Code>NoSuchBucket</Code></Error>'),
            TryLater(reason="NoSuchBucket", read="the store refuses the object: 404 NoSuchBucket"),
        ),
        (
            http(503, b"<Error><Code>SlowDown</Code></Error>", "Retry-After: 7"),
            TryLater(reason="SlowDown", after=7.0, read="the store refuses the object: 503 SlowDown"),
        ),
        (
            http(307, b"moved", "Location: https://elsewhere.example/"),
            TryLater(reason="http_307", read="the store refuses the object: 307 http_307"),
        ),
        (
            http(403, b"<Error><Code>ann@example.com</Code></Error>"),
            TryLater(reason="http_403", read="the store refuses the object: 403 http_403"),
        ),
    ],
)  # fmt: skip
async def test_a_refusal_is_later_with_the_code_of_the_store(answer: bytes, outcome: TryLater) -> None:
    async with object_store() as store:
        store.keeps = False
        store.answers = [answer]
        assert (await into(store)).outcome == outcome


@pytest.mark.parametrize("answer", [http(500, b""), http(502, b"<html>"), http(200, b"welcome")])
async def test_after_a_failure_or_a_yes_that_is_none_the_object_is_read_and_compared(answer: bytes) -> None:
    async with object_store() as store:
        store.answers = [answer]
        assert (await into(store)).outcome == THERE
        assert store.asked == [f"PUT {PATH}", f"GET {PATH}"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [(http(500, b""), "http_500"), (http(200, b"welcome"), "http_200")],
)
async def test_what_is_not_there_then_is_unclear_since_it_may_still_come(answer: bytes, reason: str) -> None:
    async with object_store() as store:
        store.keeps = False
        store.answers = [answer]
        conversed = await into(store)
    assert conversed.outcome == Unclear(
        reason=reason, read=f"status {reason[5:]}, and the object is not there"
    )
    assert conversed.handed_over


async def test_a_store_that_breaks_off_leaves_it_unclear() -> None:
    async with object_store() as store:
        store.answers = [None]
        assert (await into(store)).outcome == Unclear(reason="broken", read="broken")


def test_another_object_under_that_name_is_no_proof() -> None:
    to = S3.settings.model_validate({**LEAD, **KEY})
    assert isinstance(drive(S3.converse(ANN, to), reply(500), reply(200, b"another")).outcome, Unclear)


def test_a_buyer_who_is_to_confirm_is_waited_for() -> None:
    to = S3.settings.model_validate({**LEAD, **KEY, "proof": "confirmed"})
    assert drive(S3.converse(ANN, to), reply(200, b"", etag='"x"')).outcome == Unclear(
        reason="awaits_confirmation", read="the file is there; the buyer is to confirm"
    )


@pytest.mark.parametrize(
    ("more", "wrong"),
    [
        ({"bucket": "No_Bucket"}, "bucket"),
        ({"endpoint": "https://s3.example/bucket"}, "nothing behind them"),
        ({"endpoint": "https://user:pass@s3.example"}, "endpoint"),
        ({"kms_key": "alias/leads"}, "kms_key"),
        ({"secret_key": ""}, "secret_key"),
        ({"file": "/{{ delivery_id }}"}, "file"),
        ({"file": "../{{ delivery_id }}"}, "file"),
    ],
)
def test_what_can_not_work_is_told_when_it_is_saved(more: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ValidationError, match=wrong):
        S3.settings.model_validate({**LEAD, **KEY, **more})
