"""From a lead to the legs of its chain, and from what was chosen there to hand-overs."""

from collections.abc import Callable, Sequence
from typing import Any

from app.core.world import World
from app.distribute.auction import Bound
from app.distribute.chain import Passage
from app.distribute.hybrid import asked_last
from app.distribute.route import Match, RouteIndex
from app.distribute.wanting import Choice, Want
from app.pipeline.hand_overs import new_job, untallied
from app.pipeline.plans import CampaignPlan
from app.pipeline.tracks import Job, Track


def passage(
    campaign: CampaignPlan,
    match: Match,
    *,
    held: Sequence[tuple[str, int]] = (),
    slots: int | None = None,
) -> Passage | None:
    """None where the campaign has no chain and sells in one way, or the lead was auctioned: its bidders alone are
    asked. `held`: (contract, slot) of its round."""
    chained = campaign.legs and not isinstance(match, Bound)
    return Passage(campaign.legs, match, held=held, slots=slots) if chained else None


def tested(want: Want) -> Choice:
    """Of a test lead, which goes the same way: nothing is counted, no cap, no turn."""
    return asked_last(want, _untallied)


def _untallied(want: Want) -> tuple[Choice, Callable[[], None]]:
    return untallied(want.match, want.copies, frozenset(want.tried), frozenset(want.buyers)), lambda: None


def jobs_of(track: Track, slots: Sequence[int], choice: Choice, world: World) -> tuple[Job, ...]:
    """First attempts with those who were chosen, in the free slots, or in those of the way in which it is sold."""
    campaign = track.plan.campaign
    index = index_of(campaign, choice)
    either = bool(choice.slots) and campaign.legs[choice.leg].shared is not None
    alone = not choice.shared if either else None
    return tuple(
        new_job(track, one.contract, slot, one.caps, world, index, alone=alone)
        for slot, one in zip(choice.slots or slots, choice.chosen, strict=False)
    )


def index_of(campaign: CampaignPlan, choice: Choice) -> RouteIndex[Any]:
    """Where the chosen ones stand, at the prices that they pay."""
    if not choice.slots:
        return campaign.index
    leg = campaign.legs[choice.leg]
    return leg.shared if choice.shared and leg.shared is not None else leg.index


def told(passage: Passage, choice: Choice, *, most: int, everything: bool = False) -> list[dict[str, Any]]:
    """For the why: each leg that was begun, or with `everything` each there is, with the best of those who wanted the
    lead; and where it is sold either way, what both earned."""
    last = len(passage.legs) - 1 if everything else choice.leg
    return [_leg_told(passage, n, choice, most) for n in range(last + 1)]


def _leg_told(passage: Passage, n: int, choice: Choice, most: int) -> dict[str, Any]:
    leg = passage.legs[n]
    match = passage.match(n)
    said: dict[str, Any] = {
        "leg": leg.name, "of": leg.members.bit_count(), "eligible": match.count, "ranked": _priced(match, most),
    }  # fmt: skip
    if leg.shared is not None:
        copies = passage.match(n, shared=True)
        said["copies"] = {
            "of": len(leg.shared.contracts),
            "eligible": copies.count,
            "ranked": _priced(copies, most),
        }
    if n == choice.leg and choice.chosen:
        said["took"] = "shared" if choice.shared else "alone"
        if choice.earns:
            said["earns"] = {"alone": str(choice.earns[0]), "shared": str(choice.earns[1])}
    return said


def _priced(match: Match, most: int) -> list[tuple[str, str]]:
    index = match.index
    return [(one, str(index.contracts[index.number[one]].doc.price)) for one in match.ranked(most)]
