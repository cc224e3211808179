"""The catalogue as the hot path sees it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from app.catalog.documents import Catalogue
from app.catalog.reading import read
from app.catalog.rows import to_row
from app.catalog.sealing import Sealer, sealed
from app.catalog.snapshot import Builder, Unbuildable, build
from app.store.keys import KeyEntry, digest
from tests.catalog.components import KINDS, Ads, Feed, Webhook
from tests.catalog.test_reading import HOUSE

NOW = datetime(2026, 11, 20, 14, tzinfo=UTC)
SEALER = Sealer(b"k" * 32)


def rows(text: str = HOUSE) -> dict[str, list[tuple[str, dict[str, Any]]]]:
    catalogue = sealed(read([("h", text)], KINDS), Catalogue(), KINDS, SEALER)
    kinds = {"campaign": catalogue.campaigns, "source": catalogue.sources, "buyer": catalogue.buyers}
    return {kind: [(d.id, to_row(d)) for d in docs] for kind, docs in kinds.items()}  # type: ignore[attr-defined]


def key(text: str, **more: Any) -> KeyEntry:
    return KeyEntry(
        id=UUID(int=1),
        kind="source",
        owner="acme",
        hash=digest(text),
        last4=text[-4:],
        created_at=NOW,
        **more,
    )


def test_a_contract_is_ready_with_its_settings_and_its_secrets_in_clear() -> None:
    snapshot = build(7, rows(), [], KINDS, SEALER)
    (contract,) = snapshot.by_campaign["solar"]
    assert contract is snapshot.contracts["sunco-west"]
    assert (contract.buyer, contract.adapter, contract.paused) == ("sunco", "webhook", False)
    assert isinstance(contract.settings, Webhook)
    assert contract.settings.auth is not None
    assert contract.settings.auth.password.get_secret_value() == "hunter2"  # type: ignore[union-attr]
    assert snapshot.buyers["sunco"].contracts == (contract.doc,)
    assert (snapshot.version, list(snapshot.sources), list(snapshot.campaigns)) == (7, ["acme"], ["solar"])


PARTS = """\
    platforms: [{platform: ads, key: hunter3}]
    channels:
      - {channel: feed, url: "https://a.example", password: hunter4}
      - {channel: feed, url: "https://b.example", every: 1h}
    mapping:"""


def with_parts(**changes: str) -> dict[str, list[tuple[str, dict[str, Any]]]]:
    text = HOUSE.replace("    mapping:", PARTS)
    for old, new in changes.items():
        text = text.replace(old, new)
    return rows(text)


def test_the_parts_of_a_source_are_ready_with_their_secrets_in_clear() -> None:
    parts = build(1, with_parts(), [], KINDS, SEALER).source_parts["acme"]
    ads = parts.platforms["ads"]
    assert isinstance(ads, Ads)
    assert ads.key.get_secret_value() == "hunter3"
    first, second = parts.channels
    assert isinstance(first.settings, Feed)
    assert first.settings.password is not None
    assert first.settings.password.get_secret_value() == "hunter4"
    assert (first.name, second.settings.every.seconds) == ("feed", 3600)  # type: ignore[attr-defined]
    assert "hunter" not in repr(parts)
    assert build(1, rows(), [], KINDS, SEALER).source_parts["acme"].platforms == {}


def test_a_channel_keeps_its_key_until_it_goes_elsewhere() -> None:
    def keys(**changes: str) -> list[str]:
        parts = build(1, with_parts(**changes), [], KINDS, SEALER).source_parts["acme"]
        return [channel.key for channel in parts.channels]

    first, second = keys()
    assert first.startswith("feed-")
    assert first != second
    assert keys(hunter4="hunter5", **{"1h": "2h"}) == [first, second]
    assert keys(**{"https://a": "https://c"})[0] != first


def test_parts_that_did_not_change_are_the_same_ones() -> None:
    builder = Builder(KINDS, SEALER)
    stored = with_parts()
    first = builder.build(1, stored, [])
    assert builder.build(2, stored, []).source_parts["acme"] is first.source_parts["acme"]


def test_a_platform_that_is_gone_is_told_with_its_source() -> None:
    gone = {"source": [("acme", {"id": "acme", "campaign": "solar", "platforms": [{"platform": "fax"}]})]}
    with pytest.raises(Unbuildable, match="source acme names the platform fax, which is not installed"):
        build(1, gone, [], KINDS, SEALER)


def test_no_secret_is_in_what_a_snapshot_prints() -> None:
    snapshot = build(7, rows(), [key("lg_src_x")], KINDS, SEALER)
    assert "hunter2" not in repr(snapshot) + repr(snapshot.contracts)


def test_a_buyers_pause_is_its_contracts_pause() -> None:
    snapshot = build(
        1, rows(HOUSE.replace("id: sunco\n", "id: sunco\n    paused: true\n")), [], KINDS, SEALER
    )
    assert snapshot.contracts["sunco-west"].paused
    assert not snapshot.contracts["sunco-west"].doc.paused


def test_a_key_is_found_until_it_expires() -> None:
    entry = key("lg_src_abc", expires_at=NOW + timedelta(seconds=1))
    snapshot = build(1, rows(), [entry], KINDS, SEALER)
    assert snapshot.find_key("lg_src_abc", NOW) is entry
    assert snapshot.find_key("lg_src_abc", NOW + timedelta(seconds=1)) is None
    for other in ("lg_src_abd", "", "lg_src_abc ", "\ud800", "ключ"):
        assert snapshot.find_key(other, NOW) is None


def test_what_did_not_change_is_not_compiled_again() -> None:
    builder = Builder(KINDS, SEALER)
    before = rows()
    first = builder.build(1, before, [])
    before["source"][0][1]["price"] = "13.00"
    again = {**before, "source": [("acme", {**before["source"][0][1], "price": "14.00"})]}
    second = builder.build(2, again, [])
    assert second.contracts["sunco-west"] is first.contracts["sunco-west"]
    assert second.campaigns["solar"] is first.campaigns["solar"]
    assert str(second.sources["acme"].price) == "14.00"


def test_a_buyer_that_is_paused_later_pauses_contracts_compiled_before() -> None:
    builder = Builder(KINDS, SEALER)
    stored = rows()
    assert not builder.build(1, stored, []).contracts["sunco-west"].paused
    paused = {**stored, "buyer": [("sunco", {**stored["buyer"][0][1], "paused": True})]}
    assert builder.build(2, paused, []).contracts["sunco-west"].paused


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"deliver": {"adapter": "fax"}}, "names the adapter fax, which is not installed"),
        (
            {"deliver": {"adapter": "webhook", "password": "hunter2"}},
            "is not valid any more at password, url",
        ),
        ({"price": "hunter2"}, "is not valid any more at price"),
    ],
)
def test_what_can_not_be_built_is_named_without_its_values(change: dict[str, Any], why: str) -> None:
    stored = rows()
    contract = {**stored["buyer"][0][1]["contracts"][0], **change}
    with pytest.raises(Unbuildable) as caught:
        build(1, {"buyer": [("sunco", {"id": "sunco", "contracts": [contract]})]}, [], KINDS, SEALER)
    assert str(caught.value) == f"contract sunco-west {why}"


def test_a_secret_under_another_key_is_told_plainly() -> None:
    with pytest.raises(
        Unbuildable, match="contract sunco-west has a secret that was sealed with another key"
    ):
        build(1, rows(), [], KINDS, Sealer(b"o" * 32))
