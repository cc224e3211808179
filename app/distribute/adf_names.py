"""Which of a lead's fields goes where in an ADF document, by the names that campaigns usually give them."""

import re
from collections.abc import Mapping

from app.model import Scalar

_NAME = re.compile(r"(?:lead\.)?([a-z][a-z0-9_]*)")
_IN_EXPRESSION = re.compile(r"\blead\.([a-z][a-z0-9_]*)")

_VEHICLE = {
    "year": (), "make": (), "model": (), "vin": (), "trim": (), "doors": (), "transmission": (), "condition": (),
    "stock": ("stock_number",),
    "bodystyle": ("body_style",),
    "odometer": ("mileage", "odometer"),
    "colorcombination.exteriorcolor": ("exterior_color", "color"),
    "colorcombination.interiorcolor": ("interior_color",),
}  # fmt: skip

NAMES: Mapping[str, tuple[str, ...]] = {
    "first_name": ("first_name",),
    "middle_name": ("middle_name",),
    "last_name": ("last_name", "surname"),
    "suffix": ("suffix", "name_suffix"),
    "full_name": ("full_name", "name"),
    "company": ("company", "business_name"),
    "email": ("email",),
    "phone": ("phone",),
    "phone.voice": ("home_phone", "work_phone", "landline"),
    "phone.cellphone": ("mobile", "cellphone", "cell_phone", "mobile_phone"),
    "phone.fax": ("fax",),
    "address.street.1": ("street", "address", "address_line_1", "address1", "street_address"),
    "address.street.2": ("street2", "address_line_2", "address2"),
    "address.apartment": ("apartment", "unit"),
    "address.city": ("city",),
    "address.regioncode": ("state", "province", "region"),
    "address.postalcode": ("postal_code", "zip", "zip_code"),
    "address.country": ("country",),
    "timeframe.description": ("timeframe",),
    "comments": ("comments", "notes", "message"),
    **{f"vehicle.{step}": (f"vehicle_{step}", step, *more) for step, more in _VEHICLE.items() if "." not in step},
    **{f"vehicle.{step}": names for step, names in _VEHICLE.items() if "." in step},
    "vehicle.price": ("vehicle_price",),
    "vehicle@interest": ("interest", "vehicle_interest"),
    "vehicle@status": ("vehicle_status",),
    **{f"trade_in.{step}": (f"trade_in_{step}",) for step in _VEHICLE if "." not in step},
}  # fmt: skip
"""Place → our names for it, the first that has a value first."""


def guesses(lead: Mapping[str, Scalar], told: frozenset[str]) -> tuple[dict[str, Scalar], dict[str, Scalar]]:
    """What goes where, and what has no place. `told`: fields that the contract has put somewhere itself."""
    rest: dict[str, Scalar] = {
        name: value for name, value in lead.items() if value not in (None, "") and name not in told
    }
    placed: dict[str, Scalar] = {}
    for place, names in NAMES.items():
        name = next((name for name in names if name in rest), None)
        if name is not None:
            placed[place] = rest.pop(name)
    return placed, rest


def named_in(written: object) -> frozenset[str]:
    """The fields of a lead that a filling looks at."""
    if not isinstance(written, str):
        return frozenset()
    if (whole := _NAME.fullmatch(written)) is not None:
        return frozenset((whole[1],))
    return frozenset(_IN_EXPRESSION.findall(written))
