"""Of a mail the files that fit are read, under the names and in the letters that its sender meant; of others nothing."""

from base64 import encodebytes
from email.message import EmailMessage
from email.policy import SMTP

import pytest

from app.distribute.ack_rows import rows_of
from app.distribute.acknowledging import AcknowledgeByMail
from app.distribute.enclosed import enclosed
from app.distribute.packed import Unpackable

TOLD = AcknowledgeByMail.model_validate(
    {
        "mailbox": {"host": "h", "user": "u", "password": "p"},
        "from": ["acks@sunco.example"],
        "listed": "accepted",
        "name": "{{ name }}.ack",
    }
)
HEAD = b"From: acks@sunco.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"


def part(head: str, body: bytes = b"x") -> bytes:
    return b"--b\r\n" + head.encode() + b"\r\n\r\n" + body + b"\r\n"


def found(*parts: bytes) -> list[tuple[str, tuple[str, ...], bytes]]:
    mail = HEAD + b"".join(parts) + b"--b--\r\n"
    return [(one.name, one.answers, one.body) for one in enclosed(mail, TOLD.answers)]


@pytest.mark.parametrize(
    "head",
    [
        'Content-Disposition: attachment; filename="a.csv.ack"',
        "Content-Disposition: inline; filename=a.csv.ack",
        "Content-Type: text/plain; name=a.csv.ack",
        "Content-Disposition: attachment; filename*=utf-8''a%2Ecsv.ack",
        'Content-Disposition: attachment; filename*0="a.csv"; filename*1=".ack"',
        'Content-Disposition: attachment; filename="=?utf-8?q?a=2Ecsv.ack?="',
        'Content-Disposition: attachment; filename="C:\\\\out\\\\a.csv.ack"',
        "Content-Disposition: attachment; filename=../../a.csv.ack",
    ],
)
def test_a_name_is_read_however_it_is_written(head: str) -> None:
    assert found(part(head)) == [("a.csv.ack", ("a.csv",), b"x")]


@pytest.mark.parametrize(
    "head",
    [
        "Content-Disposition: attachment",
        "Content-Disposition: attachment; filename=a.csv",
        "Content-Disposition: attachment; filename=.ack",
        f"Content-Disposition: attachment; filename={'a' * 300}.ack",
        "Content-Disposition: attachment; filename*=x-unknown''%80.ack.exe",
    ],
)
def test_what_has_another_name_or_none_is_passed_over(head: str) -> None:
    assert found(part(head)) == []


def test_several_files_are_read_in_their_order_and_base64_is_undone() -> None:
    first = part(
        "Content-Disposition: attachment; filename=1.ack\r\nContent-Transfer-Encoding: base64", b"YWI="
    )
    assert found(first, part("Content-Disposition: attachment; filename=2.ack")) == [
        ("1.ack", ("1",), b"ab"),
        ("2.ack", ("2",), b"x"),
    ]


def test_what_is_in_a_mail_that_is_passed_on_is_nobodys_answer() -> None:
    ours = EmailMessage(policy=SMTP)
    ours.set_content("Our own, that could not be delivered")
    ours.add_attachment(b"x", "text", "csv", filename="leads.csv.ack")
    back = EmailMessage(policy=SMTP)
    back["From"] = "mailer-daemon@sunco.example"
    back.set_content("It did not arrive")
    back.add_attachment(ours)
    assert enclosed(back.as_bytes(), TOLD.answers) == []


@pytest.mark.parametrize(
    ("charset", "encoding"),
    [
        ("utf-8", "utf-8"),
        ("iso-8859-1", "cp1252"),
        ("windows-1250", "cp1250"),
        ("utf-16le", "utf-16-le"),
        ("shift_jis", "utf-8"),
        ("no-such-charset", "cp1252"),
    ],
)
def test_the_letters_are_those_that_the_mail_says_unless_its_bytes_say_better(
    charset: str, encoding: str
) -> None:
    body = encodebytes("Id;Why\r\n1;zu weit für uns\r\n".encode(encoding))
    head = f"Content-Type: text/csv; charset={charset}; name=a.ack\r\nContent-Transfer-Encoding: base64"
    ((_, _, text),) = found(part(head, body))
    assert list(rows_of(text, None, header=True)) == [{"Id": "1", "Why": "zu weit für uns"}]


def test_plain_letters_of_two_bytes_each_are_read_as_the_mail_says() -> None:
    body = encodebytes("Id;Status\n1;OK\n".encode("utf-16-le"))
    head = "Content-Type: text/csv; charset=utf-16le; name=a.ack\r\nContent-Transfer-Encoding: base64"
    ((_, _, text),) = found(part(head, body))
    assert text == b"Id;Status\n1;OK\n"


@pytest.mark.parametrize(
    "mail",
    [
        HEAD + b"--b\r\n\r\nx\r\n" * 150 + b"--b--\r\n",
        HEAD + b"--b\r\n\r\nx\r\n" * 2_000 + b"--b--\r\n",
        b"X: y\r\n" * 60_000 + b"\r\n",
        b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(50)),
        b"Content-Type: text/plain; " + b"a=b; " * 100_000 + b"\r\n\r\nx",
    ],
    ids=["parts", "more parts", "headers", "nested", "parameters"],
)
def test_a_hostile_mail_is_refused_as_a_whole(mail: bytes) -> None:
    with pytest.raises(Unpackable) as refused:
        enclosed(mail, TOLD.answers)
    assert refused.value.code == "unreadable"


@pytest.mark.parametrize("mail", [b"", b"\0\xff\xfe", b"From: x", b"\r\n\r\n", HEAD])
def test_a_mail_of_nothing_has_no_file(mail: bytes) -> None:
    assert enclosed(mail, TOLD.answers) == []
