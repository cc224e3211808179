"""No engine builds the image here, so at least everything that it names is there."""

import re
import shlex
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from app.settings import Settings

HOME = Path(__file__).parents[2]


def instructions() -> list[tuple[str, str]]:
    """(word, the rest), continued lines joined, comments gone."""
    lines = [
        line for line in (HOME / "Dockerfile").read_text().splitlines() if not line.lstrip().startswith("#")
    ]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in joined.splitlines() if line.strip()]


def said(word: str) -> list[str]:
    return [rest for name, rest in instructions() if name == word]


def copied() -> list[str]:
    """What is copied from the checkout."""
    return [path for rest in said("COPY") if "--from" not in rest for path in shlex.split(rest)[:-1]]


def let_through(path: str) -> bool:
    """As .dockerignore has it: the last rule that fits decides."""
    kept = True
    for rule in (HOME / ".dockerignore").read_text().split():
        if fnmatch(path, rule.removeprefix("!").removeprefix("**/")):
            kept = rule.startswith("!")
    return kept


def compose() -> dict[str, Any]:
    return YAML(typ="safe").load((HOME / "deploy/compose.yaml").read_text())


@pytest.mark.parametrize("path", copied())
def test_every_copied_path_exists_and_reaches_the_build(path: str) -> None:
    assert (HOME / path).exists()
    assert let_through(path)


def test_the_image_copies_what_the_package_is_made_of() -> None:
    project = tomllib.loads((HOME / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {
        *wheel["packages"],
        *wheel["force-include"],
        project["project"]["readme"],
        *project["project"]["license-files"],
    }
    assert needed <= set(copied())


def test_nothing_is_let_into_the_build_that_is_not_copied() -> None:
    allowed = {rule[1:] for rule in (HOME / ".dockerignore").read_text().split() if rule.startswith("!")}
    assert allowed == set(copied())


def test_every_requirements_file_it_installs_is_copied_and_checked_by_hash() -> None:
    run = " ".join(said("RUN"))
    named = set(re.findall(r"requirements[a-z-]*\.lock", run))
    assert named == {path for path in copied() if path.endswith(".lock")}
    for install in re.findall(r"pip install[^&]*", run):
        assert "--require-hashes" in install or "--no-deps /dist/" in install


def test_what_it_runs_is_the_console_script() -> None:
    scripts = tomllib.loads((HOME / "pyproject.toml").read_text())["project"]["scripts"]
    (command,) = said("CMD")
    program, *words = YAML(typ="safe").load(command)
    assert program in scripts
    assert words == ["serve"]


def test_it_runs_as_nobody_special_and_keeps_its_data_in_a_volume() -> None:
    assert said("USER") == ["leadgate"]
    assert said("VOLUME") == ["/data"]
    assert said("EXPOSE") == ["8000"]
    assert "useradd --system" in " ".join(said("RUN"))


def test_its_health_check_is_python_that_compiles_and_asks_healthz() -> None:
    (check,) = said("HEALTHCHECK")
    program, option, code = YAML(typ="safe").load(check[check.index("[") :])
    assert (program, option) == ("python", "-c")
    compile(code, "HEALTHCHECK", "exec")
    assert "/healthz" in code


def test_its_python_is_one_that_the_package_takes() -> None:
    images = {rest.split(" AS ")[0] for rest in said("FROM")}
    assert images == {"python:3.11-slim-bookworm"}
    assert tomllib.loads((HOME / "pyproject.toml").read_text())["project"]["requires-python"] == ">=3.11"


def test_every_setting_that_image_or_compose_name_exists() -> None:
    named = set(re.findall(r"LEADGATE_[A-Z_]+", (HOME / "Dockerfile").read_text()))
    named |= set(re.findall(r"LEADGATE_[A-Z_]+", (HOME / "deploy/compose.yaml").read_text()))
    assert named <= {f"LEADGATE_{name.upper()}" for name in Settings.model_fields}


def test_compose_builds_this_dockerfile_and_names_its_volumes() -> None:
    file = compose()
    for service in file["services"].values():
        if "build" in service:
            assert (HOME / "deploy" / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
        for volume in service.get("volumes", ()):
            assert volume.split(":")[0] in file["volumes"]


def test_compose_gives_a_stop_more_time_than_a_drain_takes() -> None:
    drain = Settings.model_fields["drain_seconds"].default
    for name, service in compose()["services"].items():
        if "build" in service:
            assert int(service["stop_grace_period"].removesuffix("s")) > drain, name


def test_the_postgres_variant_is_there_only_when_asked_for() -> None:
    services = compose()["services"]
    assert services["postgres"]["image"] == "postgres:16"
    assert services["postgres"]["profiles"] == services["leadgate-postgres"]["profiles"] == ["postgres"]
    assert "profiles" not in services["leadgate"]
