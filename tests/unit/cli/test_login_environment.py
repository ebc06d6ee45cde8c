"""What `maf init` keeps of the login shell for the agents, and what the doctor says of it."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from bot.agents.environment import login_environment
from bot.cli.checks import login_env
from bot.envfile import read_env
from bot.home import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / ".maf")
    made.run.mkdir(parents=True)
    return made


def capture(home: Home, **variables: str) -> None:
    known = {"PATH": os.environ["PATH"], "HOME": str(home.root), "LANG": "C.UTF-8"} | variables
    (home.run / "login-env").write_text("".join(f'{name}="{value}"\n' for name, value in known.items()))


def listening(path: Path) -> socket.socket:
    agent = socket.socket(socket.AF_UNIX)
    agent.bind(str(path))
    return agent


def test_an_ssh_agent_that_is_gone_is_not_given_to_agents_and_told(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the path of a socket is to be short
    sock = tmp_path / "a"
    monkeypatch.setenv("SSH_AUTH_SOCK", str(sock))
    capture(home, SSH_AUTH_SOCK=str(sock))
    assert "SSH_AUTH_SOCK" not in login_environment(home)
    check = login_env(home)
    assert (check.status, check.detail) == ("warning", f"The SSH agent of maf init is gone ({sock}).")
    assert "maf init" in check.fix
    with listening(Path("a")):
        assert login_environment(home)["SSH_AUTH_SOCK"] == str(sock)
        assert login_env(home).status == "ok"


def test_an_ssh_agent_that_only_the_person_has_is_told(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    capture(home)
    with listening(Path("a")):
        monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "a"))
        check = login_env(home)
    assert (check.status, check.detail) == ("warning", "Agents would not find your SSH agent, which you have here.")


def test_a_home_folder_that_is_not_there_is_told(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    capture(home, HOME="/nowhere/at/all")
    check = login_env(home)
    assert (check.status, check.detail) == ("warning", "The HOME of maf init is no folder: /nowhere/at/all.")


def test_a_file_that_is_no_utf8_keeps_its_variables(tmp_path: Path) -> None:
    file = tmp_path / "agent.env"
    file.write_bytes(b'export CITY="M\xfcnchen"\nexport KEY="plain"\n')
    assert {name: os.fsencode(value) for name, value in read_env(file).items()} == {
        "CITY": b"M\xfcnchen",
        "KEY": b"plain",
    }
