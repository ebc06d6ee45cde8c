"""What every operation and handler may use: the services of one home, made once by the composition root."""

from __future__ import annotations

from dataclasses import dataclass

from bot.agents.deliveries import Deliveries
from bot.agents.life import Life
from bot.agents.registry import Registry
from bot.agents.watch import Watch
from bot.beads.book import BeadsBook
from bot.broadcast.apply import Apply
from bot.broadcast.drafts import Drafts
from bot.clock import Clock
from bot.home import Home
from bot.packs import Packs
from bot.settings import Settings
from bot.store import Store
from bot.store.audit import Audit
from bot.tmux.panes import Panes
from bot.work.claims import Claims


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
    panes: Panes
    deliveries: Deliveries
    packs: Packs
    book: BeadsBook
    claims: Claims
    drafts: Drafts
    apply: Apply
    background: bool
