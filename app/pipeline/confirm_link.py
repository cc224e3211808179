"""The address in a delivery where a person says that it arrived: signed, for this one, for a while."""

from collections.abc import Callable
from datetime import timedelta
from functools import lru_cache
from uuid import UUID

from app.core.world import moment_of
from app.pipeline.spec_link import query_of

PURPOSE = "confirm link"
"""What the key is derived for, of the installation's secret."""
DAYS = 30

Link = Callable[[UUID], str]


def no_link(_delivery: UUID) -> str:
    return ""


def links(key: bytes, base: str) -> Link:
    """`base` is how the world reaches this service; without it there is no address to give."""
    if not base:
        return no_link

    @lru_cache(1024)  # each template of a delivery asks
    def link(delivery: UUID) -> str:
        until = moment_of(delivery) + timedelta(days=DAYS)
        return f"{base.rstrip('/')}/c/{delivery}?{query_of(key, str(delivery), until)}"

    return link
