import pytest
from pydantic import ValidationError

from app.validate.check import Mx
from app.validate.checks.email import Email, EmailSettings
from tests.validate.checks.conftest import lead_of


def test_the_golden_cases(agrees):
    assert agrees


def test_the_dns_is_not_asked_unless_the_campaign_says_so():
    lead = lead_of({"fields": {"email": "anna@example.com"}})
    assert list(Email().asks(lead, EmailSettings())) == []
    assert list(Email().asks(lead, EmailSettings(mx="flag"))) == [Mx("example.com")]


def test_a_domain_with_umlauts_is_asked_for_in_its_ascii_form():
    lead = lead_of({"fields": {"email": "anna@müller.de"}})
    assert list(Email().asks(lead, EmailSettings(mx="flag"))) == [Mx("xn--mller-kva.de")]


def test_an_action_that_does_not_exist_is_refused():
    with pytest.raises(ValidationError):
        EmailSettings.model_validate({"disposable": "ignore"})
