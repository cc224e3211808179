"""What a running service says of itself to commands beside it."""

import os
from pathlib import Path

import pytest
import typer

from app.commands.desk import settings_beside
from app.running import Running, announced, running

OURS = Running(os.getpid(), "http://127.0.0.1:8123", True)
DEAD = Running(2**22 + 1, "http://127.0.0.1:8124", False)  # above any pid


def test_a_service_is_known_for_as_long_as_it_runs(tmp_path: Path) -> None:
    with announced(tmp_path, OURS):
        assert running(tmp_path) == OURS
    assert running(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_a_service_that_was_killed_is_not_believed(tmp_path: Path) -> None:
    with announced(tmp_path, DEAD):
        assert running(tmp_path) is None


def test_a_file_that_is_none_of_ours_is_not_believed(tmp_path: Path) -> None:
    (tmp_path / "service.json").write_text("[]")
    assert running(tmp_path) is None


def test_a_folder_that_cant_be_written_to_does_not_stop_the_service(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with announced(tmp_path / "file", OURS):
        assert running(tmp_path / "file") is None


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout to stand in, with a home of its own and no LEADGATE_ variable."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    for name in list(os.environ):
        if name.startswith("LEADGATE_"):
            monkeypatch.delenv(name)
    return tmp_path


def test_a_command_beside_the_demo_finds_it_unasked(here: Path) -> None:
    with announced(Path("var/demo"), OURS):
        settings = settings_beside(None)
    assert settings.data_dir == Path("var/demo")
    assert settings.dangerously_allow_private_addresses


def test_a_service_in_the_usual_place_comes_before_the_demo(here: Path) -> None:
    with announced(Path("var/demo"), OURS), announced(here / "home/leadgate", OURS):
        assert settings_beside(None).data_dir == here / "home/leadgate"


def test_a_directory_that_was_named_is_the_one(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with announced(Path("var/demo"), OURS):
        assert settings_beside(here / "mine").data_dir == here / "mine"
        monkeypatch.setenv("LEADGATE_DATA_DIR", str(here / "other"))
        assert settings_beside(None).data_dir == here / "other"


def test_without_the_demo_a_command_looks_in_the_usual_place(here: Path) -> None:
    assert settings_beside(None).data_dir == here / "home/leadgate"


def test_settings_that_cant_be_are_told_with_their_names_and_without_their_values(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LEADGATE_PORT", "eight")
    with pytest.raises(typer.Exit):
        settings_beside(None)
    told = capsys.readouterr().err
    assert told.startswith("error: LEADGATE_PORT: ")
    assert "eight" not in told.replace("LEADGATE_PORT", "")
