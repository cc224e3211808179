"""Which file of ours a buyer's answers is read off its name, wherever the name leaves open what is ours."""

import pytest

from app.distribute.acknowledging import Acknowledge


def told(name: str) -> Acknowledge:
    return Acknowledge.model_validate({"name": name, "listed": "accepted"})


@pytest.mark.parametrize(
    ("pattern", "name", "answers"),
    [
        ("{{ name }}.ack", "leads-7.csv.ack", ("leads-7.csv",)),
        ("re_{{ stem }}.csv", "re_leads-7.csv", ("leads-7",)),
        ("{{ stem }}.csv", "leads-7.txt", None),
        ("answers-*.csv", "answers-7.csv", ()),
        ("{{ stem }}*.csv", "ab.csv", ("ab", "a")),
        ("{{ stem }}-*.csv", "a-b-c.csv", ("a-b", "a")),
        ("*-{{ stem }}.csv", "x-a-b.csv", ("a-b", "b")),
        ("?{{ stem }}.csv", "xa.csv", ("a",)),
        ("{{ name }}", "a/b", None),
        ("{{ name }}", "a\nb", None),
        ("{{ name }}", "a" * 201, None),
    ],
)
def test_a_name_says_what_it_answers(pattern: str, name: str, answers: tuple[str, ...] | None) -> None:
    assert told(pattern).answers(name) == answers


def test_a_name_that_leaves_everything_open_is_looked_through_in_bounded_time() -> None:
    found = told("*{{ stem }}*").answers("".join(chr(0x4E00 + n) for n in range(200)))
    assert found is not None
    assert len(found) == 1_000
