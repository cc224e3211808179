"""A mail is the lead in the contract's words; what the server says to it, and where, is the outcome."""

from email import message_from_bytes
from email.policy import default

import pytest
from pydantic import ValidationError

from app.catalog.kinds import secret_places, unknown_places
from app.distribute.adapter import adapters
from app.distribute.adapters.email import EmailSettings
from app.ingest.formats.mail import Mail as MailFormat
from app.model import Accepted, Rejected, TryLater, Unclear
from tests.distribute.drive import ANN, ann, drive, said

EMAIL = adapters.discover()["email"]
PLAIN = {"sender": "leads@us.example", "to": ["sales@sunco.example"], "proof": "taken"}


def made(handover=ANN, **settings):
    to = EMAIL.settings.model_validate({**PLAIN, **settings})
    (mail,) = drive(EMAIL.converse(handover, to)).calls
    return mail, message_from_bytes(mail.message, policy=default)


def outcome(*words, whole=False, **settings):
    to = EMAIL.settings.model_validate({**PLAIN, **settings})
    return drive(EMAIL.converse(ANN, to), said(*words, whole=whole)).outcome


def test_without_a_template_each_field_is_a_line_that_our_own_reader_reads() -> None:
    mail, message = made()
    assert message.get_content().splitlines()[:3] == [
        "first_name: Ann",
        "last_name: O'Hara",
        "email: ann@example.com",
    ]
    (record,) = MailFormat().read(mail.message, "message/rfc822")
    assert {"first_name": "Ann", "phone": "+15125550123", "bill": "120"}.items() <= record.items()


def test_the_head_says_from_whom_to_whom_and_which_delivery() -> None:
    mail, message = made(
        sender="Leads <leads@us.example>", to=["Sales <sales@sunco.example>", "two@sunco.example"],
        cc=["copy@sunco.example"], bcc=["archive@us.example"], reply_to="{{ lead.email }}",
        bounces="bounces@us.example", subject="New: {{ lead.first_name }}",
    )  # fmt: skip
    head = {name.lower(): value for name, value in message.items()}
    assert head["from"] == "Leads <leads@us.example>"
    assert head["to"] == "Sales <sales@sunco.example>, two@sunco.example"
    assert head["cc"] == "copy@sunco.example"
    assert head["reply-to"] == "ann@example.com"
    assert head["subject"] == "New: Ann"
    assert head["date"] == "Fri, 20 Nov 2026 14:32:05 +0000"
    assert head["message-id"] == f"<{ANN.delivery_id}@us.example>"
    assert head["auto-submitted"] == "auto-generated"
    assert mail.id == str(ANN.delivery_id)
    assert mail.sender == "bounces@us.example"
    assert mail.to == ("sales@sunco.example", "two@sunco.example")
    assert mail.also == ("copy@sunco.example", "archive@us.example")
    assert b"archive@us.example" not in mail.message


def test_the_same_delivery_is_the_same_bytes_at_every_try() -> None:
    settings = {"html": "<p>{{ lead.first_name }}</p>", "attach": [{"kind": "csv"}, {"kind": "adf"}]}
    assert made(**settings)[0] == made(ann(attempt=2), **settings)[0]


def test_a_line_break_in_a_value_is_no_header() -> None:
    evil = "Ann\r\nBcc: all@evil.example\r\n\r\nHello\x00\x1b\u2028x"
    mail, message = made(ann(lead={"first_name": evil}), subject="New: {{ lead.first_name }}")
    assert message["subject"] == "New: Ann Bcc: all@evil.example Hello x"
    assert message["bcc"] is None
    assert mail.also == ()


@pytest.mark.parametrize(
    "email",
    [
        "a@b.example, c@d.example",
        "a@b.example> RCPT",
        "a@b.example\r\nX: y",
        "<a@b.example><c@d.example>",
        "",
        "no",
        None,
    ],
)
def test_a_value_that_is_not_one_address_is_no_recipient(email) -> None:
    to = EMAIL.settings.model_validate({**PLAIN, "to": ["{{ lead.email }}"]})
    ended = drive(EMAIL.converse(ann(lead={"email": email}), to))
    assert ended.outcome == TryLater(reason="unformattable", read="the mail can't be written: no_address")


@pytest.mark.parametrize("email", ["a@b.example, c@d.example", "", None])
def test_copies_and_replies_are_left_out_where_they_are_no_address(email) -> None:
    mail, message = made(ann(lead={"email": email}), cc=["{{ lead.email }}"], reply_to="{{ lead.email }}")
    assert message["cc"] is message["reply-to"] is None
    assert mail.also == ()


def test_a_name_with_everything_in_it_stays_one_name() -> None:
    _, message = made(
        ann(lead={"first_name": 'Zoë, "Z" (x);@'}), sender="{{ lead.first_name }} <leads@us.example>"
    )
    (sender,) = message["from"].addresses
    assert (sender.display_name, sender.addr_spec) == ('Zoë, "Z" (x);@', "leads@us.example")


def test_values_are_escaped_in_html_and_not_in_text() -> None:
    _, message = made(
        ann(lead={"first_name": "<b>Ann & Zoë</b>"}),
        text="{{ lead.first_name }}",
        html="<p>{{ lead.first_name }}</p>",
    )
    text, html = message.iter_parts()
    assert text.get_content().strip() == "<b>Ann & Zoë</b>"
    assert html.get_content().strip() == "<p>&lt;b&gt;Ann &amp; Zoë&lt;/b&gt;</p>"


def test_attachments_are_the_lead_as_their_readers_read_it() -> None:
    _, message = made(
        attach=[
            {"kind": "csv", "fields": {"First": "first_name", "Note": {"value": "=1+1"}, "Phone": "phone", "Low": {"value": -2}}},
            {"kind": "json", "fields": {"who.first": "first_name"}, "name": "a.json"},
            {"kind": "xml", "fields": {"first": "first_name"}},
            {"kind": "adf", "fields": {"vehicle.make": {"value": "Honda"}}},
        ]
    )  # fmt: skip
    csv, json, xml, adf = message.iter_attachments()
    assert (csv.get_filename(), csv.get_content_type()) == ("lead.csv", "text/csv")
    assert csv.get_content().split() == ["First,Note,Phone,Low", "Ann,'=1+1,+15125550123,-2"]
    assert (json.get_filename(), json.get_content()) == ("a.json", b'{"who":{"first":"Ann"}}')
    assert xml.get_content().endswith(b"<lead><first>Ann</first></lead>")
    assert adf.get_content_type() == "application/x-adf+xml"
    assert b"<make>Honda</make>" in adf.get_content()


def test_every_byte_of_a_mail_is_ascii_in_short_lines() -> None:
    mail, _ = made(
        ann(lead={"first_name": "Zoë" * 400, "notes": ".\r\n.\r\n"}), subject="{{ lead.first_name }}"
    )
    assert mail.message.isascii()
    assert all(len(line) <= 998 for line in mail.message.split(b"\r\n"))
    assert b"\n" not in mail.message.replace(b"\r\n", b"")


def test_text_that_is_no_text_is_a_failed_try_and_no_fault_of_ours() -> None:
    to = EMAIL.settings.model_validate(PLAIN)
    ended = drive(EMAIL.converse(ann(lead={"first_name": "\ud800"}), to))
    assert isinstance(ended.outcome, TryLater)


def test_a_test_lead_says_so_in_its_subject() -> None:
    _, message = made(ann(test=True), subject="New")
    assert message["subject"] == "TEST: New"
    assert message["x-leadgate-test"] == "true"


@pytest.mark.parametrize(
    ("words", "ended"),
    [
        (("greeting", 421, "busy"), TryLater(reason="smtp_421", read="greeting: 421 busy")),
        (("greeting", 554, "no"), TryLater(reason="smtp_554", read="greeting: 554 no")),
        (("starttls", 454, "no"), TryLater(reason="smtp_454", read="starttls: 454 no")),
        (("auth", 535, "who"), TryLater(reason="smtp_535", read="auth: 535 who")),
        (("mail", 451, "later"), TryLater(reason="smtp_451", read="mail: 451 later")),
        (("mail", 552, "too large"), Rejected(reason="smtp_552", read="mail: 552 too large")),
        (("rcpt", 450, "greylisted"), TryLater(reason="smtp_450", read="rcpt: 450 greylisted")),
        (
            ("rcpt", 550, "no such a@b.example"),
            Rejected(reason="smtp_550", read="rcpt: 550 no such …"),
        ),
        (("rcpt", 354, "what"), TryLater(reason="smtp_354", read="rcpt: 354 what")),
        (("data", 503, "order"), Rejected(reason="smtp_503", read="data: 503 order")),
    ],
)  # fmt: skip
def test_a_refusal_before_the_message_is_about_the_lead_or_about_us(words, ended) -> None:
    assert outcome(("ehlo", 250, "hello"), words) == ended


@pytest.mark.parametrize(
    ("code", "proof", "ended"),
    [
        (250, "taken", Accepted(read="end: 250 ok")),
        (250, "confirmed", Unclear(reason="awaits_confirmation", read="end: 250 ok")),
        (451, "taken", TryLater(reason="smtp_451", read="end: 451 ok")),
        (554, "taken", Rejected(reason="smtp_554", read="end: 554 ok")),
        (251, "taken", Unclear(reason="smtp_251", read="end: 251 ok")),
        (354, "taken", Unclear(reason="smtp_354", read="end: 354 ok")),
        (700, "taken", Unclear(reason="smtp_700", read="end: 700 ok")),
    ],
)
def test_the_answer_to_the_whole_mail_is_a_yes_only_where_the_contract_says_so(code, proof, ended) -> None:
    assert outcome(("data", 354, "go"), ("end", code, "ok"), whole=True, proof=proof) == ended


@pytest.mark.parametrize(
    "wrong",
    [
        {"proof": None},
        {"to": []},
        {"to": ["nobody"]},
        {"to": ["a@b.example, c@d.example"]},
        {"sender": "a@b.example\nBcc: x@y.example"},
        {"bounces": "{{ lead.email }}"},
        {"subject": "{{ lead."},
        {"html": "{% for %}"},
        {"timeout": "5m"},
        {"server": {"host": "mx.example", "port": 80}},
        {"server": {"host": "mx.example", "port": 3306}},
        {"server": {"host": "mx.example", "user": "u"}},
        {"server": {"host": "mx.example", "tls": "none", "user": "u", "password": "p"}},
        {"server": {"host": "mx example"}},
        {"attach": [{"kind": "pdf"}]},
        {"attach": [{"kind": "csv", "name": "../x\r\n"}]},
        {"attach": [{"kind": "adf", "fields": {"vehicle.wheels": "x"}}]},
        {"attach": [{"kind": "json", "fields": {"a": "x", "a.b": "y"}}]},
    ],
)  # fmt: skip
def test_settings_that_can_not_work_are_refused_when_saved(wrong) -> None:
    with pytest.raises(ValidationError):
        EmailSettings.model_validate({**PLAIN, **wrong})


def test_a_mail_with_a_link_to_nowhere_is_not_sent() -> None:
    to = EMAIL.settings.model_validate({**PLAIN, "text": "Have it? {{ confirm_url }}"})
    driven = drive(EMAIL.converse(ann(link=lambda _: ""), to))
    assert driven.calls == []
    assert isinstance(driven.outcome, TryLater)
    assert driven.outcome.reason == "unformattable"
    assert driven.outcome.read == (
        "the mail can't be written: it has confirm_url in it, and LEADGATE_PUBLIC_URL is not set"
    )


MANY = {
    "subject": "Leads of {{ campaign }}",
    "batch": {"every": "1h"},
    "attach": [{"kind": "csv", "fields": {"Id": "delivery_id"}}],
}


def test_many_leads_are_one_mail_with_a_file_and_nothing_of_any_of_them_around_it() -> None:
    mail, message = made(**MANY)
    (file,) = message.iter_attachments()
    assert file.get_filename() == f"leads-{ANN.delivery_id}.csv"
    assert file.get_content().split() == ["Id", str(ANN.delivery_id)]
    assert message["subject"] == "Leads of solar"
    assert b"Ann" not in mail.message


@pytest.mark.parametrize(
    "more",
    [
        {"subject": "{{ lead.email }}"},
        {"text": "{% if lead.bill %}x{% endif %}"},
        {"html": "<a href='{{ confirm_url }}'>yes</a>"},
        {"to": ["{{ raw.owner }}@sunco.example"]},
        {"attach": []},
        {"attach": [{"kind": "csv"}, {"kind": "json"}]},
    ],
)
def test_a_mail_of_many_that_speaks_of_one_is_refused(more) -> None:
    with pytest.raises(ValidationError, match="with batch"):
        EmailSettings.model_validate({**PLAIN, **MANY, **more})


MAILBOX = {"host": "imap.us.example", "user": "acks", "password": "hunter2"}
READ_BACK = {"mailbox": MAILBOX, "from": ["acks@sunco.example"], "listed": "accepted"}


def test_an_answer_by_file_is_waited_for() -> None:
    asks = {"proof": "acknowledged", "acknowledge": READ_BACK}
    assert isinstance(outcome(("end", 250, "OK"), whole=True, **asks), Unclear)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"proof": "acknowledged"}, "acknowledge and proof: acknowledged go together"),
        ({"acknowledge": READ_BACK, "proof": "taken"}, "acknowledge and proof: acknowledged go together"),
        ({"acknowledge": {**READ_BACK, "by": "row", "name": "{{ stem }}.txt"}}, "it needs batch"),
        ({"acknowledge": {**READ_BACK, "rest": "rejected"}}, "it needs batch"),
        ({"acknowledge": {**READ_BACK, "from": []}}, "at least 1 item"),
        ({"acknowledge": {**READ_BACK, "from": ["sunco.example"]}}, "is no sender; write one as"),
        ({"acknowledge": {**READ_BACK, "folder": "acks"}}, "Extra inputs are not permitted"),
        ({"acknowledge": {**READ_BACK, "mailbox": {**MAILBOX, "password": ""}}}, "needs a password or a token"),
        ({"acknowledge": {**READ_BACK, "mailbox": {**MAILBOX, "port": 25}}}, "the port is not dialled; use 143, 993"),
        ({"acknowledge": {**READ_BACK, "mailbox": {**MAILBOX, "done": "inbox"}}}, "needs two different folders"),
        ({"acknowledge": {**READ_BACK, "mailbox": {**MAILBOX, "folder": "a\r\nb"}}}, "has a character that no folder has"),
    ],
)  # fmt: skip
def test_what_could_never_be_answered_is_refused_in_words(wrong, says) -> None:
    with pytest.raises(ValidationError, match=says) as refused:
        EMAIL.settings.model_validate({**PLAIN, "proof": "acknowledged", **wrong})
    assert "hunter2" not in str(refused.value)


def test_the_mailbox_has_a_secret_that_is_sealed() -> None:
    places = secret_places(EMAIL.settings, {"acknowledge": READ_BACK})
    assert places == [("acknowledge", "mailbox", "password")]
    assert unknown_places(EMAIL.settings, {"acknowledge": READ_BACK}) == []
