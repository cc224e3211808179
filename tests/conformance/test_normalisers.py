"""What every normaliser owes: what it wrote stays so, and neither the order of names nor what was read before changes anything."""

from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.catalog.documents import CampaignDoc, ListDoc, SourceDoc
from app.catalog.telling import folded as told_as
from app.components import discover
from app.core.addresses import plain
from app.ingest.data import folded
from app.ingest.entry import Entries
from app.ingest.fieldtype import fieldtypes
from app.ingest.mapping import FieldMap
from app.model import Raw
from app.validate.addressing import address_of
from app.validate.naming import words_of
from app.validate.persons import mailbox, name_of

discover()


def entry(of: str) -> Callable[[str], str]:
    entries = Entries(ListDoc.model_validate({"id": "x", "of": of}), fieldtypes)
    return lambda text: entries.normal(text) or ""


WRITERS: dict[str, Callable[[str], str]] = {
    "a word of a buyer's own": told_as,
    "a state, a country": folded,
    "an IP address": plain,
    "a name in words": lambda text: " ".join(words_of(text)),
    "a mailbox": mailbox,
    "a person": lambda text: str(name_of(text)),
    "a street": lambda text: str(address_of(text)),
    **{f"an entry of a list, {of}": entry(of) for of in ("phone", "email", "domain", "ip")},
}
EVERY = [pytest.param(writer, id=name) for name, writer in WRITERS.items()]
TEXTS = st.text(max_size=40) | st.sampled_from(
    ["+1 (512) 555-0100", "Ann.Rivera+x@Gmail.com", "::ffff:203.0.113.7", "203.0.113.007", "Île-de-France", "O’Hara, Ann",
     "12 N. Main Street, Apt 4", "https://Spam.Example./x", "İSTANBUL", "straße", "ŉ", "ǆ", "ΐ", " \t ", "0", "xn--", "٢"]
)  # fmt: skip


@pytest.mark.parametrize("writer", EVERY)
@given(text=TEXTS)
def test_what_it_wrote_stays_so(writer: Callable[[str], str], text: str) -> None:
    assert writer(writer(text)) == writer(text)


@pytest.mark.parametrize("writer", EVERY)
@given(text=TEXTS)
def test_spaces_around_it_change_nothing(writer: Callable[[str], str], text: str) -> None:
    if writer is not plain and writer is not mailbox:  # who call these have stripped it
        assert writer(f"  {text}\t") == writer(text)


@pytest.mark.parametrize("writer", EVERY)
@given(texts=st.lists(TEXTS, max_size=6), order=st.randoms(use_true_random=False))
def test_what_was_read_before_changes_nothing(writer: Callable[[str], str], texts: list[str], order) -> None:
    first = {text: writer(text) for text in texts}
    order.shuffle(texts)
    assert {text: writer(text) for text in texts} == first


ALIKE: list[Raw] = [1, True, 1.0, "1", 0, False, 0.0, "0", -0.0, "true", "", None]
TYPED = [
    pytest.param(kind, kind.settings.model_validate(said), id=f"{kind.name}-{i}")
    for kind in fieldtypes
    for i, (said, _, _) in enumerate(kind.examples)
]


@pytest.mark.parametrize(("kind", "said"), TYPED)
@settings(max_examples=20, deadline=None)
@given(order=st.permutations(range(len(ALIKE))))
def test_values_that_are_equal_and_not_the_same_are_not_taken_for_one_another(kind, said, order) -> None:
    straight = [repr(kind.normal(raw, said)) for raw in ALIKE]
    assert {at: repr(kind.normal(ALIKE[at], said)) for at in order} == dict(enumerate(straight))


FIELDS = {
    "first_name": {"type": "name"}, "email": {"type": "email"}, "phone": {"type": "phone", "country": "US"},
    "state": {"type": "state", "country": "US"}, "postal_code": {"type": "postal_code", "country": "US"}, "born": {"type": "date"},
}  # fmt: skip
MAPPED = FieldMap.compile(
    CampaignDoc.model_validate({"id": "solar", "fields": FIELDS}),
    SourceDoc.model_validate(
        {
            "id": "acme",
            "campaign": "solar",
            "mapping": {"fname": "first_name", "mobile": "phone", "home": "phone"},
        }
    ),
    fieldtypes,
)
NAMES = ["first_name", "fname", "FNAME", "Fname", "email", "EMAIL", "Email", "mobile", "home", "Home", "phone", "state", "STATE", "zip", "born"]  # fmt: skip
RECORDS = st.dictionaries(
    st.sampled_from(NAMES),
    st.sampled_from(["Ann", "ann@example.com", "bob@example.com", "512 555 0100", "5125550101", "CA", "Texas", " ", "1984-09-30", 7]),
)  # fmt: skip


@example({"FNAME": "Ann", "Fname": "Bob"}, [*range(3, -1, -1), *range(4, len(NAMES))])
@given(RECORDS, st.permutations(range(len(NAMES))))
def test_a_lead_is_the_same_in_whatever_order_its_fields_came(
    record: dict[str, Raw], order: list[int]
) -> None:
    mixed = {NAMES[at]: record[NAMES[at]] for at in order if NAMES[at] in record}
    straight, aside = MAPPED.apply(record)
    fields, extra = MAPPED.apply(mixed)
    assert list(fields.items()) == list(straight.items())
    assert extra == aside
