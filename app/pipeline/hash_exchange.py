"""Who has a person of whom only hashes are known: leads leave a mark that their source's partners can make too.

A mark is left only where a source of the campaign exchanges hashes and buyers are told apart by their persons
(`duplicate` with `scope: buyer`), under each such source's own salt. Lists know no salt but none.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from app.catalog.lists import WIDTH, forms_of
from app.core.hashed import Hashed
from app.pipeline.plans import CampaignPlan, Plans
from app.store import lead_keys, suppression
from app.store.lead_keys import Shared
from app.validate.check import Having
from app.validate.key import digest

if TYPE_CHECKING:
    from app.pipeline.drafts import Draft

_AS_IT_IS = {"phone": "e164", "email": "lower"}


async def mark(conn: Any, drafts: Sequence["Draft"], plans: Plans) -> None:
    """For leads that were taken, in the transaction that took them."""
    shared = [one for draft in drafts if draft.plan.campaign.by_buyer for one in _marks(draft, plans)]
    if shared:
        await lead_keys.share(conn, shared)


def _marks(draft: "Draft", plans: Plans) -> Iterable[Shared]:
    campaign = draft.plan.campaign
    schemes = plans.hashing(campaign.id)
    if not schemes or draft.verdict is None or draft.verdict.outcome != "accepted":
        return
    for claim in campaign.judge.claims(draft.lead):
        if isinstance(claim, Having) and claim.kind:
            for scheme in schemes:
                key = _key(campaign, scheme, claim.kind, scheme.of(claim.value), test=draft.lead.test)
                yield Shared(key, draft.lead.id, claim.within, False)


async def who_has(
    conn: Any, campaign: CampaignPlan, scheme: Hashed, hashes: Mapping[str, str], *, test: bool
) -> set[str]:
    """Buyers who must not be asked for this person."""
    keys: dict[bytes, float] = {}
    for kind, within in _windows(campaign).items():
        if kind in hashes:
            keys[_key(campaign, scheme, kind, hashes[kind], test=test)] = within
    if not keys:
        return set()
    return {buyer for found in (await lead_keys.having(conn, keys)).values() for buyer, _ in found}


async def listed(conn: Any, plans: Plans, scheme: Hashed, hashes: Mapping[str, str]) -> set[str]:
    """Ids of the lists on which a hash stands, as far as that can be known: not of a salted one, and of a hashed list
    only where it was made in the same way."""
    if scheme.salt is not None or not hashes:
        return set()
    asked = [
        (doc.id, bytes.fromhex(hashes[doc.of])[:WIDTH])
        for doc in plans.snapshot.lists.values()
        if doc.of in hashes and (doc.hashed or "sha256") == scheme.hash and _AS_IT_IS[doc.of] in forms_of(doc)
    ]
    return {asked[place][0] for place in await suppression.hits(conn, asked)} if asked else set()


def barring(campaign: CampaignPlan) -> set[str]:
    """Lists whose people this campaign does not take."""
    used = (to for check, to in campaign.judge.rules if check.name == "suppression")
    return {
        name
        for to in used
        for name in getattr(to, "names", ())
        if getattr(getattr(to, "uses", {}).get(name), "action", getattr(to, "action", "reject")) == "reject"
    }


def _windows(campaign: CampaignPlan) -> dict[str, float]:
    """phone, email → how far back a buyer's duplicates by it alone are looked for, in seconds."""
    found: dict[str, float] = {}
    for _, to in campaign.judge.rules:
        if getattr(to, "scope", "") == "buyer":
            for _, names in getattr(to, "entries", ()):
                kind = campaign.contact.get(names[0], "") if len(names) == 1 else ""
                if kind in _AS_IT_IS:
                    found[kind] = max(found.get(kind, 0.0), float(getattr(to, "seconds", 0)))
    return found


def _key(campaign: CampaignPlan, scheme: Hashed, kind: str, hashed: str, *, test: bool) -> bytes:
    return digest("ping", campaign.id, scheme.hash, kind, hashed, test)
