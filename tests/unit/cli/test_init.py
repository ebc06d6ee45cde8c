"""`maf init`: what a new home holds, and that a second time changes nothing."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
from pathlib import Path

import pytest

from bot.cli import main
from bot.cli.homemaking import ask_login_shell, login_env, make_home, quoted
from bot.envfile import parse_env
from bot.home import Home
from bot.settings import Settings, load_settings
from tests.patience import PATIENCE_S


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_home(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = tmp_path / 'my "shop" $HOME'
    project.mkdir()
    home = Home(project / ".maf")
    assert main(["init", "--home", str(home.root), "--json"]) == 0
    written = json.loads(capsys.readouterr().out)["written"]
    assert set(written) == {".gitignore", "maf.env", "agent.env", "tmux.conf", "run/login-env"}
    assert mode(home.root) == 0o700
    assert {mode(home.root / name) for name in written} == {0o600}
    # The five variables of the agents' environment, the project's odd name included.
    assert parse_env(home.agent_env.read_text()) == {
        "PROJECT_ROOT": str(project),
        "NODE_ENV": "development",
        "MAF_LOG_LEVEL": "info",
        "ENABLE_AGENT_MAIL": "true",
        "ENABLE_BEADS_INTEGRATION": "true",
    }
    load_settings(home)
    assert set(parse_env((home.run / "login-env").read_text())) >= {"PATH", "HOME"}


def test_git_takes_packs_and_configuration_alone(tmp_path: Path) -> None:
    home = Home(tmp_path / ".maf")
    make_home(home, environment=os.environ)
    for name in ("packs/shop.json", "config/default-agent-config.json", "maf.db", "profiles/a/auth.json"):
        (home.root / name).parent.mkdir(exist_ok=True)
        (home.root / name).write_text("{}")
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True, timeout=PATIENCE_S)
    found = subprocess.run(
        ["git", "-C", str(tmp_path), "ls-files", "--others", "--exclude-standard"],
        check=True,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert set(found.stdout.split()) == {
        ".maf/.gitignore",
        ".maf/config/default-agent-config.json",
        ".maf/packs/shop.json",
    }


def test_what_was_edited_stays(tmp_path: Path) -> None:
    home = Home(tmp_path / ".maf")
    make_home(home, environment=os.environ)
    home.tmux_conf.write_text("# mine\n")
    home.agent_env.unlink()
    assert make_home(home, environment=os.environ).files == ("agent.env",)
    assert home.tmux_conf.read_text() == "# mine\n"
    assert make_home(home, environment=os.environ).files == ()


def test_a_place_where_no_home_can_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["init", "--home", str(tmp_path / "file" / ".maf")]) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert "hint: Choose another place with --home." in said


def test_maf_env_names_every_setting_and_its_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the marks taken off, each line is accepted, and what it shows is what holds without it."""
    home = Home(tmp_path / ".maf")
    make_home(home, environment=os.environ)
    examples = [line[1:] for line in home.env_file.read_text().splitlines() if re.match("#[A-Z_]+=", line)]
    names = {line.partition("=")[0] for line in examples}
    for name in names:
        monkeypatch.delenv(name, raising=False)
    known = {str(field.validation_alias) for field in Settings.model_fields.values()}
    assert names == known - {"MAF_AGENT"}  # that one is ours to set
    plain = load_settings(home)
    home.env_file.write_text("\n".join(examples) + "\n")
    shown = load_settings(home)
    examples_only = {"timezone", "quiet_hours"}
    differs = {name for name in Settings.model_fields if getattr(shown, name) != getattr(plain, name)}
    assert differs == examples_only


@pytest.mark.parametrize("value", ["plain", "a b", 'a "b"', "back\\slash", "$HOME `x`", "ü"])
def test_values_come_back_as_they_were(value: str) -> None:
    assert parse_env(f"export K={quoted(value)}\n") == {"K": value}


def shell(tmp_path: Path, script: str) -> dict[str, str]:
    """An environment whose login shell is a script that gets `-l -c SCRIPT`."""
    path = tmp_path / "shell"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    return {"SHELL": str(path), "PATH": "/bin:/usr/bin", "HOME": str(tmp_path)}


def test_the_login_shell_is_asked_and_its_noise_left_out(tmp_path: Path) -> None:
    env = shell(
        tmp_path, 'echo "Welcome! PATH=/wrong"; export PATH="/opt/tools:$PATH" LANG=de_DE.UTF-8; exec sh "$2" "$3"'
    )
    assert ask_login_shell(env) == {
        "PATH": "/opt/tools:/bin:/usr/bin",
        "LANG": "de_DE.UTF-8",
        "HOME": str(tmp_path),
    }


@pytest.mark.parametrize("script", ["exit 3", "echo nothing useful"])
def test_a_login_shell_that_does_not_answer(tmp_path: Path, script: str) -> None:
    env = shell(tmp_path, script)
    assert ask_login_shell(env) == {}
    assert parse_env(login_env(env)) == {"PATH": "/bin:/usr/bin", "HOME": str(tmp_path)}


def test_a_user_who_is_a_number_alone_has_no_login_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 2**31 - 7)  # as in a container: nobody in /etc/passwd
    assert ask_login_shell({"PATH": "/bin", "HOME": "/"}) == {}
