import pytest

from app.core.expressions import Expression, Failed


@pytest.mark.parametrize("lead", [{"state": "\ud800"}, {"\ud800": "HI"}, {"state": 10**30}, {}])
def test_a_value_that_cannot_be_looked_at_is_a_no_and_no_error(lead):
    expression = Expression('lead.state == "HI"')
    assert isinstance(expression.value({"lead": lead}), Failed)
    assert not expression.holds({"lead": lead})
