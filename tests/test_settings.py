"""Each setting is read from its variable, and what is wrong is told by its name and never by its value."""

from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import ValidationError
from typer.testing import CliRunner

from app.cli import cli
from app.commands.desk import settings_of
from app.settings import Settings, unknown

KEY = b64encode(b"k" * 32).decode()
# variable → (as it is written there, what it is read as): each another value than its default
WRITTEN: dict[str, tuple[str, Any]] = {
    "HOST": ("0.0.0.0", "0.0.0.0"), "PORT": ("8100", 8100), "DATA_DIR": ("/srv/leads", Path("/srv/leads")),
    "DATABASE_URL": ("postgresql://u:pw@db/leads", "postgresql://u:pw@db/leads"), "PROCESSES": ("3", 3),
    "PUBLIC_URL": ("https://leads.example", "https://leads.example"), "TRUSTED_PROXIES": ("10.0.0.0/8", "10.0.0.0/8"),
    "PROXY_HEADER": ("x-forwarded-for", "x-forwarded-for"), "SECRET_KEY": (KEY, KEY), "LOG_LEVEL": ("error", "error"),
    "DANGEROUSLY_ALLOW_PRIVATE_ADDRESSES": ("true", True), "BODY_BYTES": ("2000", 2_000),
    "BATCH_BYTES": ("5000", 5_000), "BODY_SECONDS": ("7.5", 7.5), "LEASE_SECONDS": ("40", 40.0),
    "WIRE_SECONDS": ("10", 10.0), "POOL_SIZE": ("4", 4), "BACKLOG_SHARE": ("0.5", 0.5), "DRAIN_SECONDS": ("3", 3.0),
    "BYTES_KEPT": ("0", 0), "SMTP_LISTEN": ("127.0.0.1:25", "127.0.0.1:25"), "LMTP_LISTEN": ("/run/l.sock", "/run/l.sock"),
    "SMTP_HOSTNAME": ("mx.leads.example", "mx.leads.example"), "SMTP_CERTIFICATE": ("/c.pem", "/c.pem"),
    "SMTP_KEY": ("/k.pem", "/k.pem"), "SMTP_RELAY": ("127.0.0.1:26", "127.0.0.1:26"), "SMTP_CONNECTIONS": ("5", 5),
    "SMTP_SECONDS": ("9", 9.0), "MAIL_BYTES": ("20000", 20_000), "KEEP_DAYS": ("30", 30),
}  # fmt: skip
WRONG = {
    "PORT": ("70000", "less than or equal to 65535"),
    "PROCESSES": ("hunter2", "valid integer"),
    "LOG_LEVEL": ("loud", "'debug', 'info', 'warning' or 'error'"),
    "DANGEROUSLY_ALLOW_PRIVATE_ADDRESSES": ("perhaps", "valid boolean"),
    "BACKLOG_SHARE": ("0", "greater than 0"),
    "SMTP_LISTEN": ("anywhere", "host:port"),
    "DATABASE_URL": ("mysql://u:hunter2@db/leads", "postgresql://USER:PASSWORD@HOST/DATABASE"),
    "SECRET_KEY": ("hunter2", "base64 of 32"),
}


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in WRITTEN:
        monkeypatch.delenv(f"LEADGATE_{name}", raising=False)


def test_no_setting_is_without_its_variable() -> None:
    assert {name.upper() for name in Settings.model_fields} == WRITTEN.keys()


@pytest.mark.parametrize("name", WRITTEN)
def test_each_is_read_from_its_variable(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    written, meant = WRITTEN[name]
    before = getattr(Settings(), name.lower())
    monkeypatch.setenv(f"LEADGATE_{name}", written)
    found = getattr(Settings(), name.lower())
    assert found != before
    assert (found.get_secret_value() if name == "SECRET_KEY" else found) == meant


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told_by_its_name_with_what_would_be_right(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written, right = WRONG[name]
    monkeypatch.setenv(f"LEADGATE_{name}", written)
    with pytest.raises(typer.Exit) as refused:
        settings_of()
    said = capsys.readouterr().err
    assert refused.value.exit_code == 2
    assert said.startswith(f"error: LEADGATE_{name}: ")
    assert right in said
    assert "hunter2" not in said


def test_an_option_of_the_command_line_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADGATE_PORT", "8100")
    assert settings_of(port=8200).port == 8200
    assert settings_of(port=None).port == 8100


def test_a_lease_outlives_the_longest_conversation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a process that only waits for a slow buyer would lose its deliveries to others."""
    assert Settings(lease_seconds=12.5, wire_seconds=10).lease_seconds == 12.5
    with pytest.raises(
        ValidationError, match=r"LEADGATE_LEASE_SECONDS \(12\) must be at least 1.25 times LEADGATE_WIRE"
    ):
        Settings(lease_seconds=12, wire_seconds=10)


def test_no_secret_is_in_what_is_printed_of_them() -> None:
    shown = repr(Settings(database_url="postgresql://u:hunter2@db/leads", secret_key=KEY))
    assert "hunter2" not in shown
    assert KEY not in shown


def test_a_setting_that_is_none_is_told_with_the_one_that_was_meant() -> None:
    environment = {
        "LEADGATE_PROCESES": "3", "leadgate_port": "1", "LEADGATE_COLOUR": "red", "LEADGATE_CHILD_SOCKET": "7", "PATH": "",
    }  # fmt: skip
    assert unknown(environment) == {"LEADGATE_PROCESES": "LEADGATE_PROCESSES", "LEADGATE_COLOUR": ""}


def test_a_command_says_so_once_and_goes_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LEADGATE_PROCESES", "hunter2")
    monkeypatch.setenv("LEADGATE_DATABASE_URL", "postgresql://u@127.0.0.1:1/none")
    told = CliRunner().invoke(cli, ["key", "list", "--data-dir", str(tmp_path)])
    assert told.stderr.count("warning: LEADGATE_PROCESES is no setting; LEADGATE_PROCESSES is one\n") == 1
    assert "hunter2" not in told.output
    assert told.exit_code == 3  # as without it: nobody answers there
