"""One document, by HTTP or by mail: the transport is the contract's choice, the prospect is the same."""

from email import message_from_bytes
from email.policy import default

import pytest
from pydantic import ValidationError

from app.distribute.adapter import adapters
from app.distribute.adapters.adf import AdfSettings
from app.model import Accepted, Rejected, TryLater, Unclear
from tests.distribute.drive import ANN, ann, drive, reply, said

ADF = adapters.discover()["adf"]
HTTP = {"url": "https://crm.dealer.example/adf", "accepted": "reply.status == 200", "reference": "//id"}
MAIL = {"sender": "leads@us.example", "to": ["adf@dealer.example"], "proof": "taken"}


def opened(handover=ANN, **settings):
    (asked,) = drive(ADF.converse(handover, AdfSettings.model_validate(settings))).calls
    return asked


def test_by_http_the_document_is_the_body() -> None:
    call = opened(http={**HTTP, "secret": {"headers": {"x-key": "s3cret"}, "query": {"k": "q3"}}})
    assert (call.method, call.url) == ("POST", "https://crm.dealer.example/adf?k=q3")
    assert call.headers["content-type"] == "application/x-adf+xml; charset=utf-8"
    assert call.headers["x-key"] == "s3cret"
    assert call.headers["webhook-id"] == str(ANN.delivery_id)
    assert call.body.startswith(
        b'<?xml version="1.0" encoding="UTF-8"?>\n<?adf version="1.0"?>\n<adf><prospect>'
    )
    assert set(call.secrets) == {"s3cret", "q3"}


def test_replies_are_read_by_the_contracts_rules() -> None:
    to = AdfSettings.model_validate({"http": HTTP})
    accepted = drive(ADF.converse(ANN, to), reply(200, "<r><id>L1</id></r>")).outcome
    assert isinstance(accepted, Accepted)
    assert accepted.reference == "L1"
    assert isinstance(drive(ADF.converse(ANN, to), reply(422)).outcome, Rejected)
    assert isinstance(drive(ADF.converse(ANN, to), reply(500)).outcome, Unclear)


def test_by_mail_it_is_one_part_beside_a_line_for_people() -> None:
    mail = opened(mail=MAIL)
    message = message_from_bytes(mail.message, policy=default)
    assert message.get_content_type() == "multipart/mixed"
    text, document = message.iter_parts()
    assert text.get_content_type() == "text/plain"
    assert (document.get_content_type(), document.get_filename()) == ("application/xml", "lead.xml")
    assert document.get_content() == opened(http=HTTP).body
    assert message["subject"] == f"ADF lead {ANN.lead_id}"


def test_the_mail_is_read_by_our_own_reader_of_mails() -> None:
    from app.ingest.format import formats
    from app.ingest.reading import Reader

    (record,) = Reader(formats.discover()).read(opened(mail=MAIL).message, "message/rfc822")
    assert {"first_name": "Ann", "email": "ann@example.com", "comments.bill": "120"}.items() <= record.items()


def test_the_servers_word_is_the_outcome() -> None:
    to = AdfSettings.model_validate({"mail": MAIL})
    taken = drive(ADF.converse(ANN, to), said(("end", 250, "queued"), whole=True)).outcome
    assert taken == Accepted(read="end: 250 queued")


def test_what_can_not_be_written_is_a_failed_try() -> None:
    for way in ({"http": HTTP}, {"mail": MAIL}):
        ended = drive(ADF.converse(ann(lead={"first_name": "\ud800"}), AdfSettings.model_validate(way)))
        assert ended.outcome == TryLater(
            reason="unformattable", read="the document can't be written: no_text"
        )


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"http": HTTP, "mail": MAIL},
        {"http": {"url": HTTP["url"]}},
        {"http": {**HTTP, "secret": {"fields": {"k": "v"}}}},
        {"http": {**HTTP, "timeout": "3m"}},
        {"http": {**HTTP, "type": "text/html"}},
        {"mail": {**MAIL, "proof": "hope"}},
        {"http": HTTP, "fields": {"vehicle.wheels": "x"}},
        {"http": HTTP, "rest": "somewhere"},
    ],
)
def test_settings_that_can_not_work_are_refused_when_saved(wrong) -> None:
    with pytest.raises(ValidationError):
        AdfSettings.model_validate(wrong)
