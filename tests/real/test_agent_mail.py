"""Alerts and moves in a real Agent Mail: each arrives once, whatever its server does meanwhile."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from bot.mail import AgentMail, Announcements, Letter, MailDown, announce
from bot.mail.announcements import NAME_ROW
from bot.store import Store
from bot.store.tables import AnnouncementRow, SettingRow
from tests.flow.product import until
from tests.flow.test_quota_alerts import Account
from tests.flow.test_quota_alerts import scene as bot_scene
from tests.real.agent_mail import TOKEN, MailServer, door, free_port, mail_server, settings_of
from tests.real.test_rotation_codex import TWO
from tests.real.test_rotation_codex import scene as codex_scene
from tests.stores import StandingClock


class Clock(StandingClock):
    def later(self) -> None:
        """Longer than any pause."""
        self.at += timedelta(minutes=11)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailServer]:
    with mail_server(tmp_path_factory.mktemp("mail"), free_port()) as running:
        yield running


@pytest.fixture
def root(tmp_path: Path) -> str:
    """A project of its own on the server that the tests share."""
    return str(tmp_path / "shop")


def agent(server: MailServer, root: str) -> str:
    """Somebody who is in the project already, and the name the server gave."""
    server.tool("ensure_project", human_key=root)
    return str(server.tool("register_agent", project_key=root, program="codex", model="gpt-5")["name"])


def telling(store: Store, clock: Clock, url: str, root: str) -> Announcements:
    return Announcements(store, clock, AgentMail(url, SecretStr(TOKEN)), root)


async def say(store: Store, clock: Clock, subject: str) -> str:
    async with store.begin() as tx:
        return await announce(tx, Letter(subject, "Something happened."), clock.now())


async def waiting(store: Store) -> int:
    async with store.begin() as tx:
        return len(list(await tx.scalars(select(AnnouncementRow))))


async def test_every_agent_is_told_once_by_an_agent_and_not_in_the_name_of_a_person(
    server: MailServer, store: Store, root: str
) -> None:
    clock, names = Clock(), sorted([agent(server, root), agent(server, root)])
    line = await say(store, clock, "to both")
    mail = telling(store, clock, server.url, root)
    assert await mail.deliver() == 1
    assert await mail.deliver() == 0
    assert await waiting(store) == 0
    (message,) = server.about("to both")
    assert message["recipients"].split(", ") == names
    assert message["thread_id"] == "quota"
    assert message["body_md"] == f"Something happened.\n\nnotice: {line}"
    assert (message["importance"], message["project_name"]) == ("normal", root)
    async with store.begin() as tx:
        kept = await tx.get_one(SettingRow, NAME_ROW)
    assert kept.value["name"] == message["sender"]
    assert message["sender"] not in {*names, "HumanOverseer"}


async def test_after_a_restart_we_are_the_same_agent(server: MailServer, store: Store, root: str) -> None:
    clock = Clock()
    for subject in ("first life", "second life"):
        await say(store, clock, subject)
        assert await telling(store, clock, server.url, root).deliver() == 1
    (first,), (second,) = server.about("first life"), server.about("second life")
    # With nobody else in the project it is our own mail.
    assert first["sender"] == second["sender"] == first["recipients"] == second["recipients"]


async def test_an_error_after_it_was_stored_does_not_send_it_twice(server: MailServer, store: Store, root: str) -> None:
    clock = Clock()
    agent(server, root)
    async with door(server) as way:
        mail = telling(store, clock, way.url, root)
        await say(store, clock, "stored, then 500")
        way.broken = 1
        assert await mail.deliver() == 0
        assert len(server.about("stored, then 500")) == 1
        assert await waiting(store) == 1
        assert await mail.deliver() == 0, "the pause is not over"
        clock.later()
        assert await mail.deliver() == 1
        assert (way.sends, len(server.about("stored, then 500")), await waiting(store)) == (1, 1, 0)


async def test_a_bot_that_ended_after_the_send_does_not_send_again(server: MailServer, store: Store, root: str) -> None:
    clock = Clock()
    agent(server, root)
    async with door(server) as way:
        await say(store, clock, "ended on the way")
        way.hold = asyncio.Event()
        mail = asyncio.create_task(telling(store, clock, way.url, root).deliver())
        await until(lambda: len(server.about("ended on the way")) == 1, "the server has it")
        mail.cancel()
        await asyncio.gather(mail, return_exceptions=True)
        way.hold = None
        assert await waiting(store) == 1
        clock.later()
        assert await telling(store, clock, way.url, root).deliver() == 1
        assert len(server.about("ended on the way")) == 1


async def test_many_are_sent_one_after_the_other(server: MailServer, store: Store, root: str) -> None:
    clock = Clock()
    agent(server, root)
    async with door(server) as way:
        for number in range(8):
            await say(store, clock, f"many {number}")
        mail = telling(store, clock, way.url, root)
        assert sum(await asyncio.gather(mail.deliver(), mail.deliver())) == 8
        assert (way.sends, way.most) == (8, 1)


async def test_one_agent_that_takes_no_mail_does_not_silence_the_others(
    server: MailServer, store: Store, root: str
) -> None:
    clock, open_one, closed = Clock(), agent(server, root), agent(server, root)
    server.tool("set_contact_policy", project_key=root, agent_name=closed, policy="block_all")
    await say(store, clock, "not for all")
    assert await telling(store, clock, server.url, root).deliver() == 1
    (message,) = server.about("not for all")
    assert message["recipients"] == open_one
    assert message["sender"] != "HumanOverseer"


async def test_a_server_that_forgot_us_hears_us_again(tmp_path: Path, server: MailServer, store: Store) -> None:
    clock, root = Clock(), str(tmp_path / "forgotten")
    client = AgentMail(server.url, SecretStr(TOKEN))
    mail = Announcements(store, clock, client, root)
    await say(store, clock, "before it forgot")
    assert await mail.deliver() == 1
    with mail_server(tmp_path / "empty", free_port()) as empty:
        # As if it had been set up anew at the old address, while we kept running.
        client.url = empty.url
        await say(store, clock, "after it forgot")
        while await mail.deliver() == 0:
            assert clock.now() < datetime(2026, 5, 4, 13, tzinfo=UTC), "never"
            clock.later()
        assert len(empty.about("after it forgot")) == 1


async def test_a_wrong_token_is_named(server: MailServer) -> None:
    with pytest.raises(MailDown, match="does not accept our token") as refused:
        await AgentMail(server.url, SecretStr("wrong-token")).check()
    assert "wrong-token" not in str(refused.value)
    await AgentMail(server.url, SecretStr(TOKEN)).check()


async def test_an_alert_of_the_running_bot_arrives_once_though_the_server_was_down_at_first(tmp_path: Path) -> None:
    port = free_port()
    subject, next_one = "Quota: codex-plus-1 5h at 55 %", "Quota: codex-plus-1 5h at 80 %"
    settings = {
        "ENABLE_AGENT_MAIL": "true",
        "MAF_AGENT_MAIL_URL": f"http://127.0.0.1:{port}",
        "MAF_AGENT_MAIL_TOKEN": TOKEN,
    }
    async with bot_scene(tmp_path, **settings) as (home, _client, bot):
        account = Account(home)
        account.at(40)
        await bot.start()
        account.at(55)

        def tried() -> bool:
            with sqlite3.connect(f"file:{home.database}?mode=ro", uri=True) as db:
                return bool(db.execute("SELECT 1 FROM announcements WHERE attempts > 0").fetchone())

        await until(tried, "it was tried")
        with mail_server(tmp_path / "mail", port) as server:
            await until(lambda: len(server.about(subject)) == 1, "it arrives")
            account.at(80)
            await until(lambda: len(server.about(next_one)) == 1, "the next arrives")
            assert sorted(message["subject"] for message in server.messages()) == [subject, next_one]
        logs = "".join(path.read_text() for path in home.logs.glob("*.log*"))
        assert logs.count("Agent Mail at 127.0.0.1") == 1, "a server that is down is told of once"
        assert TOKEN not in logs


async def test_a_move_of_a_real_agent_arrives_once(tmp_path: Path, server: MailServer) -> None:
    async with codex_scene(tmp_path, **settings_of(server)) as s:
        await s.services.rotation.rotate("w1", "test", to=TWO)
        root = str(s.services.settings.root(s.home))
        mail = Announcements(s.services.store, s.services.clock, AgentMail(server.url, SecretStr(TOKEN)), root)
        assert (await mail.deliver(), await mail.deliver()) == (1, 0)
        (message,) = [one for one in server.about(f"w1 moved to {TWO}") if one["project_name"] == root]
        assert f"w1 runs on {TWO} now" in message["body_md"]
