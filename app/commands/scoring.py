"""What `doctor` looks at in scores: models that drifted, and definitions of sales-ready that nobody looked at for long."""

from collections.abc import Sequence
from datetime import date

from app.catalog.documents import Catalogue
from app.catalog.rows import catalogue_of
from app.commands.desk import world
from app.commands.examining import Line
from app.settings import Settings
from app.store import models
from app.store.catalogue import CatalogueStore
from app.store.database import Database

REVIEWED_EVERY = 183
"""Days after which people should look again whether a definition of sales-ready still holds."""


async def scores(database: Database, _: Settings) -> Sequence[Line]:
    """A model in force foretells what comes, and what is called sales-ready was looked at this half-year."""
    declared = catalogue_of((await CatalogueStore(database).load())[1])
    async with database.acquire() as conn:
        found = await models.drifts(conn)
    drifted = [
        Line("warn", "scores", f"the model {one.id} meets other leads, or foretells another rate than comes",
             f"leadgate score drift, then leadgate score fit {one.campaign}")
        for one in found if one.drifted
    ]  # fmt: skip
    lines = [*drifted, *overdue(declared, world().now().date())]
    if found and not lines:
        return [Line("ok", "scores", f"in force: {', '.join(one.id for one in found)}")]
    return lines


def overdue(declared: Catalogue, today: date) -> list[Line]:
    """Only where somebody put down when it was looked at last."""
    lines = []
    for campaign in declared.campaigns:
        ready = campaign.score.sales_ready
        if ready is None or ready.reviewed is None:
            continue
        days = (today - ready.reviewed).days
        if days > REVIEWED_EVERY:
            told = f"what {campaign.id} calls sales-ready (version {ready.version}) was last looked at {days} days ago"
            cure = "look at it with the sales team, then set sales_ready.reviewed"
            lines.append(Line("warn", "scores", told, cure))
    return lines
