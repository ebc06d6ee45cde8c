"""What the real CLIs ask at their start (trust in Claude: test_trust_real.py): each waits, and is on one card with the
CLI's own choices; nothing answers it but a person, or an owner's earlier yes to that very folder."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.clis.kinds import cli_for
from bot.clis.model import State
from bot.clis.screens import read_text
from tests.flow.product import button, until
from tests.patience import PATIENCE_S
from tests.real.conftest import RealHome
from tests.real.installed import real_path
from tests.real.product import PROFILE, RealProduct, real_product

pytestmark = pytest.mark.every_version


@asynccontextmanager
async def stopped(kind: str, *, hooks: bool) -> AsyncIterator[RealProduct]:
    """The product with one agent that was started once and is stopped now, to be started in another home."""
    with tempfile.TemporaryDirectory(prefix="maf-u", dir="/tmp", ignore_cleanup_errors=True) as folder:
        async with real_product(Path(folder), kind, hooks=hooks) as real:
            await real.p.app.call("agent.stop", {"id": "w1"})
            yield real


async def card(real: RealProduct, words: str) -> dict[str, Any]:
    return await real.p.message(lambda m: words in m["text"] and bool(m["buttons"]))


def labels(message: dict[str, Any]) -> list[str]:
    return [str(b["label"]) for row in message["buttons"] for b in row]


async def choose(real: RealProduct, message: dict[str, Any], label: str) -> None:
    """Tap a choice that lasts, twice."""
    await real.p.client.press(message["message_id"], button(message, label))
    sure = await real.p.becomes(message["message_id"], lambda m: "Sure?" in m["text"])
    await real.p.client.press(message["message_id"], button(sure, "✔"))


def is_idle(real: RealProduct, agent: str) -> Callable[[], bool]:
    return lambda: real.p.app.services.watch.view(agent).state is State.IDLE


async def test_codex_is_trusted_once_for_a_repository_and_its_worktrees() -> None:
    async with stopped("codex", hooks=False) as real:
        app, config = real.p.app, real.home / "config.toml"
        distrust = re.sub(r'\[projects\."[^"]+"\]\ntrust_level = "trusted"\n', "", config.read_text("utf8"))
        config.write_text(distrust, "utf8")
        for words in (
            ["init", "-q"],
            ["-c", "user.name=t", "-c", "user.email=t@x", "commit", "-q", "--allow-empty", "-m", "x"],
        ):
            subprocess.run(["git", *words], cwd=real.p.project, check=True, timeout=PATIENCE_S)
        await app.call("agent.start", {"id": "w1"})
        made = {"type": "codex-worker", "profile": PROFILE, "workdir": str(real.p.project)}
        await app.call("agent.create", {**made, "id": "w2", "worktree": True})
        # Each on a card of its own, for each names its own folder.
        asked = [await card(real, f"{agent} is asked whether to trust its folder") for agent in ("w1", "w2")]
        assert real.state is State.WAITING and real.look.reading and real.look.reading.dialog
        assert real.look.reading.dialog.kind == "trust"
        for one in asked:
            await choose(real, one, "Trust and continue")
        for agent in ("w1", "w2"):
            await until(is_idle(real, agent), f"{agent} idle")
        # That yes counts for another worktree of the same repository, even where Codex itself has forgotten it.
        # (One that runs would write it down again.)
        for agent in ("w1", "w2"):
            await app.call("agent.stop", {"id": agent})
        config.write_text(distrust, "utf8")
        await app.call("agent.create", {**made, "id": "w3", "worktree": True})
        await until(is_idle(real, "w3"), "w3 idle by itself")

        async def answered() -> bool:
            return any(
                e.place == "preapproved" and e.target.startswith("w3") for e in await app.services.audit.recent(30)
            )

        await until(answered, "the audit of an answer by an owner's earlier yes")


async def test_hooks_of_the_person_in_codex_are_reviewed_by_a_person() -> None:
    async with stopped("codex", hooks=True) as real:
        file = real.home / "hooks.json"
        hooks = json.loads(file.read_text("utf8"))
        hooks["hooks"]["Stop"].append({"hooks": [{"type": "command", "command": "/bin/true", "timeout": 5}]})
        file.write_text(json.dumps(hooks), "utf8")
        await real.p.app.call("agent.start", {"id": "w1"})
        asked = await card(real, "w1 wants its hooks reviewed")
        assert real.state is State.WAITING
        assert {"Review hooks", "Trust all and continue"} <= set(labels(asked))
        await real.p.client.press(asked["message_id"], button(asked, "Continue without trusting"))
        await real.becomes(State.IDLE)
        await real.p.becomes(asked["message_id"], lambda m: "✖ w1: Continue without trusting" in m["text"])


async def test_claude_does_not_take_an_api_key_that_nobody_approved() -> None:
    async with stopped("claude", hooks=False) as real:
        env = real.p.home.agent_env
        told = env.read_text("utf8").replace(
            "CLAUDE_CODE_OAUTH_TOKEN=sk-ant-oat01-mock", "ANTHROPIC_API_KEY=sk-ant-mock"
        )
        env.write_text(told, "utf8")
        await real.p.app.call("agent.start", {"id": "w1"})
        asked = await card(real, "w1 asks about an API key")
        assert real.state is State.WAITING
        assert {"Yes", "No (recommended)"} <= set(labels(asked))
        await choose(real, asked, "Yes")
        await real.becomes(State.IDLE)


def test_the_update_menu_of_codex_waits(codex_home: RealHome) -> None:
    """We start it with its check turned off; a person who starts it, in a pane that is adopted, may meet this."""
    config = codex_home.home / "config.toml"
    config.write_text(config.read_text("utf8").replace("check_for_update_on_startup = false\n", ""), "utf8")
    version = {"latest_version": "999.0.0", "last_checked_at": "2099-01-01T00:00:00Z", "dismissed_version": None}
    (codex_home.home / "version.json").write_text(json.dumps(version), "utf8")
    launch = cli_for("codex").launch(home=codex_home.home, workdir=codex_home.workdir, resume=None, path=real_path())
    argv = [word for word in launch.argv if word not in ("-c", "check_for_update_on_startup=false")]
    pane = codex_home.tmux.open(argv, cwd=codex_home.workdir, env=codex_home.env | {"PATH": real_path()})
    pane.sees("Update available")
    reading = read_text("codex", codex_home.tmux.run("capture-pane", "-e", "-p", "-t", pane.id))
    assert reading.state is State.WAITING and reading.dialog is not None
    assert (reading.dialog.kind, [o.label for o in reading.dialog.options][1:]) == (
        "update",
        ["Skip", "Skip until next version"],
    )
    pane.keys("2")
    pane.sees("for shortcuts")


async def test_claude_offers_auto_mode_on_a_card_and_a_no_is_anybody_s() -> None:
    async with stopped("claude", hooks=False) as real:
        state = real.home / ".claude.json"
        known = json.loads(state.read_text("utf8"))
        del known["hasSeenAutoDefaultNudge"]
        state.write_text(json.dumps(known), "utf8")
        await real.p.app.call("agent.start", {"id": "w1"})
        asked = await card(real, "Make auto mode your default permission mode?")
        assert real.state is State.WAITING
        (ask,) = real.p.app.services.permissions.open()
        grants = {choice.label: choice.grant for choice in ask.choices}
        assert grants == {"Yes, set auto mode as my default permission mode": "lasting", "No, keep manual mode": "no"}
        await real.p.client.press(asked["message_id"], button(asked, "No, keep manual mode"))
        await real.becomes(State.IDLE)
        assert json.loads((real.home / "settings.json").read_text("utf8"))["permissions"] == {"defaultMode": "default"}
