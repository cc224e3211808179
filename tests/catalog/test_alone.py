"""What stands alone in a file is read as it would be in a catalogue, and its faults are told with their places."""

import pytest

from app.catalog.alone import read_alone
from app.catalog.hearing import FileMapping
from app.catalog.problems import CatalogueErrors


def problems(content: str) -> list[tuple[int, str, str]]:
    with pytest.raises(CatalogueErrors) as raised:
        read_alone("m.yaml", content, FileMapping)
    assert {one.file for one in raised.value.problems} == {"m.yaml"}
    return [(one.line, one.path, one.message) for one in raised.value.problems]


def test_a_mapping_needs_no_name_of_its_own() -> None:
    read = read_alone("m.yaml", "\ufeffitem: {reference: item.id, code: \"item['What now']\"}", FileMapping)
    assert (read.id, read.each, sorted(read.item)) == ("file", "", ["code", "reference"])


def test_every_fault_is_told_with_its_line() -> None:
    found = problems("item:\n  reference: item.id +\n  colour: item.c\nwhem: item.x\n")
    assert sorted(line for line, _, _ in found) == [2, 3, 4]
    assert {path for _, path, _ in found} >= {"item.reference", "whem"}


@pytest.mark.parametrize("content", ["", "# nothing", "- a\n- b\n", "text", "null"])
def test_what_is_no_map_says_what_its_keys_may_be(content: str) -> None:
    ((line, _, message),) = problems(content)
    assert (line, message) == (1, "must be a map")


@pytest.mark.parametrize("content", ["a: [", "a: b: c", "\tx: 1", "a: \x00", "a: &x [*x]", "--- a\n--- b"])
def test_what_is_no_yaml_is_one_problem(content: str) -> None:
    assert len(problems(content)) == 1


def test_a_mapping_that_means_no_delivery_is_none() -> None:
    ((_, _, message),) = problems("item: {code: item.x}")
    assert "item says of which delivery" in message
