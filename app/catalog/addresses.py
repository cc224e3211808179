"""How a catalogue writes addresses: of mail, of its senders, of a page and of a site."""

import re

_ORIGIN = re.compile(r"https?://(?:[a-z0-9-]{1,63}\.)*[a-z0-9-]{1,63}(?::[0-9]{1,5})?\Z")
_PAGE = re.compile(r"(?:https?://(?:[a-zA-Z0-9-]{1,63}\.)*[a-zA-Z0-9-]{1,63}(?::[0-9]{1,5})?)/[!-~]*\Z")
_ADDRESS = re.compile(r"^[^\s@<>()\[\],;:\"\\*]{1,64}@[^\s@<>()\[\],;:\"\\*?]{1,190}\Z")
_SENDER = re.compile(r"^[^\s@<>()\[\]?,;:\"\\]{1,64}@[^\s@<>()\[\]?,;:\"\\]{1,190}\Z")


def mailbox(text: str) -> str:
    address = text.strip().lower()
    if not _ADDRESS.match(address):
        raise ValueError("is no mail address; write it as leads@example.com")
    return address


def sender(text: str) -> str:
    pattern = text.strip().lower()
    if not _SENDER.match(pattern):
        raise ValueError(
            "is no sender; write one as leads@portal.example, *@portal.example or *@*.portal.example"
        )
    return pattern


def origin(text: str) -> str:
    if not _ORIGIN.match(text):
        raise ValueError("is no origin; write https://www.example.com, in lower case and without a path")
    return text


def page(text: str) -> str:
    if not _PAGE.match(text):
        raise ValueError("is no address of a page; write https://www.example.com/thanks")
    return text
