"""A lead that comes by SMTP."""

from tests.api.mail.conftest import Post

FORM = (
    b"From: Portal <form@portal.example>\r\nSubject: New lead\r\nMessage-ID: <1@portal.example>\r\n\r\n"
    b"First Name: Ann\r\nEmail: ann@example.com\r\n"
)


async def test_a_mail_to_an_address_of_a_source_is_a_lead_of_that_source(post: Post) -> None:
    assert (await post.send(mail=FORM)).startswith("250 2.0.0 Kept as ")
    assert await post.emails() == ["ann@example.com"]
