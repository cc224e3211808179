"""Since when a source's spec is as it is, and what of it differs from an earlier version."""

from collections.abc import Sequence
from typing import Any

from app.catalog.documents import CampaignDoc, SourceDoc
from app.catalog.rows import from_row
from app.core.errors import Unprocessable
from app.core.registry import RegistryError
from app.pipeline.spec import Known, Spec, bare, compared
from app.store.history import Revision, revisions


async def dated(conn: Any, spec: Spec, campaign_id: str, known: Known) -> Spec:
    """The spec with the version and the moment of its last change, not of the catalogue's."""
    of_source = await revisions(conn, "source", spec.source)
    of_campaign = await revisions(conn, "campaign", campaign_id)
    version, at = spec.version, None
    for revision in sorted([*of_source, *of_campaign], key=lambda r: -r.version):
        then = _then(of_source, of_campaign, revision.version, known)
        if then is None or then.fingerprint != spec.fingerprint:
            break
        version, at = revision.version, revision.at
    return spec.model_copy(update={"version": version, "changed_at": at})


async def with_changes(conn: Any, spec: Spec, since: int, newest: int, known: Known) -> Spec:
    """Raises Unprocessable for a version that is not yet."""
    if since > newest:
        raise Unprocessable("since names a version that is not there yet", where="query.since")
    then = await spec_at(conn, spec.source, since, known)
    return spec.model_copy(update={"changes": compared(then, spec, since)})


async def spec_at(conn: Any, source_id: str, version: int, known: Known) -> Spec | None:
    """Bare, as at that version; None where the source was not configured then, or can't be understood any more."""
    of_source = await revisions(conn, "source", source_id, until=version, most=1)
    if not of_source or of_source[0].doc is None:
        return None
    campaign_id = str(of_source[0].doc.get("campaign"))
    of_campaign = await revisions(conn, "campaign", campaign_id, until=version, most=1)
    return _then(of_source, of_campaign, version, known)


def _then(
    of_source: Sequence[Revision], of_campaign: Sequence[Revision], version: int, known: Known
) -> Spec | None:
    source, campaign = (
        next((one.doc for one in found if one.version <= version), None) for found in (of_source, of_campaign)
    )
    if source is None or campaign is None:
        return None
    try:
        its: SourceDoc = from_row("source", source)
        sold: CampaignDoc = from_row("campaign", campaign)
        return bare(sold, its, known, base="", version=version) if its.campaign == sold.id else None
    except (ValueError, KeyError, RegistryError):
        return None  # configured for components that are gone
