"""Which account an agent runs on: the home and environment of its profile, and the choice of one at its start."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from bot.agents.environment import ProfileSetup, profile_setups
from bot.agents.model import Agent
from bot.agents.registry import Registry
from bot.clis.homes import HOMES
from bot.errors import NotFound, Refused
from bot.fleet.handover import Handover
from bot.home import Home
from bot.profiles.book import ProfileBook
from bot.quota.levels import Level
from bot.quota.selection import Candidate, Choice, excluded
from bot.quota.service import Quota
from bot.quota.status import ProfileStatus

HOME_KEY = "home_profile"  # in Agent.stats: the profile that it belongs to, while it runs on another


class NoProfile(Refused):
    """No profile can serve this agent."""

    code = "no_profile"
    hint = "Look: maf quota status"


class Accounts:
    """Between agents and quota, which do not know each other."""

    def __init__(self, home: Home, book: ProfileBook, quota: Quota, registry: Registry, handover: Handover) -> None:
        self._book = book
        self._quota = quota
        self._registry = registry
        self._handover = handover
        self._default = profile_setups(home)
        self.reasons: dict[str, str] = {}  # why an agent got its profile, until somebody has said so
        self._moving: set[str] = set()  # agents whose profile is being changed on purpose right now

    def setup(self, agent: Agent) -> ProfileSetup:
        """The home of its CLI and the variables of its profile. Answers from the configuration in force."""
        entry = self._book.find(agent.profile)
        if entry is None:
            return self._default(agent)
        home = entry.home if entry.kind == agent.kind else self._default(agent).home
        return ProfileSetup(home, entry.environment)

    def check(self, kind: str, profile: str | None) -> None:
        """May an agent of this kind be given this profile? Raises NotFound or Refused."""
        if profile is None:
            return
        names = [p.name for p in self._book.all()]
        entry = self._book.find(profile)
        if entry is None:
            if names:
                raise NotFound.of("profile", profile, names)
            return
        if kind in HOMES and entry.kind != kind:
            raise Refused(f"{profile} is a {entry.kind} profile, and this is a {kind} agent.")

    @contextmanager
    def moving(self, agent: str) -> Iterator[None]:
        """While this is open a start takes the profile as it stands in the registry."""
        self._moving.add(agent)
        try:
            yield
        finally:
            self._moving.discard(agent)

    def is_moving(self, agent: str) -> bool:
        return agent in self._moving

    async def before_start(self, agent: Agent) -> Agent:
        """Give it a profile if it has none, or another one if its own cannot serve. Raises NoProfile."""
        choice = await self._another(agent)
        if choice is None or choice.profile is None:
            return agent
        await self._quota.take(choice.profile, agent.kind)
        why = "; ".join([choice.reason, *_rejected(choice)])
        self.reasons[agent.id] = f"{agent.id} runs on {choice.profile}: {why}"
        return await self._give(agent, choice.profile)

    async def foresee(self, agent: Agent) -> Agent:
        """The agent with the profile that `before_start` would give it; nothing is changed. Raises NoProfile."""
        choice = await self._another(agent)
        return agent if choice is None or choice.profile is None else agent_on(agent, choice.profile)

    async def _another(self, agent: Agent) -> Choice | None:
        """The profile that it gets at its start, unless it stays as it is. Raises NoProfile."""
        if agent.kind not in HOMES or agent.id in self._moving or not self._has_profiles(agent.kind):
            return None
        await self._quota.fresh()
        own = self._quota.status(agent.profile)
        if agent.profile is not None and (own is None or not self.objection(own)):
            return None
        enabled = self._book.config().codex_profiles.enable
        choice = self._quota.choose(agent.kind)
        if choice.profile == agent.profile or (agent.profile is not None and not enabled):
            return None
        if choice.profile is None and agent.profile is not None:
            return None  # nowhere to go: on its own account it at least waits for the reset
        if choice.profile is None:
            raise NoProfile(f"No {agent.kind} profile can serve {agent.id}: {reasons(choice)}")
        return choice

    async def _give(self, agent: Agent, profile: str) -> Agent:
        """It does not run: its conversation goes into the new home, so that it goes on there."""
        old, new = self.setup(agent), self.setup(replace(agent, profile=profile))
        if agent.profile is not None:
            agent = await self._handover.last(agent, old.home, await self._registry.all())
            if agent.transcript is not None:
                target = self._handover.place(agent, old.home, new.home)
                await self._handover.copy(agent.transcript, target, profile)
                agent = replace(agent, transcript=target)
        return await self._registry.update(
            agent.id,
            profile=profile,
            conversation=agent.conversation,
            transcript=agent.transcript,
            stats=stats_after(agent, profile),
        )

    def _has_profiles(self, kind: str) -> bool:
        return any(p.kind == kind for p in self._book.all())

    def objection(self, status: ProfileStatus) -> str:
        """Why a profile gets no work now; empty if it does."""
        return excluded(status.candidate, status.profile.kind, enforce=self._quota.enforce)

    def target(self, agent: Agent, *, tried: frozenset[str] = frozenset()) -> Choice:
        """The profile that a rotation would use: selection, and besides neither nearly full nor of unknown state."""
        if self.pinned(agent):
            return Choice(None, f"CODEX_PROFILE keeps it on {agent.profile}", ())
        statuses = [status for status in self._quota.statuses() if status.profile.name != agent.profile]
        return self._quota.choose(agent.kind, among=[self._for_move(status, tried) for status in statuses])

    def pinned(self, agent: Agent) -> bool:
        """CODEX_PROFILE names the profile that it is on: it stays there, used up or not."""
        return agent.profile is not None and self._quota.forced() == agent.profile

    def against(self, agent: Agent, profile: str) -> str:
        """Why this agent may not be moved to that profile; empty if it may."""
        status = self._quota.status(profile)
        if status is None:
            return "is no profile"
        return excluded(self._for_move(status, frozenset()), agent.kind, enforce=self._quota.enforce)

    def _for_move(self, status: ProfileStatus, tried: frozenset[str]) -> Candidate:
        candidate = status.candidate
        if candidate.reached or not candidate.tracked:
            return candidate
        why = "was tried already" if candidate.name in tried else self._doubt(status)
        return replace(candidate, reached=why) if why else candidate

    def _doubt(self, status: ProfileStatus) -> str:
        if not status.profile.home.is_dir():
            return "has no home any more"
        full = [w for w in status.windows.values() if w.main and w.level >= Level.CRITICAL]
        if full:
            fullest = max(full, key=lambda w: w.percent)
            return f"is at {fullest.percent:.0f} % of its {fullest.name} window"
        stale = self._quota.stale(status)
        return f"its {stale} numbers are too old" if stale else ""


def reasons(choice: Choice) -> str:
    """The rejected profiles in words."""
    return "; ".join(_rejected(choice)) or choice.reason


def _rejected(choice: Choice) -> list[str]:
    """Without those of another kind, which nobody thought of."""
    return [f"{name} {why}" for name, why in choice.rejected if not why.startswith("is a ")]


def stats_after(agent: Agent, profile: str) -> dict[str, object]:
    """Its stats once it runs on `profile`: they remember where it belongs while it is away."""
    home = agent.stats.get(HOME_KEY) or agent.profile
    kept = {key: value for key, value in agent.stats.items() if key != HOME_KEY}
    return kept if home in (None, profile) else {**kept, HOME_KEY: home}


def agent_on(agent: Agent, profile: str) -> Agent:
    """The agent as it would be on that profile."""
    return replace(agent, profile=profile, stats=stats_after(agent, profile))
