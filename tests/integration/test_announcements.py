"""What is to be said in Agent Mail while nothing, or something else, answers there. The real server: tests/real."""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web
from sqlalchemy import select

from bot.app import App
from bot.cli.checks import agent_mail
from bot.home import Home
from bot.mail import AgentMail, Announcements, Letter, MailDown, MailRefused, announce
from bot.settings import load_settings
from bot.store import Store
from bot.store.audit import Audit
from bot.store.tables import AnnouncementRow, OutboxRow, RotationRow
from tests.rollouts import Rollout, write_profiles
from tests.stores import StandingClock

NOBODY = "http://127.0.0.1:9"  # the discard port: nothing listens there


async def rows(store: Store) -> list[AnnouncementRow]:
    async with store.begin() as tx:
        return list(await tx.scalars(select(AnnouncementRow).order_by(AnnouncementRow.subject)))


async def test_all_wait_for_a_server_that_is_down_longer_and_longer_and_go_after_a_day(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    clock = StandingClock()
    mail = Announcements(store, clock, AgentMail(NOBODY), "/shop")
    async with store.begin() as tx:
        for subject in "ab":
            await announce(tx, Letter(subject, "body"), clock.now())
    pauses = []
    for _ in range(4):
        assert await mail.deliver() == 0
        first, second = await rows(store)
        assert first.next_at == second.next_at
        pauses.append((first.next_at - clock.at).total_seconds())
        clock.at = first.next_at
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1] > pauses[0]) == (10, True)
    assert [r.levelno for r in caplog.records if r.name == "bot.mail.announcements"] == [logging.WARNING]
    audit = Audit(store, clock)
    (tried,) = await audit.recent()  # once, and before the first try; of two of one moment either may be the first
    assert (tried.actor, tried.action, tried.outcome) == ("bot", "mail.announce", "begun")
    assert tried.detail["subject"] in "ab"
    clock.at += timedelta(hours=24)
    assert await mail.deliver() == 0
    ended = [(row.detail["subject"], row.outcome) for row in await audit.recent()]
    assert sorted(ended) == [(subject, "failed: Agent Mail did not take it for a day") for subject in "ab"]
    assert await rows(store) == []
    assert sorted(r.getMessage() for r in caplog.records[1:]) == [
        f"Agent Mail did not take this for a day, it is dropped: {subject}" for subject in "ab"
    ]


async def test_what_was_not_committed_is_not_said(store: Store) -> None:
    async def half() -> None:
        async with store.begin() as tx:
            await announce(tx, Letter("never", "body"), StandingClock().now())
            raise KeyError

    with pytest.raises(KeyError):
        await half()
    assert await rows(store) == []


@pytest.mark.parametrize(
    ("status", "body", "error", "says"),
    [
        (200, "<html>", MailDown, "is not Agent Mail"),
        (200, "{}", MailDown, "gave no answer to ensure_project"),
        (200, '{"result": {"structuredContent": {}}}', MailDown, "gave no slug"),
        (500, "{}", MailDown, "answers 500"),
        (302, "{}", MailDown, "answers 302"),
        (401, "{}", MailDown, "does not accept our token"),
        (404, "{}", MailRefused, "refused it"),
    ],
)
async def test_anything_else_at_the_address_is_said_in_words(
    status: int, body: str, error: type[Exception], says: str
) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=status, text=body, headers={"Location": "/elsewhere"})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        client = AgentMail(f"http://127.0.0.1:{runner.addresses[0][1]}")
        with pytest.raises(error, match=says):
            await client.ensure_project("/shop")
        await client.close()
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("on", [True, False])
async def test_alerts_and_moves_are_written_down_with_their_notices_and_only_when_it_is_on(
    tmp_path: Path, on: bool
) -> None:
    home = Home(tmp_path / "home")
    write_profiles(home.agent_config, {"codex-plus-1": {"priority": 1}})
    settings = load_settings(home, enable_agent_mail=on, agent_mail_url=NOBODY)
    async with App.open(home, settings) as app:
        services = app.services
        now = services.clock.now()
        Rollout(home.profile("codex-plus-1")).response(
            now.timestamp(), 100, {"primary": (78, 300, now.timestamp() + 7200)}
        )
        await services.quota.refresh(alerts=True)
        async with services.store.begin() as tx:
            # A move that a restart cut off, of an agent that is gone.
            tx.add(
                RotationRow(
                    agent="w1",
                    source="codex-plus-1",
                    target="codex-plus-2",
                    step="stopping",
                    reason="5h window is used up",
                    asked_by="test",
                    began_at=now,
                )
            )
        await services.rotation.resume()
        async with services.store.begin() as tx:
            kinds = [row.kind for row in await tx.scalars(select(OutboxRow).order_by(OutboxRow.id))]
        assert kinds == ["quota-alert", "rotation"]
        told = [row.subject for row in await rows(services.store)]
        assert told == (["Quota: codex-plus-1 5h at 78 %", "w1 stays on codex-plus-1"] if on else [])


def test_the_doctor_names_a_server_that_does_not_answer(tmp_path: Path) -> None:
    found = agent_mail(load_settings(Home(tmp_path), agent_mail_url=NOBODY))
    assert (found.status, found.detail) == ("failure", "Agent Mail at 127.0.0.1:9 does not answer (ConnectError).")
    assert found.fix == "Start its server, or unset ENABLE_AGENT_MAIL."
