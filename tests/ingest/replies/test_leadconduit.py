"""What LeadConduit does beside reading and answering: aliases, mended JSON, numbers."""

import json

import pytest

from app.core.errors import UnknownType, Unprocessable, Unreadable
from app.ingest.reply import Asked, Posted, replies

REPLY = replies.discover()["leadconduit"]


@pytest.mark.parametrize(
    "alias", ["xxTrustedFormCertUrl", "XXTRUSTEDFORMCERTURL", "xxTrustedFormPingUrl", "trustedform_ping_url"]
)
def test_a_certificate_has_one_name(alias: str) -> None:
    assert REPLY.renamed({alias: "u", "a": "b"}) == {"trustedform_cert_url": "u", "a": "b"}


def test_the_certificate_is_preferred_to_its_ping_and_what_is_named_right_stays() -> None:
    both = {"trustedform_ping_url": "p", "xxTrustedFormCertUrl": "c"}
    assert REPLY.renamed(both) == {"trustedform_ping_url": "p", "trustedform_cert_url": "c"}
    right = {"trustedform_cert_url": "c", "xxTrustedFormCertUrl": "d"}
    assert REPLY.renamed(right) == right


def test_only_json_is_mended() -> None:
    assert json.loads(REPLY.mended(b'{"a": "b\tc\r\nd"}') or b"") == {"a": "b c  d"}
    assert REPLY.mended(b"a=b\t") is None


@pytest.mark.parametrize("tail", ["submit", "flows/1/sources/2/submit/", "flows/1/sources/2/ping", ""])
def test_submit_and_ping_are_spoken(tail: str) -> None:
    REPLY.refuse_other_calls(Posted(asked=Asked(tail=tail)))


def test_another_address_is_not_spoken() -> None:
    with pytest.raises(Unprocessable) as refused:
        REPLY.refuse_other_calls(Posted(asked=Asked(tail="flows/1/sources/2/feedback")))
    assert refused.value.reason == "not_spoken"


def test_no_type_is_a_415_and_an_unknown_one_a_406() -> None:
    assert REPLY.refuse(UnknownType("x"), Posted(asked=Asked())).status == 415
    assert REPLY.refuse(UnknownType("x"), Posted(asked=Asked(headers={"content-type": "a/b"}))).status == 406
    assert REPLY.refuse(Unreadable("x"), Posted(asked=Asked())).content_type.startswith("text/plain")
