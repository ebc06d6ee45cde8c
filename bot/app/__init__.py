"""The composition root: it makes the services of one home, and does nothing else itself."""

from __future__ import annotations

import asyncio
import gc
import inspect
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from bot.agents.delivery.service import Deliveries
from bot.agents.environment import parse_env
from bot.agents.life.service import Life
from bot.agents.registry import Registry
from bot.agents.resources.statistics import Statistics
from bot.agents.state.watch import Watch
from bot.app import asking, keeping, seeing
from bot.app.accounts import Jobs, make_accounts, statusline
from bot.beads.book import BeadsBook
from bot.broadcast.apply import Apply
from bot.broadcast.drafts import Drafts
from bot.broadcast.headroom import headroom
from bot.broadcast.sending import Sender
from bot.broadcast.survey import Survey
from bot.clock import SystemClock
from bot.errors import NotFound, WrongUsage
from bot.fleet.resume import Resume
from bot.fleet.rotation import Rotation
from bot.fleet.wishes import Wishes
from bot.home import Home
from bot.operations import OPERATIONS, READS, Services
from bot.packs import Packs
from bot.remote.server import Server
from bot.schedule import Schedule
from bot.settings import Settings, tool_environment
from bot.store import Store, migrate
from bot.store.audit import Audit
from bot.tmux.control import ControlClient
from bot.tmux.servers import AllPanes
from bot.tmux.sessions import Sessions
from bot.work.claims import Claims

if TYPE_CHECKING:
    from bot.app.chat import Chat

log = logging.getLogger(__name__)

Checkpoint = Callable[[str, str], None]
Progress = Callable[[Any], Awaitable[None]]


def _pass_by(_point: str, _what: str) -> None:
    """The checkpoint of every day; a test gives one that ends the process."""


# What is at work when the bot is told to leave may finish within this; the rest resumes at the next start.
DRAIN_S = 5.0


class App:
    """One home, opened. `call` does one operation; `run` is the bot."""

    def __init__(self, services: Services, control: ControlClient) -> None:
        self.services = services
        self._control = control
        self.chat: Chat | None = None
        # Taps and commands wait until what was under way has been picked up: both would begin at the same items.
        self._resumed = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def open(
        cls, home: Home, settings: Settings, *, background: bool = False, checkpoint: Checkpoint = _pass_by
    ) -> AsyncIterator[App]:
        """Make the services; the store is brought up to date first. `background`: the caller is going to `run`.

        Raises WrongSetting, StoreUnreachable, StoreTooNew. tmux is not touched before something needs it.
        """
        await migrate.upgrade(settings.database(home), home)
        store = Store(settings.database(home))
        services, control = _wire(home, settings, store, background, checkpoint)
        app = cls(services, control)
        try:
            yield app
        finally:
            await services.apply.close(timeout=0.0)
            await services.deliveries.close()
            await services.guardian.close()
            await services.quota.close()
            await services.watch.close()
            await services.panes.close()
            await control.close()
            await store.close()

    async def call(self, op: str, params: Mapping[str, Any], *, actor: str = "cli") -> Any:
        """Do one operation by name and return its JSON. Raises NotFound, WrongUsage, and what the operation raises."""
        work = OPERATIONS.get(op)
        if work is None:
            raise NotFound.of("operation", op, OPERATIONS)
        given = {k: v for k, v in params.items() if k != "actor"}
        if "actor" in inspect.signature(work).parameters:
            given["actor"] = actor
        try:
            inspect.signature(work).bind(self.services, **given)
        except TypeError as error:
            raise WrongUsage(f"{op}: {error}") from error
        if op in READS:
            return await work(self.services, **given)
        target = next((str(given[k]) for k in ("id", "draft", "type", "role") if given.get(k)), "")
        async with self.services.audit.action(actor=actor, place=actor.split(":", 1)[0], action=op, target=target):
            return await work(self.services, **given)

    async def run(self) -> None:
        """Be the bot until cancelled: chat, watch, control socket, jobs. The caller holds the home's lock.

        Raises WrongSetting for a token that Telegram does not accept.
        """
        from bot.app.chat import Chat

        gc.freeze()
        gc.enable()  # `maf run` starts without it
        services = self.services
        self.chat = chat = Chat(services, self._resumed)
        server = Server(services.home.socket, self._operate, self._hook)
        schedule = Schedule()
        await chat.connect()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(chat.run())
                await services.watch.start()
                await server.start()
                await self._resume()
                self._register(schedule, chat)
                schedule.start()
        finally:
            schedule.stop()
            await asyncio.shield(self._leave(chat, server))

    async def _resume(self) -> None:
        """What was under way when the bot last ended, and what its hooks had to say since."""
        await asking.begin(self.services)
        keeping.begin(self.services)
        await seeing.begin(self.services)
        picked = await self.services.deliveries.resume()
        if picked:
            log.info("%d prompts were under way and go on", len(picked))
        await self.services.apply.resume()
        self._resumed.set()
        await Jobs(self.services).begin()

    def _register(self, schedule: Schedule, chat: Chat) -> None:
        schedule.every(15, "expire drafts", self.services.drafts.expire)
        schedule.every(120, "give beads back", self.services.apply.reconcile_claims)
        Jobs(self.services).register(schedule)
        asking.register(self.services, schedule)
        keeping.register(self.services, schedule)
        seeing.register(self.services, schedule)
        schedule.every(6 * 3600, "forget old updates", chat.inbox.forget_old)

    async def _leave(self, chat: Chat, server: Server) -> None:
        await chat.stop(DRAIN_S)
        await self.services.permissions.close()  # first: each hook that waits holds a connection open
        await server.stop(grace=DRAIN_S)
        await self.services.apply.close(timeout=DRAIN_S)
        await seeing.end(self.services)
        for task in list(self.services.tasks):
            task.cancel()
        await asyncio.gather(*self.services.tasks, return_exceptions=True)
        await chat.close()

    async def _operate(self, op: str, params: dict[str, Any], _progress: Progress) -> Any:
        if op not in READS:
            await self._resumed.wait()
        return await self.call(op, params, actor=str(params.get("actor", "cli")))

    async def _hook(self, event: dict[str, Any]) -> Any:
        """An event of an agent's hook; what the hook prints, None to leave everything to the CLI."""
        if event.get("kind") == "statusline":
            await statusline(self.services, event)
            self.services.watch.told(str(event.get("agent") or ""), event.get("payload"))
            return None
        return await self.services.hooks.take(event)


def _wire(
    home: Home, settings: Settings, store: Store, background: bool, checkpoint: Checkpoint
) -> tuple[Services, ControlClient]:
    clock = SystemClock()
    config = home.tmux_conf if settings.tmux_socket != "default" and home.tmux_conf.is_file() else None
    control = ControlClient(settings.tmux_socket, config=config)
    panes, sessions = AllPanes(control), Sessions(settings.tmux_socket, config)
    registry = Registry(store, home, clock)
    login_env = _login_environment(home)
    quota, accounts, handover = make_accounts(
        home, settings, store, clock=clock, registry=registry, environment=login_env
    )
    watch = Watch(registry, panes, home=home, clock=clock, profiles=accounts.setup)
    life = Life(
        registry,
        sessions,
        panes,
        watch,
        home=home,
        settings=settings,
        clock=clock,
        login_env=login_env,
    )
    life.before_start = accounts.before_start
    deliveries = Deliveries(store, registry, watch, panes, clock=clock, background=background, checkpoint=checkpoint)
    packs = Packs(home, clock=clock)
    book = BeadsBook(tool_environment(), binary="bd" if settings.enable_beads else None, clock=clock)
    claims = Claims(store, book, clock)
    survey = Survey(watch, book, claims, lambda: headroom(quota))
    sender = Sender(store, clock, survey=survey, claims=claims, book=book, deliveries=deliveries, checkpoint=checkpoint)
    rotation = Rotation(
        store,
        clock,
        registry=registry,
        watch=watch,
        life=life,
        accounts=accounts,
        quota=quota,
        handover=handover,
        mail=settings.enable_agent_mail,
    )
    resume = Resume(
        store,
        clock,
        registry=registry,
        watch=watch,
        deliveries=deliveries,
        quota=quota,
        claims=claims,
        packs=packs,
        book=book,
    )
    watch.limit_over = resume.over
    audit = Audit(store, clock)
    hook_setup, hooks, permissions = asking.make_permissions(
        home,
        settings,
        store,
        clock=clock,
        registry=registry,
        watch=watch,
        panes=panes,
        deliveries=deliveries,
        audit=audit,
        life=life,
    )
    kept = keeping.make_keeping(
        home,
        settings,
        store,
        clock=clock,
        registry=registry,
        life=life,
        watch=watch,
        panes=panes,
        sessions=sessions,
        claims=claims,
        packs=packs,
        profiles=quota.book,
    )
    services = Services(
        home=home,
        settings=settings,
        clock=clock,
        store=store,
        audit=audit,
        registry=registry,
        life=life,
        watch=watch,
        panes=panes,
        deliveries=deliveries,
        packs=packs,
        book=book,
        claims=claims,
        drafts=Drafts(store, clock, survey=survey, packs=packs, ttl=settings.draft_ttl, zone=settings.zone),
        apply=Apply(store, clock, sender=sender, claims=claims, checkpoint=checkpoint),
        profiles=quota.book,
        quota=quota,
        accounts=accounts,
        rotation=rotation,
        resume=resume,
        wishes=Wishes(store, clock, rotation=rotation, watch=watch),
        hook_setup=hook_setup,
        hooks=hooks,
        permissions=permissions,
        sessions=sessions,
        diary=kept.diary,
        guardian=kept.guardian,
        ending=kept.ending,
        cleanup=kept.cleanup,
        side=kept.side,
        adoption=kept.adoption,
        hold=kept.hold,
        interrupts=kept.interrupts,
        runs=kept.runs,
        statistics=Statistics(store, registry, watch, clock),
        background=background,
    )
    return services, control


def _login_environment(home: Home) -> dict[str, str]:
    """What agents get of the person's login: as `maf init` found it, over what this process has."""
    saved = home.run / "login-env"
    found = parse_env(saved.read_text(encoding="utf8", errors="replace")) if saved.is_file() else {}
    return {**tool_environment(), **{k: v for k, v in found.items() if v}}


__all__ = ["App"]
