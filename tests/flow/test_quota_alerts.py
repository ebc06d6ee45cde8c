"""The climb of one account, from 40 % to its reset: five alerts and one recovery, whatever breaks in between.

The account's own rollout is what changes; the judge is the chat.
"""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bot.app import App
from bot.home import Home
from bot.settings import load_settings
from tests.flow.product import answered, button, pair_owner, socket_of, until
from tests.integration.sandbox_client import Client, running
from tests.private_tmux import end_server
from tests.rollouts import Rollout, write_monitoring, write_profiles

NAME = "codex-plus-1"


class Account:
    """A profile whose provider says what the test wants."""

    def __init__(self, home: Home, name: str = NAME) -> None:
        self.rollout = Rollout(home.profile(name))
        self.resets = time.time() + 7200

    def at(self, percent: float) -> None:
        self.rollout.response(time.time(), 100, {"primary": (percent, 300, self.resets)})

    def reset(self) -> None:
        self.resets += 5 * 3600
        self.at(2)


class Bot:
    """`maf run` as a process that comes and goes."""

    def __init__(self, home: Home, env: dict[str, str], client: Client) -> None:
        self.home, self.env, self.client = home, env, client
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        before = len(await self.client.calls("getUpdates"))
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot.cli", "--home", str(self.home.root), "run",
            env={**os.environ, **self.env}, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip

        async def polls() -> bool:
            assert self.process is not None
            assert self.process.returncode is None, "the bot did not start"
            return len(await self.client.calls("getUpdates")) > before

        await until(polls, "polling")

    async def settle(self) -> None:
        """Until every message counts as sent: the Bot API knows no way to ask whether one arrived, so one whose answer
        was cut off would be sent again, marked as a repeat."""

        def sent() -> bool:
            with sqlite3.connect(f"file:{self.home.database}?mode=ro", uri=True) as db:
                return bool(db.execute("SELECT count(*) = 0 FROM outbox WHERE status = 'due'").fetchone()[0])

        await until(sent, "all messages are sent")

    async def kill(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()


@asynccontextmanager
async def scene(tmp_path: Path, **settings_file: str) -> AsyncIterator[tuple[Home, Client, Bot]]:
    """A home with one account, its owner paired, and no bot yet."""
    home = Home(tmp_path / "home")
    home.root.mkdir()
    project = tmp_path / "shop"
    project.mkdir()
    write_profiles(home.agent_config, {NAME: {"priority": 1}})
    write_monitoring(home.monitoring_config, status_update_interval_seconds=1)
    home.env_file.write_text("".join(f"{k}={v}\n" for k, v in settings_file.items()))
    socket = socket_of(tmp_path)
    try:
        async with running() as client:
            env = {
                "MAF_BOT_TOKEN": client.sandbox.token,
                "MAF_TELEGRAM_API": client.sandbox.origin,
                "MAF_TMUX_SOCKET": socket,
                "MAF_PROJECT_ROOT": str(project),
            }
            settings = load_settings(
                home, bot_token=client.sandbox.token, telegram_api=client.sandbox.origin, tmux_socket=socket
            )
            async with App.open(home, settings) as app:
                await pair_owner(app, client.sandbox.owner)
            bot = Bot(home, env, client)
            try:
                yield home, client, bot
            finally:
                await bot.kill()
    finally:
        end_server(socket)


async def heads(client: Client) -> list[str]:
    """The first line of every message about the account, in order."""
    messages = (await client.messages())["messages"]
    return [m["text"].splitlines()[0] for m in messages if NAME in m["text"].splitlines()[0]]


async def says(client: Client, expected: list[str]) -> None:
    """Wait until the chat has as many messages, then compare them all."""

    async def enough() -> bool:
        return len(await heads(client)) >= len(expected)

    await until(enough, f"{len(expected)} messages")
    assert await heads(client) == expected


CLIMB: dict[float, str] = {
    55: "🟡 codex-plus-1 · 5h window at 55 %",
    80: "🟠 codex-plus-1 · 5h window at 80 %",
    92: "🔴 codex-plus-1 · 5h window at 92 %",
    96: "🚨 codex-plus-1 · 5h window at 96 %",
    100: "🚨 codex-plus-1 · 5h window is used up",
}
BACK = "🟢 codex-plus-1 · 5h window is back, 2 % used"


async def test_the_climb_is_five_alerts_and_one_recovery_though_the_bot_is_killed_and_telegram_fails(
    tmp_path: Path,
) -> None:
    async with scene(tmp_path) as (home, client, bot):
        account = Account(home)
        account.at(40)
        await bot.start()
        expected: list[str] = []

        async def tells(*percents: float) -> None:
            expected.extend(CLIMB[percent] for percent in percents)
            await says(client, expected)
            account.at(percents[-1])  # the same again is nothing new

        account.at(55)
        await tells(55)
        await client.fault("429", method="sendMessage", count=2, retry_after=1)
        account.at(80)
        await tells(80)
        await client.fault("500", method="sendMessage", count=2)
        await bot.settle()
        await bot.kill()
        account.at(92)  # told after the restart
        await bot.start()
        await tells(92)
        await client.fault("timeout", method="sendMessage", count=1)
        account.at(96)
        await until(lambda: _asked(client), "a try to send")
        await bot.kill()  # while Telegram does not answer: the row is there, the message is not
        account.at(100)
        await bot.start()
        await tells(96, 100)
        account.reset()
        expected.append(BACK)
        await says(client, expected)
        account.at(3)
        await bot.settle()
        await bot.kill()
        await bot.start()
        await asyncio.sleep(2.5)  # two more intervals in which nothing may be said; there is no condition to wait for
        assert await heads(client) == expected


async def _asked(client: Client) -> bool:
    return any(
        "96 %" in json.dumps(call["parameters"], ensure_ascii=False) for call in await client.calls("sendMessage")
    )


async def test_an_alert_says_what_is_asked_for_and_can_be_muted_until_the_reset(tmp_path: Path) -> None:
    async with scene(tmp_path) as (home, client, bot):
        account = Account(home)
        now = time.time()
        for minutes, percent in ((20, 60.0), (10, 70.0)):
            account.rollout.response(now - minutes * 60, 100, {"primary": (percent, 300, account.resets)})
        account.at(80)
        await bot.start()
        messages = await client.until(lambda m: any(NAME in x["text"] for x in m))
        alert = next(m for m in messages if NAME in m["text"])
        assert "at this pace empty" in alert["text"]
        assert "resets" in alert["text"]
        assert "runs on it: nobody" in alert["text"]
        answer = await client.press(alert["message_id"], button(alert, "🔕"))
        assert answered(answer, "Quiet until it resets.")
        await client.until(lambda m: any("🔕 until" in x["text"] for x in m))
        account.at(93)
        await client.say("/alerts")
        listed = await client.until(lambda m: any("codex-plus-1 5h" in x["text"] and "🔕" in x["text"] for x in m))
        assert "🔔 1 alert\n" in next(m["text"] for m in listed if "codex-plus-1 5h" in m["text"])
        assert [h for h in await heads(client) if "window at" in h] == ["🟠 codex-plus-1 · 5h window at 80 %"]
        await client.press(alert["message_id"], "📈")
        await client.until(lambda m: any(x.get("photo") for x in m))


async def test_quota_in_chat_is_a_table_over_a_picture_with_a_button_per_account(tmp_path: Path) -> None:
    async with scene(tmp_path) as (home, client, bot):
        Account(home).at(78)
        await bot.start()
        await client.say("/quota")
        messages = await client.until(lambda m: any(x.get("photo") and "1 account" in x["text"] for x in m))
        shown = next(m for m in messages if m.get("photo"))
        assert "codex-plus-1" in shown["text"]
        assert "5h 78 %" in shown["text"]
        await client.press(shown["message_id"], NAME)
        await client.until(lambda m: any("5h window at 78 %" in x["text"] and "rollout" in x["text"] for x in m))
