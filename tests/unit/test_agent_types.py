"""What an agent is made of: its type, its id, its environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.agents.environment import agent_environment
from bot.agents.registry import free_id, natural
from bot.agents.types import load_types
from bot.envfile import parse_env
from bot.errors import WrongSetting
from bot.home import Home
from bot.settings import SECRET


def test_ids_count() -> None:
    assert free_id("w", {"w1", "w2", "w4"}) == "w3"
    assert sorted(["w10", "w2", "d1", "w"], key=natural) == ["d1", "w", "w2", "w10"]


def test_agent_env_is_read_and_never_run() -> None:
    text = "export A=\"x y\" # c\nB=plain # c\nexport C='$(id) $HOME'\n"
    text += 'D="a\\"b\\$c"\n# E=1\n F = 1\nG=\nH="$(id)"\nnonsense\n'
    assert parse_env(text) == {"A": "x y", "B": "plain", "C": "$(id) $HOME", "D": 'a"b$c', "G": "", "H": "$(id)"}


def test_no_secret_reaches_an_agent() -> None:
    login = {"PATH": "/bin", "LC_ALL": "C.UTF-8", "MAF_BOT_TOKEN": "1:x", "MAF_LOG_LEVEL": "debug", "OTHER": "1"}
    env = agent_environment(
        login=login,
        agent_env={"NODE_ENV": "development", "MAF_BOT_TOKEN": "1:x", "MAF_AGENT": "forged"},
        type_env={"NODE_ENV": "test"},
        profile_env={"PATH": "/opt/bin:/bin", "MAF_DATABASE_URL": "x"},
        cli_env={"CODEX_HOME": "/h"},
        agent_id="w1",
        home=Path("/p/.maf"),
    )
    assert env == {
        "PATH": "/opt/bin:/bin",
        "LC_ALL": "C.UTF-8",
        "NODE_ENV": "test",
        "CODEX_HOME": "/h",
        "MAF_AGENT": "w1",
        "MAF_HOME": "/p/.maf",
    }
    assert not SECRET & env.keys()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "should be an object"),
        ('{"types": {"x": 3}}', "x: should be an object"),
        ('{"x": {"kind": "nano", "role": "implementor"}}', "x.kind: "),
        ('{"x": {"kind": "codex", "role": "implementor", "restart": {"times": -1}}}', "x.restart.times: "),
        ('{"x": {"kind": "codex", "role": "implementor", "colour": 1}}', "x.colour: "),
    ],
)
def test_a_bad_file_of_types_names_file_path_and_reason(tmp_path: Path, content: str, words: str) -> None:
    home = Home(tmp_path)
    home.config.mkdir()
    home.agent_types.write_text(content)
    with pytest.raises(WrongSetting) as caught:
        load_types(home)
    assert str(home.agent_types) in caught.value.message
    assert words in caught.value.message


def test_an_own_type_stands_beside_the_built_in_ones(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.config.mkdir()
    home.agent_types.write_text('{"types": {"claude-docs": {"kind": "claude", "role": "implementor", "limit": 2}}}')
    types = load_types(home)
    assert types["claude-docs"].limit == 2
    assert {"claude-worker", "codex-worker", "codex-reviewer", "claude-committer", "shell", "demo"} <= types.keys()
