"""Whether a sender is who it says."""

import pytest

from app.core.errors import Forged
from app.ingest.proofs import hex_sha256, refuse, same, same_as_any


@pytest.mark.parametrize(
    ("given", "expected", "fits"),
    [("a", "a", True), ("ключ", "ключ", True), ("a", "b", False), ("", "a", False), ("", "", False), ("\ud800", "a", False)],
)  # fmt: skip
def test_only_the_secret_itself_fits_and_none_fits_nobody(given: str, expected: str, fits: bool) -> None:
    assert same(given, expected) is fits


def test_any_of_several_secrets_fits() -> None:
    assert same_as_any("new", ["old", "new"])
    assert not same_as_any("other", ["old", "new"])
    assert not same_as_any("", [])


def test_a_signature_is_over_the_bytes() -> None:
    """RFC 4231, test case 2."""
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert hex_sha256("Jefe", b"what do ya want for nothing?") == expected


def test_a_refusal_is_forged() -> None:
    with pytest.raises(Forged, match="set it right"):
        refuse("set it right")
