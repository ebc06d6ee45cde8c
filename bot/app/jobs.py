"""What the running bot does without being asked, and how often: the one table."""

from __future__ import annotations

from bot.agents.resources.strain import Strain
from bot.app.accounts import Rotations, make_mail
from bot.app.live import LiveMessages
from bot.operations import Services
from bot.schedule import Schedule
from bot.telegram.inbox import Inbox

HOUR_S = 3600.0


class Jobs:
    """The table of jobs of one bot."""

    def __init__(self, services: Services, inbox: Inbox) -> None:
        self._services = services
        self._inbox = inbox

    def register(self, schedule: Schedule) -> None:
        """Put every job of the bot into the table, with its interval in seconds."""
        services = self._services
        live = LiveMessages(services)
        strain = Strain(services.store, services.watch)
        every = schedule.every
        # The two jobs of quota ask themselves whether an interval has passed: a changed one counts without a restart.
        every(1, "quota", services.quota.tick)
        every(2, "count what agents do", self._count)
        every(3, "refresh live messages", live.refresh)
        every(3, "go on after a limit", services.resume.tick)
        every(3, "rotate", Rotations(services).tick)
        every(3, "see to dead agents", services.guardian.sweep)
        every(5, "side windows", services.side.write)
        every(5, "note reservations", services.reservations.keep)
        every(10, "look for new versions of CLIs", services.versions.tick)
        every(15, "expire drafts", services.drafts.expire)
        every(15, "look for agents that take much", strain.check)
        every(20, "remind of permissions", services.permissions.reminding.run)
        every(60, "let go of what ended agents held", services.ending.finish)
        every(60, "see for whom there is work", live.find_work)
        every(120, "give beads back", services.apply.reconcile_claims)
        every(300, "keep the statistics", services.statistics.save)
        every(6 * HOUR_S, "forget old updates", self._inbox.forget_old)
        every(24 * HOUR_S, "trim quota", services.quota.trim)
        if services.settings.enable_agent_mail:
            every(5, "agent mail", make_mail(services).deliver)

    async def _count(self) -> None:
        self._services.statistics.count()
