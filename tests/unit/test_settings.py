"""Settings: a wrong value names the variable, the value and what would be right; a secret is never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.errors import WRONG_USAGE, WrongSetting
from bot.home import Home
from bot.settings import load_settings

WRONG = {
    "MAF_SUPERVISOR_CHAT": "me",
    "MAF_TELEGRAM_API": "nonsense",
    "MAF_WEBHOOK_URL": "example.org/hook",
    "MAF_TMUX_SESSION": "a.b",
    "MAF_LOG_LEVEL": "loud",
    "MAF_MAX_AGENTS": "0",
    "MAF_DRAFT_TTL": "soon",
    "MAF_TIMEZONE": "Mars/Base",
    "MAF_QUIET_HOURS": "night",
    "MAF_AGENT_MAIL_URL": "127.0.0.1:8765",
}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.mark.parametrize(("name", "value"), WRONG.items())
def test_a_wrong_value_is_named(home: Home, name: str, value: str) -> None:
    home.env_file.write_text(f"{name}={value}\n", "utf8")
    with pytest.raises(WrongSetting) as raised:
        load_settings(home)
    assert f"{name}='{value}': " in raised.value.message
    assert str(home.env_file) in raised.value.hint
    assert raised.value.exit_code == WRONG_USAGE


@pytest.mark.parametrize("url", ["mysql://ann:hunter2@host/db", "hunter2", "postgresql:hunter2", "sqlite://hunter2"])
def test_a_wrong_database_is_not_shown(home: Home, url: str) -> None:
    home.env_file.write_text(f"MAF_DATABASE_URL={url}\n", "utf8")
    with pytest.raises(WrongSetting) as raised:
        load_settings(home)
    assert "MAF_DATABASE_URL=(secret): use postgresql://" in raised.value.message
    assert "hunter2" not in str(raised.value.as_dict())


@pytest.mark.parametrize(
    ("url", "becomes"),
    [
        ("postgresql://ann:x@host/db", "postgresql+asyncpg://ann:x@host/db"),
        ("postgres://ann:x@host/db", "postgresql+asyncpg://ann:x@host/db"),
        ("postgresql+asyncpg://ann:x@host/db", "postgresql+asyncpg://ann:x@host/db"),
        ("sqlite:////srv/maf.db", "sqlite+aiosqlite:////srv/maf.db"),
    ],
)
def test_the_usual_spellings_of_a_database(home: Home, url: str, becomes: str) -> None:
    home.env_file.write_text(f"MAF_DATABASE_URL={url}\n", "utf8")
    assert load_settings(home).database(home) == becomes


def test_an_empty_line_is_no_value(home: Home) -> None:
    home.env_file.write_text("MAF_BOT_TOKEN=\nMAF_DRAFT_TTL=90s\n", "utf8")
    settings = load_settings(home)
    assert settings.bot_token is None
    assert settings.draft_ttl.total_seconds() == 90
