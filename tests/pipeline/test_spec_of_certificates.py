"""A source is told what certificates are refused for, as the campaign says it, and no secret."""

from app.catalog.documents import CampaignDoc
from app.components import discover
from app.pipeline.spec_checks import checks_told, rules_of
from app.validate.check import checks


def test_each_code_is_told_with_its_own_action() -> None:
    discover()
    entry = {"check": "jornaya", "account": "a", "key": "s3cret", "too_quick": "hold", "unknown": "flag"}
    doc = CampaignDoc.model_validate({"id": "solar", "fields": {}, "checks": [entry]})
    told = [one for one in checks_told(list(rules_of(doc, checks)), {}) if one.check == "jornaya"]
    actions = {code.code: code.action for code in told[0].codes}
    assert (actions["missing"], actions["too_quick"]) == ("reject", "hold")
    assert "unknown" not in actions
    assert "s3cret" not in repr(told)
