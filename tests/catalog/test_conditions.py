"""What `apply` says of a check's condition that names what there is not: else it would never be true."""

import pytest

from app.catalog.problems import CatalogueErrors
from app.catalog.reading import read
from app.components import discover

CAMPAIGN = """
campaigns:
  - id: solar
    fields: {email: {type: email}, bill: {type: number}}
    checks: [{check: rule, when: '%s'}]
"""


@pytest.mark.parametrize(
    ("when", "hint"),
    [
        ("lead.bil > 1", 'no field "bil" on campaign solar; did you mean "bill"?'),
        ("lead.bill >", "it ends too early"),
    ],
)
def test_a_condition_of_a_check_is_held_against_the_fields(when, hint):
    with pytest.raises(CatalogueErrors) as raised:
        read([("t.yaml", CAMPAIGN % when)], discover())
    (problem,) = raised.value.problems
    assert problem.path == "campaigns[0].checks[0].when"
    assert problem.hint == hint


def test_a_condition_that_names_fields_of_the_campaign_is_taken():
    read([("t.yaml", CAMPAIGN % "lead.bill > 1")], discover())
