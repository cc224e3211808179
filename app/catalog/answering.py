"""Whether a buyer who answers by a file of his own is given the id by which he is to name a lead."""

from collections.abc import Mapping
from typing import Any


def unnamed(deliver: Mapping[str, Any]) -> tuple[str, str] | None:
    """Where a contract asks for an answer that nobody can give, and why."""
    mail = deliver.get("mail")
    path, to = ("deliver.mail", mail) if isinstance(mail, Mapping) else ("deliver", deliver)
    told = to.get("acknowledge")
    by = told.get("by", "delivery_id") if isinstance(told, Mapping) else "row"
    if not isinstance(told, Mapping) or by == "row":
        return None
    if "mailbox" in told:
        where, is_given = "nothing in the mail", _mail_names(to, by, adf=mail is not None)
    else:
        where, is_given = "none of fields", _file_names(to, by)
    text = f"{where} is {by}, so the buyer's file can't name a lead by it"
    return None if is_given else (f"{path}.acknowledge", text)


def _file_names(to: Mapping[str, Any], by: str) -> bool:
    fields = to.get("fields")
    return not isinstance(fields, Mapping) or any(by in str(one) for one in fields.values())


def _mail_names(to: Mapping[str, Any], by: str, *, adf: bool) -> bool:
    """In what is written for it; else the subject, the text and what is attached whole name the lead, and a whole file
    of many the deliveries too."""
    if by in str({key: told for key, told in to.items() if key != "acknowledge"}):
        return True
    attached = [one for one in to.get("attach") or () if isinstance(one, Mapping)]
    whole = any(not one.get("fields") for one in attached)
    if by == "delivery_id":
        return whole and bool(to.get("batch"))
    return whole or adf or "subject" not in to or "text" not in to
