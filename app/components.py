"""Everything that registers itself, discovered once by the roots."""

from functools import cache

from app.catalog.kinds import Gazetteer, Kinds
from app.distribute.adapter import adapters
from app.distribute.auction import BidSettings
from app.enrich.enricher import enrichers
from app.followup.callback import CallbackSettings
from app.followup.postback import PostbackSettings
from app.ingest.channel import channels
from app.ingest.fieldtype import fieldtypes
from app.ingest.format import formats
from app.ingest.pinged import PingSettings
from app.ingest.platform import platforms
from app.ingest.reply import replies
from app.pipeline.atlas import middle_of
from app.validate.check import checks
from app.validate.postcodes import PROVINCES, US_STATES


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
        postbacks={"postback": PostbackSettings},
        pings={"ping": PingSettings},
        bids={"bid": BidSettings},
        enrichers={one.name: one.settings for one in enrichers.discover()},
        codes={one.name: tuple(one.codes) for one in checks},
        places=Gazetteer(US_STATES | PROVINCES, knows=lambda code: middle_of(code) is not None),
    )
