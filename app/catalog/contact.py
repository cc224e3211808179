"""Which fields of a campaign a person is known or reached by: what a ping never has."""

from collections.abc import Mapping

from app.catalog.documents import CampaignDoc

_TYPES = frozenset(("name", "email", "phone", "address"))
_NAMES = {
    "name": "name", "first_name": "name", "middle_name": "name", "last_name": "name", "full_name": "name",
    "email": "email", "email_address": "email", "phone": "phone", "phone_number": "phone", "mobile": "phone",
    "cell": "phone", "telephone": "phone", "street": "address", "street_address": "address", "address": "address",
    "address1": "address", "address2": "address", "address_1": "address", "address_2": "address", "ssn": "name",
}  # fmt: skip
"""Of fields that are plain text."""


def contact_fields(campaign: CampaignDoc) -> Mapping[str, str]:
    """Field → name, email, phone or address: by its type, and a field of plain text by what it is called."""
    kinds = {
        name: doc.type if doc.type in _TYPES else _NAMES.get(name, "") if doc.type == "text" else ""
        for name, doc in campaign.fields.items()
    }
    return {name: kind for name, kind in kinds.items() if kind}
