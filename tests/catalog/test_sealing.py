"""Buyers' secrets at rest."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.catalog.documents import Catalogue
from app.catalog.kinds import secret_places
from app.catalog.sealing import CannotOpen, Sealer, load_key, opened, read_key, sealed
from tests.catalog.components import KINDS, Webhook

DELIVER = {
    "adapter": "webhook",
    "url": "https://b.example",
    "auth": {"scheme": "bearer", "token": "t0ken"},
    "sign_with": ["one", "two"],
    "headers": {"X-Plain": "shown"},
    "secret_headers": {"X-Key": "k3y"},
}


def catalogue(deliver: dict[str, object]) -> Catalogue:
    contract = {"id": "c", "campaign": "solar", "deliver": deliver}
    return Catalogue.model_validate({"buyers": [{"id": "b", "contracts": [contract]}]})


def in_clear(deliver: dict[str, object], sealer: Sealer) -> dict[str, object]:
    return opened({key: value for key, value in deliver.items() if key != "adapter"}, Webhook, sealer)


CLEAR = {key: value for key, value in DELIVER.items() if key != "adapter"}


def delivered(catalogue: Catalogue) -> dict[str, object]:
    return dict(catalogue.buyers[0].contracts[0].deliver)


def test_a_text_comes_back_from_its_seal_and_seals_differently_each_time() -> None:
    sealer = Sealer(b"k" * 32)
    one, two = sealer.seal("p£ss"), sealer.seal("p£ss")
    assert one.startswith("sealed:v1:")
    assert one != two
    assert sealer.open(one) == sealer.open(two) == "p£ss"


@pytest.mark.parametrize(
    "harm", [lambda s: s[:-3], lambda s: s[:-2] + "AA", lambda s: "sealed:v1:", lambda s: s + "!"]
)
def test_a_damaged_seal_or_another_key_is_told_without_the_text(harm) -> None:  # type: ignore[no-untyped-def]
    sealed_text = Sealer(b"k" * 32).seal("secret")
    with pytest.raises(CannotOpen, match="sealed with another key, or is damaged"):
        Sealer(b"k" * 32).open(harm(sealed_text))
    with pytest.raises(CannotOpen):
        Sealer(b"o" * 32).open(sealed_text)


def test_secrets_are_found_by_the_model_in_maps_lists_and_branches() -> None:
    settings = {key: value for key, value in DELIVER.items() if key != "adapter"}
    assert secret_places(Webhook, settings) == [
        ("auth", "token"),
        ("sign_with", 0),
        ("sign_with", 1),
        ("secret_headers", "X-Key"),
    ]


def test_only_secrets_are_sealed_and_opening_gives_the_settings_back() -> None:
    sealer = Sealer(b"k" * 32)
    rows = delivered(sealed(catalogue(DELIVER), Catalogue(), KINDS, sealer))
    for secret in ("t0ken", "one", "two", "k3y"):
        assert secret not in str(rows)
    assert rows["headers"] == {"X-Plain": "shown"}
    assert in_clear(rows, sealer) == CLEAR


def test_a_secret_that_did_not_change_keeps_its_seal() -> None:
    sealer = Sealer(b"k" * 32)
    first = sealed(catalogue(DELIVER), Catalogue(), KINDS, sealer)
    again = sealed(catalogue({**DELIVER, "sign_with": ["one", "2"]}), first, KINDS, sealer)
    assert delivered(again)["auth"] == delivered(first)["auth"]
    one, two = delivered(again)["sign_with"]  # type: ignore[misc]
    assert one == delivered(first)["sign_with"][0]  # type: ignore[index]
    assert two != delivered(first)["sign_with"][1]  # type: ignore[index]


def of_source(**parts: object) -> Catalogue:
    return Catalogue.model_validate({"sources": [{"id": "acme", "campaign": "solar", **parts}]})


ADS = {"platform": "ads", "key": "t0ken", "version": 2}
FORMS = {"platform": "forms", "key": "0ther"}
FEED = {"channel": "feed", "url": "https://a.example", "password": "p4ss"}


def test_secrets_of_platforms_and_channels_are_sealed_and_kept_in_whatever_order_they_stand() -> None:
    sealer = Sealer(b"k" * 32)
    first = sealed(of_source(platforms=[ADS, FORMS], channels=[FEED]), Catalogue(), KINDS, sealer)
    shown = first.model_dump_json()
    assert not any(secret in shown for secret in ("t0ken", "0ther", "p4ss"))
    assert '"version":2' in shown
    again = sealed(of_source(platforms=[FORMS, ADS], channels=[FEED]), first, KINDS, sealer)
    assert again.sources[0].platforms == tuple(reversed(first.sources[0].platforms))
    assert again.sources[0].channels == first.sources[0].channels
    changed = sealed(of_source(platforms=[{**ADS, "key": "new"}, FORMS]), first, KINDS, sealer).sources[0]
    assert changed.platforms[0] != first.sources[0].platforms[0]
    assert changed.platforms[1] == first.sources[0].platforms[1]


def test_a_secret_under_a_lost_key_is_sealed_anew() -> None:
    lost = sealed(catalogue(DELIVER), Catalogue(), KINDS, Sealer(b"o" * 32))
    sealer = Sealer(b"k" * 32)
    rows = delivered(sealed(catalogue(DELIVER), lost, KINDS, sealer))
    assert in_clear(rows, sealer) == CLEAR


def test_the_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "data" / "secret.key"
    key = load_key(path)
    assert len(key) == 32
    assert load_key(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["secret.key"]


def test_of_many_that_start_at_once_all_have_the_same_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: load_key(tmp_path / "secret.key"), range(16)))
    assert len(keys) == 1


def test_a_key_is_read_from_base64_or_hexadecimal() -> None:
    assert read_key("6b" * 32) == read_key("a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=\n") == b"k" * 32


@pytest.mark.parametrize("text", ["", "short", "a2tr", "zz" * 32, "ключ"])
def test_what_is_no_key_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match="32 bytes") as caught:
        read_key(text)
    assert not text or text not in str(caught.value)
