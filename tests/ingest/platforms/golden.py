"""Golden webhooks: tests/data/platforms/<platform>/<case>.yaml beside the body as the platform sends it."""

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from app.ingest.platform import Asked, Platform, Said, Taken, platforms, type_of
from app.model import Record

DATA = Path(__file__).parents[2] / "data" / "platforms"


def cases(platform: str) -> list[str]:
    return sorted(file.stem for file in (DATA / platform).glob("*.yaml"))


def case(platform: str, name: str) -> dict[str, Any]:
    folder = DATA / platform
    found: dict[str, Any] = YAML(typ="safe", pure=True).load((folder / f"{name}.yaml").read_text("utf-8"))
    found["body"] = (folder / found["body"]).read_bytes()
    return found


def part(platform: str) -> Platform:
    found = platforms.discover().get(platform)
    assert found is not None
    return found


def told(platform: str, **settings: Any) -> Any:
    return part(platform).settings.model_validate(settings)


def asked(body: bytes, query: Any = (), **headers: str) -> Asked:
    """Header names are written with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Asked(query=tuple(dict(query).items()), headers=named, body=body)


def land(platform: str, request: Asked, **settings: Any) -> list[Record]:
    """As the door does: what is taken is read before it is kept."""
    one = part(platform)
    taken = one.take(request, told(platform, **settings), 0.0)
    assert isinstance(taken, Taken)
    assert taken.keep is not None
    return one.read(taken.keep, type_of(platform))


def holds(platform: str, name: str) -> None:
    """The case, from the request to the records and the answer."""
    given = case(platform, name)
    one, settings = part(platform), told(platform, **given.get("settings", {}))
    request = Asked(
        query=tuple(given.get("query", {}).items()), headers=given.get("headers", {}), body=given["body"]
    )
    taken = one.take(request, settings, 0.0)
    assert isinstance(taken, Taken)
    assert taken.keep is not None
    assert one.read(taken.keep, type_of(platform)) == given["records"]
    assert taken.identity == given.get("identity", taken.identity) != ""
    for secret in given.get("gone", ()):
        assert secret.encode() not in taken.keep
    _answers(one.answer(request, settings), given.get("answer", {}))


def _answers(said: Said, expected: dict[str, Any]) -> None:
    assert said.status == expected.get("status", said.status)
    assert dict(said.headers).get("Location") == expected.get("location")
    assert said.body.decode() == expected.get("body", said.body.decode())
