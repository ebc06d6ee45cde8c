"""A bot that was cut off, and two that get in each other's way: what the person is told."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.app import App
from bot.app.chat import TokenRefused
from bot.home import Home
from bot.settings import load_settings
from bot.store.tables import AuditRow
from tests.flow.product import product, until
from tests.flow.test_kill import scene
from tests.integration.sandbox_client import running


async def test_cut_off_in_the_middle_of_a_tap_the_person_is_told_and_nothing_is_repeated(tmp_path: Path) -> None:
    async with scene(tmp_path) as s:
        await s.start(point="after_taken", skip=0)
        draft, message, send = await s.draft()
        with contextlib.suppress(AssertionError, TimeoutError):
            await s.client.press(message, send)
        await s.died()
        await s.start()
        cut = f"I was restarted while I was at “{send}”"
        await s.client.until(lambda ms: any(cut in m["text"] for m in ms))
        async with s.store.begin() as tx:
            assert list(await tx.scalars(select(AuditRow.outcome).where(AuditRow.action == "draft.send"))) == [
                "interrupted"
            ]
        done = await s.settled(draft)
        assert {i.status for i in done.items} <= {"submitted", "started"}
        await until(lambda: sum(s.received().values()) == len(s.agents), what="one prompt for each")
        await s.kill()
        await s.start()
        await s.client.say("/agents")
        await s.client.until(lambda ms: any("w5" in m["text"] and "Draft" not in m["text"] for m in ms[-2:]))
        told = [m for m in (await s.client.messages())["messages"] if "I was restarted" in m["text"]]
        assert len(told) == 1
        assert set(s.received().values()) == {1}


async def test_another_program_with_the_same_token_is_an_alarm_once(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1) as p:
        await p.client.fault("conflict", method="getUpdates", count=3)
        await p.client.say("/agents")
        await p.message(lambda m: "Another program uses this bot's token" in m["text"])
        await p.client.say("/help")
        await p.message(lambda m: "/broadcast_targeted" in m["text"] and m["from"]["is_bot"])
        alarms = [m for m in await p.all() if "Another program" in m["text"]]
        assert len(alarms) == 1


@pytest.mark.parametrize(("token", "says"), [("wrong", "does not look like a token"), ("", "does not accept")])
async def test_a_wrong_token_is_said_at_once(tmp_path: Path, token: str, says: str) -> None:
    home = Home(tmp_path / "home")
    home.root.mkdir()
    async with running() as client:
        number = client.sandbox.token.split(":")[0]
        settings = load_settings(
            home,
            bot_token=token or f"{number}:{'x' * 35}",
            telegram_api=client.sandbox.origin,
            tmux_socket=str(tmp_path / "t"),
            project_root=tmp_path,
        )
        async with App.open(home, settings, background=True) as app:
            with pytest.raises(TokenRefused, match=says) as error:
                await app.run()
            assert "@BotFather" in error.value.hint
