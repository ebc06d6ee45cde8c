"""`.maf/secrets/PROFILE.env`: given to the agents of one profile and to nobody else, and shown nowhere."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot import log
from bot.app import App
from bot.cli import main
from bot.cli.homemaking import make_home
from bot.cli.secrets_check import secrets as check
from bot.home import Home
from bot.profiles.secrets import ProfileSecrets, SecretsOpen
from bot.tmux.processes import environment
from tests.integration.app_home import demo, git, open_app, state

TOKEN = "sk-ant-oat01-" + "Zq3" * 31


@pytest.fixture
async def app(tmp_path: Path, tmux_socket: str) -> AsyncIterator[App]:
    async with open_app(tmp_path, tmux_socket) as opened:
        yield opened


def write(home: Home, profile: str, text: str) -> Path:
    path = ProfileSecrets(home).make(profile)
    path.write_text(text)
    return path


async def env_of(app: App, agent: str) -> dict[str, str]:
    (cli,) = (await app.services.watch.look([agent]))[agent].clis
    return environment(cli.pid)


async def test_the_agents_of_a_profile_get_its_secrets_and_nobody_else_does(app: App) -> None:
    home = app.services.home
    for name in ("one", "two"):
        made = await app.call("profile.add", {"id": name})
        path = Path(made["secrets"])
        assert path == home.secrets / f"{name}.env"
        assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
        assert await app.call("profile.edit", {"id": name, "changes": {"environment": {"K": "shared", "E": "p"}}})
    write(home, "one", f'export K="{TOKEN}"\nMAF_BOT_TOKEN=1:x\nMAF_AGENT=forged\n')
    for agent, profile in (("d1", "one"), ("d2", "two"), ("d3", None)):
        await demo(app, agent, profile=profile)
    assert {name: (await env_of(app, name)).get("K") for name in ("d1", "d2", "d3")} == {
        "d1": TOKEN, "d2": "shared", "d3": None,
    }  # fmt: skip
    first = await env_of(app, "d1")
    assert (first["E"], first["MAF_AGENT"], "MAF_BOT_TOKEN" in first) == ("p", "d1", False)
    # Written anew: the next start has it.
    write(home, "one", "K=another\n")
    await app.call("agent.restart", {"id": "d1"})
    await state(app, "d1", "idle")
    assert (await env_of(app, "d1"))["K"] == "another"


@pytest.mark.parametrize("what", ["file", "folder", "no file"])
async def test_secrets_that_others_may_read_start_no_agent(app: App, what: str) -> None:
    home = app.services.home
    await app.call("profile.add", {"id": "one"})
    path = write(home, "one", f"K={TOKEN}\n")
    if what == "no file":
        path.unlink()
        path.mkdir()
    wrong = {"file": path, "folder": path.parent, "no file": path}[what]
    wrong.chmod(0o750)
    with pytest.raises(SecretsOpen) as caught:
        await app.call("agent.create", {"type": "demo", "id": "d1", "profile": "one"})
    assert ("chmod 7" if what == "folder" else "chmod 6") in caught.value.hint
    assert TOKEN not in caught.value.sentence
    assert await app.call("agent.list", {}) == []
    assert check(home).status == "failure"


async def test_no_secret_is_shown_logged_or_stored(
    app: App, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = app.services.home
    log.set_up(home.logs)
    try:
        await app.call("profile.add", {"id": "one"})
        write(home, "one", f"K={TOKEN}\n")
        await demo(app, "d1", profile="one")
        pane = str((await app.services.registry.get("d1")).pane)
        logging.getLogger("bot.test").error("it has %s and %r", TOKEN, RuntimeError(TOKEN))
        await app.call("agent.run", {"id": "d1", "command": f"true {TOKEN}"})
        # Longer than the pane is wide with what stands before it: it goes on in the next line.
        await app.services.panes.keys(pane, "x" * 120 + TOKEN, literal=True)

        async def drawn() -> bool:
            screen = await app.services.panes.whole(pane)
            return screen is not None and TOKEN[:20] in screen.plain

        for _ in range(200):
            if await drawn():
                break
            await asyncio.sleep(0.05)
        assert await drawn()
        shown = await app.call("agent.capture", {"id": "d1"})
        for answer in (shown, await app.call("agent.show", {"id": "d1"}), await app.call("profile.list", {})):
            assert TOKEN[:20] not in json.dumps(answer)
            assert TOKEN[-20:] not in json.dumps(answer)
        assert "•" * 30 in shown["text"]
    finally:
        for handler in [h for h in logging.getLogger().handlers if isinstance(h, logging.FileHandler)]:
            logging.getLogger().removeHandler(handler)
            handler.close()
    words = ["--home", str(home.root), "db", "backup", str(tmp_path / "copy.db")]
    assert await asyncio.to_thread(main, words) == 0
    capsys.readouterr()
    kept = [*home.logs.rglob("*"), tmp_path / "copy.db", *home.root.glob("*.db*"), *home.root.glob("*.json")]
    for file in kept:
        if file.is_file():
            assert TOKEN.encode() not in file.read_bytes(), file
    assert "[secret]" in (home.logs / "error.log").read_text()


def test_git_never_takes_them_also_in_a_home_made_earlier(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    home = Home(tmp_path / ".maf")
    home.root.mkdir()
    (home.root / ".gitignore").write_text("logs/\n*.db")  # a person's own
    make_home(home, environment=dict(os.environ))
    write(home, "one", f"K={TOKEN}\n")
    assert (home.root / ".gitignore").read_text() == "logs/\n*.db\n/secrets/\n"
    git(tmp_path, "add", "-A")
    assert ".maf/secrets" not in git(tmp_path, "ls-files")
    assert check(home).status == "ok"
    make_home(home, environment=dict(os.environ))
    assert (home.root / ".gitignore").read_text().count("/secrets/") == 1
    # One whose folder a person made, and that no file keeps from git, is told.
    for ignore in (home.root / ".gitignore", home.secrets / ".gitignore"):
        ignore.unlink()
    told = check(home)
    assert (told.status, "git takes" in told.detail) == ("failure", True)
    ProfileSecrets(home).of("one")  # an agent starts
    assert check(home).status == "ok"


def test_the_doctor_finds_secrets_in_shared_files_and_prints_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = Home(tmp_path / ".maf")
    make_home(home, environment=dict(os.environ))
    assert check(home).status == "ok"
    config = {"profiles": {"c1": {"kind": "claude", "environment": {"CLAUDE_CODE_OAUTH_TOKEN": TOKEN, "A": "b"}}}}
    home.agent_config.write_text(json.dumps(config))
    (home.packs / "shop.json").write_text(json.dumps({"id": "shop", "preamble": f"log in with ghp_{'a1' * 20}."}))
    with home.agent_env.open("a") as file:
        file.write("DB_PASSWORD=correcthorse\n")
    told = check(home)
    assert told.status == "warning"
    for place in (
        "agent.env: DB_PASSWORD", "default-agent-config.json: profiles.c1.environment.CLAUDE_CODE_OAUTH_TOKEN",
        "shop.json: preamble",
    ):  # fmt: skip
        assert place in told.detail
    assert str(home.secrets) in told.fix
    main(["--home", str(home.root), "doctor"])
    said = "".join(capsys.readouterr())
    assert "CLAUDE_CODE_OAUTH_TOKEN" in said
    assert not any(secret in said for secret in (TOKEN, "correcthorse", "a1a1a1"))


def test_a_name_from_a_file_is_no_path(tmp_path: Path) -> None:
    home = Home(tmp_path / ".maf")
    make_home(home, environment=dict(os.environ))
    home.env_file.rename(home.root / "maf.env.env")
    (home.root / "maf.env.env").write_text("MAF_BOT_TOKEN=1:x\n")
    secrets = ProfileSecrets(home)
    for name in ("../maf.env", "/etc/passwd", "", ".", None, "a/b", "x" * 300):
        assert secrets.of(name) == {}


def test_what_can_be_read_by_nobody_is_told(tmp_path: Path) -> None:
    home = Home(tmp_path / ".maf")
    home.root.mkdir(mode=0o700)
    path = write(home, "one", "K=v\n")
    path.unlink()
    path.symlink_to(path)
    with pytest.raises(SecretsOpen, match="cannot be read"):
        ProfileSecrets(home).of("one")
    assert ProfileSecrets(home).names("one") == frozenset()
