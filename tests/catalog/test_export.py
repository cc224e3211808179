"""What is exported is what can be applied."""

from hypothesis import given, settings

from app.catalog.documents import Catalogue
from app.catalog.export import export
from app.catalog.reading import read
from app.catalog.rows import catalogue_of, to_row
from app.catalog.sealing import Sealer, sealed
from app.catalog.tree import Text, parse
from tests.catalog.catalogues import catalogues, values
from tests.catalog.components import KINDS

from app.catalog.writing import block, flow  # isort: skip


def as_read(text: str) -> Catalogue:
    """Without the checks across objects, which a catalogue by chance does not pass."""
    root = parse(Text("a", text))
    return Catalogue.model_validate(root.value if root else {})


@settings(max_examples=80, deadline=None)
@given(catalogues)
def test_what_is_exported_reads_as_the_very_same_catalogue(catalogue: Catalogue) -> None:
    again = as_read(export(catalogue))
    assert again == catalogue
    assert export(again) == export(catalogue)


@settings(max_examples=80, deadline=None)
@given(values)
def test_any_value_comes_back_from_one_line_and_from_many(value: object) -> None:
    for text in (f"k: {flow(value)}\n", block({"k": value})):
        root = parse(Text("a", text))
        assert root is not None
        assert root.value == {"k": value}
        assert repr(root.value) == repr({"k": value})


@settings(max_examples=80, deadline=None)
@given(catalogues)
def test_rows_give_the_documents_back_in_the_order_of_their_keys(catalogue: Catalogue) -> None:
    kinds = {"campaign": catalogue.campaigns, "source": catalogue.sources, "buyer": catalogue.buyers}
    rows = {kind: [(d.id, as_jsonb(to_row(d))) for d in docs] for kind, docs in kinds.items()}  # type: ignore[attr-defined]
    assert catalogue_of(rows) == catalogue
    assert export(catalogue_of(rows)) == export(catalogue)


def as_jsonb(value: object) -> object:
    """Keys as PostgreSQL puts them: shorter ones first."""
    if isinstance(value, dict):
        return {k: as_jsonb(value[k]) for k in sorted(value, key=lambda k: (len(k.encode()), k.encode()))}
    return [as_jsonb(item) for item in value] if isinstance(value, list) else value


def test_the_order_of_fields_outlives_the_database() -> None:
    catalogue = as_read(
        "campaigns: [{id: a, fields: {zulu: {type: text}, b: {type: text}, alpha: {type: text}}}]"
    )
    (again,) = catalogue_of({"campaign": [("a", as_jsonb(to_row(catalogue.campaigns[0])))]}).campaigns  # type: ignore[list-item]
    assert list(again.fields) == ["zulu", "b", "alpha"]


def test_defaults_are_left_out_and_what_is_small_stands_on_one_line() -> None:
    given = """\
campaigns:
  - id: solar
    fields:
      email: {type: email, required: true}
    currency: EUR
sources:
  - id: acme
    campaign: solar
    price: "12.50"
    mapping: {st: state, "contact.phone": phone}
buyers:
  - id: sunco
    contracts:
      - id: west
        campaign: solar
        when: |-
          lead.state in ["CA", "NV"] &&
            lead.bill >= 100
        caps:
          - {per: day, leads: 200}
        deliver: {adapter: sheet}
"""
    written = given.replace("    price", "    reply: sold\n    price").replace("EUR", "EUR\n    name: ''")
    assert export(as_read(written)) == given.replace('"contact.phone"', "contact.phone")


def test_an_exported_house_applies_as_it_stands() -> None:
    from tests.catalog.test_reading import house

    assert read([("a", export(house()))], KINDS) == house()


def test_sealed_parts_of_a_source_apply_as_they_are_exported() -> None:
    sealer = Sealer(b"k" * 32)
    text = """\
campaigns:
  - {id: solar, fields: {state: {type: state}}}
sources:
  - id: acme
    campaign: solar
    platforms: [{platform: ads, key: hunter2}]
    channels: [{channel: feed, url: "https://a.example", password: hunter2}]
"""
    first = sealed(read([("a", text)], KINDS), Catalogue(), KINDS, sealer)
    written = export(first)
    assert "hunter2" not in written
    again = sealed(read([("a", written)], KINDS, sealer=sealer), first, KINDS, sealer)
    assert again == first
