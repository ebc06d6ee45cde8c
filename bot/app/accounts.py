"""The part of the composition root that is about accounts: what tells of them, and when agents are moved."""

from __future__ import annotations

import logging
from pathlib import Path

from bot.agents.model import Agent
from bot.fleet.self_action import MOVE
from bot.mail import AgentMail, Announcements
from bot.operations import Services

log = logging.getLogger(__name__)


def make_mail(services: Services) -> Announcements:
    """What tells the agents, by way of the Agent Mail server of the settings."""
    settings = services.settings
    mail = AgentMail(settings.agent_mail_url, settings.agent_mail_token)
    return Announcements(services.store, services.clock, mail, str(settings.root(services.home)))


class Rotations:
    """When agents are moved to another account, and when it is looked who is to be."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._checked_at = float("-inf")

    async def tick(self) -> None:
        """Do what was announced; each `rotation_monitoring` minutes announce what the accounts ask for."""
        await self._services.moves.tick()
        minutes = self._services.profiles.config().codex_profiles.rotation_monitoring
        now = self._services.clock.monotonic()
        if now - self._checked_at < minutes * 60:
            return
        self._checked_at = now
        await self._services.moves.check()


async def come_back(services: Services) -> None:
    """At start: agents that were on the way to another profile come back."""
    await services.actions.cut_off(MOVE)
    for move in await services.rotation.resume():
        log.warning("%s was on its way to %s when the bot ended: %s", move.agent, move.target, move.outcome)


async def statusline(services: Services, agent: Agent, payload: object) -> None:
    """What `maf hook statusline` passed on of an agent: the limits of its account, the size of its context."""
    if not isinstance(payload, dict):
        return
    services.watch.told(agent.id, payload)
    home = services.watch.profiles(agent).home or Path.home() / ".claude"
    await services.quota.record_statusline(str(home), agent.profile, payload)
