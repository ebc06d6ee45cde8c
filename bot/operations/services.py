"""What every operation and handler may use: the services of one home, made once by the composition root."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from bot.agents.delivery.service import Deliveries
from bot.agents.hooks.events import Hooks
from bot.agents.hooks.setup import HookSetup
from bot.agents.life.adoption import Adoption
from bot.agents.life.hold import Hold
from bot.agents.life.interrupt import Interrupts
from bot.agents.life.runs import Runs
from bot.agents.life.service import Life
from bot.agents.permissions.service import Permissions
from bot.agents.registry import Registry
from bot.agents.resources.diary import Diary
from bot.agents.resources.statistics import Statistics
from bot.agents.state.watch import Watch
from bot.beads.book import BeadsBook
from bot.broadcast.apply import Apply
from bot.broadcast.drafts import Drafts
from bot.clock import Clock
from bot.fleet.accounts import Accounts
from bot.fleet.cleanup import Cleanup
from bot.fleet.ending import Ending
from bot.fleet.guardian import Guardian
from bot.fleet.moves import Moves
from bot.fleet.reservations import Reservations
from bot.fleet.resume import Resume
from bot.fleet.rotation import Rotation
from bot.fleet.self_actions import SelfActions
from bot.fleet.side import SideFiles
from bot.fleet.versions import CliVersions
from bot.home import Home
from bot.notices.live import Live
from bot.packs import Packs
from bot.profiles.book import ProfileBook
from bot.profiles.secrets import ProfileSecrets
from bot.quota.service import Quota
from bot.settings import Settings
from bot.store import Store
from bot.store.audit import Audit
from bot.store.patience import patient_task
from bot.tmux.servers import AllPanes
from bot.tmux.sessions import Sessions
from bot.work.claims import Claims

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Services:
    """`background` False: no bot runs, a command acts by itself and nothing goes on after it."""

    home: Home
    settings: Settings
    clock: Clock
    store: Store
    audit: Audit
    registry: Registry
    life: Life
    watch: Watch
    panes: AllPanes
    deliveries: Deliveries
    packs: Packs
    book: BeadsBook
    claims: Claims
    drafts: Drafts
    apply: Apply
    profiles: ProfileBook
    secrets: ProfileSecrets
    quota: Quota
    accounts: Accounts
    rotation: Rotation
    resume: Resume
    moves: Moves
    actions: SelfActions
    hook_setup: HookSetup
    hooks: Hooks
    permissions: Permissions
    sessions: Sessions
    diary: Diary
    guardian: Guardian
    ending: Ending
    reservations: Reservations
    cleanup: Cleanup
    side: SideFiles
    adoption: Adoption
    hold: Hold
    interrupts: Interrupts
    runs: Runs
    statistics: Statistics
    versions: CliVersions
    background: bool
    live: Live = field(default_factory=Live)
    ready_for: frozenset[str] = frozenset()  # agents for which there is work that nobody holds
    out_of_reach: str = ""  # why Telegram cannot be reached at the moment
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> None:
        """Let work go on after the one who asked has his answer. What it does must be safe to be cut off at any row."""
        task = patient_task(work, name=name)
        self.tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self.tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s failed", task.get_name(), exc_info=error)
