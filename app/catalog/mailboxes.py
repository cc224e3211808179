"""Which source a mail address belongs to, and that it belongs to one only."""

from collections.abc import Mapping

from app.catalog.documents import SourceDoc
from app.catalog.found import Reading


def mailboxes(sources: Mapping[str, SourceDoc]) -> dict[str, str]:
    """Address in lower case → source, paused ones too."""
    return {
        address: source.id for source in sources.values() if source.mail for address in source.mail.addresses
    }


def source_of(address: str, known: Mapping[str, str]) -> str | None:
    """`acme+solar@…` is `acme@…` where nobody has it for himself."""
    address = address.lower()
    if address in known:
        return known[address]
    local, _, domain = address.rpartition("@")
    plain, plus, _ = local.partition("+")
    return known.get(f"{plain}@{domain}") if plus else None


def check_mailboxes(reading: Reading) -> None:
    given = {item.id for item in reading.of("source")}
    others = {source.id: source for source in reading.current.sources if source.id not in given}
    owners = mailboxes(others)
    for item in reading.of("source"):
        if not isinstance(item.doc, SourceDoc) or item.doc.mail is None:
            continue
        for i, address in enumerate(item.doc.mail.addresses):
            owner = owners.setdefault(address, item.id)
            if owner != item.id or address in item.doc.mail.addresses[:i]:
                reading.say(
                    item,
                    ["mail", "addresses", i],
                    f"is source {owner}'s already",
                    "a mail belongs to one source",
                )
