"""The part of the composition root that is about hooks and permissions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from bot.agents.delivery.service import Deliveries
from bot.agents.hooks.events import Hooks
from bot.agents.hooks.setup import HookSetup
from bot.agents.life.service import Life
from bot.agents.model import Agent
from bot.agents.permissions.service import Permissions
from bot.agents.registry import Registry
from bot.agents.state.watch import Watch
from bot.clock import Clock
from bot.home import Home
from bot.operations import Services
from bot.remote import spool
from bot.schedule import Schedule
from bot.settings import Settings
from bot.store import Store
from bot.store.audit import Audit
from bot.tmux.panes import Panes


def make_permissions(
    home: Home,
    settings: Settings,
    store: Store,
    *,
    clock: Clock,
    registry: Registry,
    watch: Watch,
    panes: Panes,
    deliveries: Deliveries,
    audit: Audit,
    life: Life,
) -> tuple[HookSetup, Hooks, Permissions]:
    """Hooks are put into an agent's home before it starts; what they tell goes to the watch and the permissions."""
    setup = HookSetup(home, watch.profiles)
    hooks = Hooks(registry, watch, clock)
    permissions = Permissions(
        store,
        registry=registry,
        watch=watch,
        panes=panes,
        deliveries=deliveries,
        hooks=hooks,
        audit=audit,
        clock=clock,
        codex_wait=settings.permission_wait,
        remind_after=settings.permission_reminder,
    )
    life.before_start = _with_hooks(life.before_start, setup)
    return setup, hooks, permissions


def _with_hooks(before: Callable[[Agent], Awaitable[Agent]], setup: HookSetup) -> Callable[[Agent], Awaitable[Agent]]:
    async def before_start(agent: Agent) -> Agent:
        chosen = await before(agent)
        await setup.before_start(chosen)
        return chosen

    return before_start


async def begin(services: Services) -> None:
    """What the hooks had to say while no bot was there, and what was open then."""
    import asyncio

    events = await asyncio.to_thread(spool.drain, str(services.home.hooks_spool))
    await services.hooks.take_spooled(events)
    await services.permissions.start()


def register(services: Services, schedule: Schedule) -> None:
    schedule.every(20, "remind of permissions", services.permissions.remind)


async def take(services: Services, event: Mapping[str, Any]) -> object:
    """One event of an agent's hook; what the hook prints."""
    return await services.hooks.take(event)
