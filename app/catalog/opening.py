"""When somebody is there: hours of a week by the wall clock of a zone."""

from collections.abc import Mapping

from app.catalog.document import Document


class Hours(Document):
    """When a contract takes leads, or a person works: weekday ranges → one or several `HH:MM-HH:MM`, in `zone`."""

    zone: str
    open: Mapping[str, str | tuple[str, ...]]
