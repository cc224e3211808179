"""Everything that registers itself, discovered once by the roots."""

from functools import cache

from app.catalog.kinds import Kinds
from app.distribute.adapter import adapters
from app.enrich.enricher import enrichers
from app.followup.callback import CallbackSettings
from app.ingest.channel import channels
from app.ingest.fieldtype import fieldtypes
from app.ingest.format import formats
from app.ingest.platform import platforms
from app.ingest.reply import replies
from app.validate.check import checks


@cache
def discover() -> Kinds:
    """Import every component; the settings models by name, for the catalogue. Raises RegistryError."""
    formats.discover()
    return Kinds(
        fieldtypes={one.name: one.settings for one in fieldtypes.discover()},
        checks={one.name: one.settings for one in checks.discover()},
        adapters={one.name: one.settings for one in adapters.discover()},
        channels={one.name: one.settings for one in channels.discover()},
        platforms={one.name: one.settings for one in platforms.discover()},
        replies={one.name: one.settings for one in replies.discover()},
        callbacks={"callback": CallbackSettings},
        enrichers={one.name: one.settings for one in enrichers.discover()},
        codes={one.name: tuple(one.codes) for one in checks},
    )
