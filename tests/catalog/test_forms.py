"""What a file may say of a hosted form."""

import pytest

from app.catalog.export import export
from app.catalog.forms import asked
from app.catalog.problems import CatalogueErrors
from app.catalog.reading import read
from app.components import discover

KINDS = discover()

CATALOGUE = """
campaigns:
  - id: solar
    fields:
      email: {type: email, required: true}
      roof: {type: choice, values: [flat, pitched]}
      agreed: {type: boolean}
      utm_source: {type: text}
      campaign: {type: text}
      country: {type: text}
sources:
  - id: acme
    campaign: solar
    mapping: {gclid: campaign}
    defaults: {country: US}
    form: %s
"""


def told(form: str, text: str = CATALOGUE) -> list[tuple[str, str]]:
    """(path below the form, message) of each problem."""
    with pytest.raises(CatalogueErrors) as caught:
        read([("t.yaml", text % form)], KINDS)
    return [
        (one.path.removeprefix("sources[0].form").lstrip("."), one.message) for one in caught.value.problems
    ]


def test_a_form_asks_what_nothing_else_fills() -> None:
    for form, names in (
        ("{}", ["email", "roof", "agreed"]),
        ("{consent: {text: a, version: b, field: agreed}}", ["email", "roof"]),
    ):
        catalogue = read([("t.yaml", CATALOGUE % form)], KINDS)
        (campaign,), (source,) = catalogue.campaigns, catalogue.sources
        assert source.form is not None
        assert list(asked(source.form, campaign, source)) == names


@pytest.mark.parametrize(
    ("form", "path", "message"),
    [
        ("{fields: [email, mail]}", "fields[1]", '"mail" is no field of campaign solar'),
        ("{steps: [{title: a, fields: [email, mail]}]}", "steps[0].fields[1]", '"mail" is no field of campaign solar'),
        ("{labels: {mail: E-mail}}", "labels.mail", '"mail" is no field of campaign solar'),
        ("{options: {rof: {flat: F}}}", "options.rof", '"rof" is no field of campaign solar'),
        ("{fields: [roof]}", "", "does not ask email, without which no lead is accepted"),
        ("{fields: [email, email]}", "fields[1]", 'asks "email" twice'),
        ("{steps: [{title: a, fields: [email]}, {title: b, fields: [roof, email]}]}", "steps[1].fields[1]", 'asks "email" twice'),
        ("{fields: [email], steps: [{title: a, fields: [email]}]}", "fields", "stands beside steps, which name the fields already"),
        ("{options: {roof: {thatched: T}}}", "options.roof", 'has no value "thatched"'),
        ("{consent: {text: a, version: b, field: roof}}", "consent.field", "must be a boolean"),
        ("{fields: [email, agreed], consent: {text: a, version: b, field: agreed}}", "consent.field", "is asked as a field, too"),
    ],
)  # fmt: skip
def test_a_form_is_told_what_is_wrong_with_it(form: str, path: str, message: str) -> None:
    assert told(form) == [(path, message)]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("origins", '["https://a.example/"]'), ("origins", '["*"]'), ("origins", '["null"]'), ("origins", '["HTTPS://a.example"]'),
        ("origins", '["https://a.example; script-src *"]'), ("colour", '"red;}"'), ("colour", '"#12345"'), ("language", '"en\\" x"'),
        ("thanks", '{url: "javascript:alert(1)"}'), ("thanks", '{url: "//evil.example/"}'), ("thanks", '{url: "https://u:p@a.example/"}'),
        ("thanks", '{url: "https://a.example/\\r\\nX: y"}'), ("consent", "{text: a}"), ("unknown", "1"),
    ],
)  # fmt: skip
def test_what_could_break_out_of_a_page_or_a_header_is_refused(key: str, value: str) -> None:
    assert len(told(f"{{{key}: {value}}}")) == 1


def test_a_form_that_stays_uses_the_fields_of_a_campaign_that_changes() -> None:
    current = read([("t.yaml", CATALOGUE % "{fields: [email, roof]}")], KINDS)
    text = "campaigns: [{id: solar, fields: {email: {type: email}, campaign: {type: text}, country: {type: text}}}]\n"
    with pytest.raises(CatalogueErrors) as caught:
        read([("t.yaml", text)], KINDS, current=current)
    assert [one.message for one in caught.value.problems] == ['no longer has "roof"']


def test_a_form_is_exported_as_it_was_applied() -> None:
    form = '{title: "A: b", steps: [{title: a, fields: [email]}, {title: b, fields: [roof]}], options: {roof: {pitched: P, flat: F}}, origins: ["https://a.example"]}'
    catalogue = read([("t.yaml", CATALOGUE % form)], KINDS)
    again = read([("t.yaml", export(catalogue))], KINDS)
    assert again == catalogue
    options = again.sources[0].form and again.sources[0].form.options["roof"]
    assert options is not None
    assert list(options) == ["pitched", "flat"]


def test_a_form_shows_the_text_that_the_campaign_declares_under_its_version() -> None:
    declared = CATALOGUE.replace("    fields:", '    consent: {v1: "Call me."}\n    fields:', 1)
    read([("t.yaml", declared % '{consent: {version: v1, text: "Call me."}}')], KINDS)
    for said in ('{version: v1, text: "Mail me."}', '{version: v2, text: "Call me."}'):
        ((path, message),) = told(f"{{consent: {said}}}", declared)
        version = "v1" if "v1" in said else "v2"
        assert (path, message) == ("consent.text", f'is not what the campaign declares as "{version}"')
