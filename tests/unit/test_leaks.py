"""What looks like a secret in a shared file, and what does not."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import shipped
from bot.cli.homemaking import make_home
from bot.home import Home
from bot.profiles.leaks import leaks, looks_secret

SECRET = [
    ("CLAUDE_CODE_OAUTH_TOKEN", "abcdefgh"),
    ("OPENAI_API_KEY", "k-0123456789"),
    ("DB_PASSWORD", "correct horse"),
    ("MY_SECRET_THING", "0123abcd"),
    ("AWS_KEY_2", "abcdefgh9"),
    ("npm_token", "abcdefgh9"),
    ("X", "sk-ant-oat01-" + "a" * 40),
    ("X", "Use ghp_" + "a1" * 18 + " to push."),
    ("X", "github_pat_" + "a" * 50),
    ("X", "AKIA" + "A1" * 8),
    ("X", "eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.abc"),
    ("X", "-----BEGIN OPENSSH PRIVATE KEY-----"),
    ("X", "postgresql://ann:hunter22@host/db"),
    ("X", "123456789:" + "a" * 35),
]
HARMLESS = [
    ("PROJECT_ROOT", "/home/ann/shop"),
    ("MAX_TOKENS", "200000"),
    ("SSH_KEY", "~/.ssh/id_ed25519"),
    ("API_KEY", "$OPENAI_API_KEY"),
    ("API_KEY", ""),
    ("API_KEY", "<your key>"),
    ("TOKEN_URL", "https://auth.example.org/token"),
    ("TOKEN", "https://auth.example.org/token"),
    ("KEYBOARD_LAYOUT", "deutsch-nodeadkeys"),
    ("MONKEY", "businessman"),
    ("ENABLE_TOKEN", "true"),
    ("CODEX_PROFILE", "codex-plus-1"),
    ("preamble", "Never print a token, a key or a password. Ask sk-lead first."),
    ("X", "postgresql://ann@host/db"),
]


@pytest.mark.parametrize(("name", "value"), SECRET)
def test_a_secret_is_seen(name: str, value: str) -> None:
    assert looks_secret(name, value)


@pytest.mark.parametrize(("name", "value"), HARMLESS)
def test_what_is_none_is_left(name: str, value: str) -> None:
    assert not looks_secret(name, value)


def test_what_we_write_and_ship_holds_none(tmp_path: Path) -> None:
    home = Home(tmp_path / ".maf")
    make_home(home, environment=dict(os.environ))
    for pack in shipped.folder("prompt_packs").glob("*.json"):
        (home.packs / pack.name).write_bytes(pack.read_bytes())
    assert list(home.packs.glob("*.json"))
    assert leaks(home) == []


@given(st.text(), st.text())
def test_any_text_is_judged(name: str, value: str) -> None:
    looks_secret(name, value)


def test_files_that_are_broken_are_read_by_their_lines(tmp_path: Path) -> None:
    home = Home(tmp_path / ".maf")
    make_home(home, environment=dict(os.environ))
    home.agent_config.write_text('{"profiles": {\n  "a": "sk-ant-' + "b" * 30 + '"\n')
    (home.packs / "deep.json").write_text("[" * 10000)
    (home.config / "default-agent-config.json.bak").write_text(json.dumps({"x": [{"API_KEY": "abcdefgh1"}]}))
    assert [(leak.file.name, leak.place) for leak in leaks(home)] == [
        ("default-agent-config.json", "line 2"),
        ("default-agent-config.json.bak", "x.0.API_KEY"),
    ]
