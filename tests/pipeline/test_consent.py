"""A campaign's declared texts reach its check, and what a posted lead brings of its consent stays with it."""

from app.store.database import Database
from app.store.leads import decode
from tests.pipeline.house import catalogue, lead, opened, source

SAID = """    consent: {v1: "Solar Inc. may call me."}
    distribution:"""


async def test_a_text_that_the_campaign_does_not_declare_is_refused_and_kept(database: Database) -> None:
    yaml = catalogue(source(), checks="[{check: consent, no_ip: allow, no_page: allow}]").replace(
        "    distribution:", SAID
    )
    async with opened(database, yaml) as house:
        now = house.world.now().isoformat()
        good = await house.one(lead(tcpa_text="Solar Inc.  may call me.", consent_at=now))
        other = await house.one(lead("bob@example.com", tcpa_text="Anybody may.", consent_at=now))
        assert [reason["code"] for reason in good.reasons] == ["no_buyer"]
        assert [reason["code"] for reason in other.reasons] == ["other_text"]
        extra = decode(await house.value("select extra from lead_detail where lead_id = $1", other.lead_id))
        assert extra == {"tcpa_text": "Anybody may.", "consent_at": now}
