"""The part of the composition root that is about accounts: quota, profiles, rotation, resume, and their jobs."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from bot.agents.registry import Registry
from bot.clock import Clock
from bot.errors import NotFound
from bot.fleet.accounts import Accounts
from bot.fleet.handover import Handover
from bot.fleet.move import Move
from bot.home import Home
from bot.mail import AgentMail, Announcements
from bot.operations import Services
from bot.profiles.book import ProfileBook
from bot.quota.service import Quota
from bot.schedule import Schedule
from bot.settings import Settings
from bot.store import Store

log = logging.getLogger(__name__)

DAY_S = 24 * 3600.0
# The job itself asks whether an interval has passed: so a changed interval counts without a restart.
TICK_S = 1.0
RESUME_S = 3.0
MAIL_S = 5.0


def make_accounts(
    home: Home, settings: Settings, store: Store, *, clock: Clock, registry: Registry, environment: Mapping[str, str]
) -> tuple[Quota, Accounts, Handover]:
    """What stands below agents: who has room, and whose home is where."""
    book = ProfileBook(home)
    quota = Quota(store, home, book, settings, clock, path=lambda: environment.get("PATH"))
    handover = Handover(quota)
    return quota, Accounts(home, book, quota, registry, handover), handover


def make_mail(services: Services) -> Announcements:
    """What tells the agents, by way of the Agent Mail server of the settings."""
    settings = services.settings
    mail = AgentMail(settings.agent_mail_url, settings.agent_mail_token)
    return Announcements(services.store, services.clock, mail, str(settings.root(services.home)))


class Jobs:
    """What the running bot does about accounts without being asked."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._checked_at = float("-inf")

    def register(self, schedule: Schedule) -> None:
        schedule.every(TICK_S, "quota", self._services.quota.tick)
        schedule.every(RESUME_S, "go on after a limit", self._services.resume.tick)
        schedule.every(RESUME_S, "rotate", self._rotate)
        schedule.every(DAY_S, "trim quota", self._services.quota.trim)
        if self._services.settings.enable_agent_mail:
            schedule.every(MAIL_S, "agent mail", make_mail(self._services).deliver)

    async def _rotate(self) -> None:
        """What people wished for; and each `rotation_monitoring` minutes what the accounts ask for."""
        for move in await self._services.wishes.tick():
            await self._moved(move)
        minutes = self._services.profiles.config().codex_profiles.rotation_monitoring
        now = self._services.clock.monotonic()
        if now - self._checked_at < minutes * 60:
            return
        self._checked_at = now
        for move in await self._services.rotation.check():
            await self._moved(move)

    async def _moved(self, move: Move) -> None:
        if move.outcome == "moved":
            await self._services.resume.moved(move.agent)

    async def begin(self) -> None:
        """At start: agents that were on the way to another profile come back."""
        for move in await self._services.rotation.resume():
            log.warning("%s was on its way to %s when the bot ended: %s", move.agent, move.target, move.outcome)


async def statusline(services: Services, event: Mapping[str, Any]) -> None:
    """What `maf hook statusline` passed on of an agent."""
    payload = event.get("payload")
    if not isinstance(payload, dict):
        return
    try:
        profile = (await services.registry.get(str(event.get("agent")))).profile
    except NotFound:
        profile = None
    await services.quota.record_statusline(str(event.get("config_dir") or ""), profile, payload)
