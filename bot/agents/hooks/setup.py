"""Which CLI homes have our hooks: the ones we made always, one that was the person's only after they said yes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bot import shipped
from bot.agents.environment import ProfileSetup
from bot.agents.hooks.consent import Consent
from bot.agents.model import Agent
from bot.clis import hooks
from bot.errors import MafError, WrongUsage
from bot.home import Home
from bot.store.audit import BOT, SCHEDULE, Audit

log = logging.getLogger(__name__)

# Beside the settings of a home that is ours: the person does not want our hooks there.
REFUSED = ".maf-no-hooks"


@dataclass(frozen=True, slots=True)
class HomeHooks:
    """What of ours stands in one CLI home. `ours`: a home that we made."""

    home: Path
    kind: str
    ours: bool
    events: tuple[str, ...]
    statusline: bool
    problem: str = ""

    def as_dict(self) -> dict[str, object]:
        """The shape of `maf hooks status --json`; `installed`: at least one of our events stands in its settings."""
        return {
            "home": str(self.home),
            "kind": self.kind,
            "ours": self.ours,
            "installed": bool(self.events),
            "events": list(self.events),
            "statusline": self.statusline,
            "problem": self.problem,
        }


class HookSetup:
    """Puts our hooks in and takes them out. Blocking work on small files, done in threads."""

    def __init__(self, home: Home, profiles: Callable[[Agent], ProfileSetup], consent: Consent, audit: Audit) -> None:
        self._root = home.root.resolve()
        self._profiles = profiles
        self.consent = consent
        self._audit = audit

    async def before_start(self, agent: Agent) -> None:
        """Make sure of the hooks of an agent that is about to start, or ask for them in a home that was the person's. A
        home they cannot be put into keeps no agent from starting: its state is then read from its screen and files."""
        if agent.kind not in hooks.SETTINGS_FILE:
            return
        home = self._profiles(agent).home or Path.home() / f".{agent.kind}"
        try:
            if await asyncio.to_thread(self._is_kept_up, home, agent.kind):
                await self._keep_up(home, agent.kind, agent.id)
            elif home.is_dir() and not self.is_ours(home):
                await self.consent.ask(home, agent.kind, agent.id)
        except (MafError, OSError) as error:
            log.warning("%s starts without hooks: %s", agent.id, error)

    async def install(self, home: Path, kind: str, *, by: str = "") -> HomeHooks:
        """The person said yes (`by`: their name, where it is known).

        Raises WrongUsage, DependencyMissing, Refused (its settings cannot be read).
        """
        _check(home, kind)
        (home / REFUSED).unlink(missing_ok=True)
        await asyncio.to_thread(hooks.install, home, kind, shipped.program())
        await self.consent.record(home, kind, "yes", by)
        return self.status(home, kind)

    async def remove(self, home: Path, kind: str) -> HomeHooks:
        """Take everything of ours out, and keep it out without asking again. Raises WrongUsage, Refused."""
        _check(home, kind)
        await asyncio.to_thread(hooks.remove, home, kind)
        if self.is_ours(home):
            (home / REFUSED).touch()
        await self.consent.record(home, kind, "no")
        return self.status(home, kind)

    def status(self, home: Path, kind: str) -> HomeHooks:
        """What stands there now; a settings file that cannot be read is told as a problem."""
        _check(home, kind)
        try:
            found = hooks.installed(home, kind)
        except MafError as error:
            return HomeHooks(home, kind, self.is_ours(home), (), False, error.message)
        return HomeHooks(home, kind, self.is_ours(home), found.events, found.statusline)

    def is_ours(self, home: Path) -> bool:
        return self._root in home.resolve().parents

    def _is_kept_up(self, home: Path, kind: str) -> bool:
        """Are our hooks to stand there without a question: in a home of ours, or where they stand already?"""
        wanted = self.is_ours(home) and not (home / REFUSED).exists()
        # What was put into a person's home once is kept right there: our own place may have changed since.
        return wanted or (home.is_dir() and bool(hooks.installed(home, kind).events))

    async def _keep_up(self, home: Path, kind: str, agent: str) -> None:
        """Put them right, with a row in the audit trail, where that changes anything."""
        maf = shipped.program()
        if not await asyncio.to_thread(hooks.would_write, home, kind, maf):
            return
        detail = {"kind": kind, "agent": agent}
        async with self._audit.action(
            actor=BOT, place=SCHEDULE, action="hooks.install", target=str(home), detail=detail
        ):
            await asyncio.to_thread(home.mkdir, parents=True, exist_ok=True, mode=0o700)
            await asyncio.to_thread(hooks.install, home, kind, maf)


def _check(home: Path, kind: str) -> None:
    if kind not in hooks.SETTINGS_FILE:
        raise WrongUsage(f"{kind} has no hooks.", hint="Use codex or claude.")
    if not home.is_dir():
        raise WrongUsage(f"{home} is no folder.", hint="Name the CODEX_HOME or CLAUDE_CONFIG_DIR.")
