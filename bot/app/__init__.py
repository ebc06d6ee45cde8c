"""The composition root: it makes the services of one home, and does nothing else itself."""

from __future__ import annotations

import asyncio
import gc
import inspect
import logging
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import DBAPIError

from bot.agents.caller import Caller, caller_of
from bot.app.wiring import Wiring
from bot.checkpoint import Checkpoint, pass_by
from bot.errors import MafError, NotFound, WrongUsage
from bot.home import Home
from bot.operations import OPERATIONS, Services, check, reads, trail
from bot.remote import spool
from bot.remote.peer import Peer
from bot.remote.server import Server
from bot.schedule import Schedule
from bot.settings import Settings
from bot.store import Store, migrate
from bot.store.audit import in_words
from bot.store.errors import trouble
from bot.store.patience import patient
from bot.store.single import OnlyBot
from bot.tmux.lineage import Lineage, lineage

if TYPE_CHECKING:
    from bot.app.chat import Chat

log = logging.getLogger(__name__)

# What is at work when the bot is told to leave may finish within this; the rest resumes at the next start.
DRAIN_S = 5.0


class App:
    """One home, opened. `call` does one operation; `run` is the bot."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.chat: Chat | None = None
        self._own = lineage(os.getpid())
        # Nobody brings agents back before it is known that no other bot has them.
        self.alone = asyncio.Event()
        # Taps and commands wait until what was under way has been picked up: both would begin at the same items.
        self._resumed = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def open(
        cls, home: Home, settings: Settings, *, background: bool = False, checkpoint: Checkpoint = pass_by
    ) -> AsyncIterator[App]:
        """Make the services; the store is brought up to date first. `background`: the caller is going to `run`.

        Raises WrongSetting, StoreUnreachable, StoreTooNew. tmux is not touched before something needs it.
        """
        await migrate.upgrade(settings.database(home), home)
        store = Store(settings.database(home))
        wiring = Wiring(home, settings, store, background=background, checkpoint=checkpoint)
        services, control = wiring.services(), wiring.control
        app = cls(services)
        try:
            yield app
        finally:
            await services.apply.close(timeout=0.0)
            await services.deliveries.close()
            await services.guardian.close()
            await services.quota.close()
            await services.audit.close()
            await services.watch.close()
            await services.panes.close()
            await control.close()
            await store.close()

    async def caller(self, line: Lineage, uid: int) -> Caller:
        """Who is at the lower end of this lineage."""
        above = set(self._own.marks) if self.services.background else ()
        if not self.services.background:  # a bot looks all the time
            await self.services.watch.shown([a.id for a in await self.services.registry.all() if a.adopted])
        return caller_of(line, uid=uid, home=self.services.home.root, owned=self.services.watch.owned(), above=above)

    async def call_for(self, caller: Caller, op: str, params: Mapping[str, Any]) -> Any:
        """Do one operation for whoever asks from outside. Raises NotForAgents besides what `call` raises."""
        check(caller, op, params)
        return await self.call(op, params, actor=caller.actor, caller=caller)

    async def call(
        self, op: str, params: Mapping[str, Any], *, actor: str = "cli", caller: Caller | None = None
    ) -> Any:
        """Do one operation by name and return its JSON. Raises NotFound, WrongUsage, and what the operation raises."""
        work = OPERATIONS.get(op)
        if work is None:
            raise NotFound.of("operation", op, OPERATIONS)
        takes = inspect.signature(work).parameters
        given = {k: v for k, v in params.items() if k not in ("actor", "caller")}
        if "actor" in takes:
            given["actor"] = in_words(actor)
        if "caller" in takes:
            given["caller"] = caller or Caller(None, actor)
        try:
            inspect.signature(work).bind(self.services, **given)
        except TypeError as error:
            raise WrongUsage(f"{op}: {error}") from error
        if reads(op):
            return await work(self.services, **given)
        place, target, detail = actor.split(":", 1)[0], trail.target_of(given), trail.detail_of(given)
        async with self.services.audit.action(actor=actor, place=place, action=op, target=target, detail=detail):
            return await work(self.services, **given)

    async def run(self) -> None:
        """Be the bot until cancelled: chat, watch, control socket, jobs. The caller holds the home's lock.

        Raises WrongSetting for a token that Telegram does not accept, StoreTaken.
        """
        from bot.app.chat import Chat
        from bot.app.jobs import Jobs

        gc.freeze()
        gc.enable()  # `maf run` starts without it
        services = self.services
        self.chat = chat = Chat(services, self._resumed)
        server: Server[Caller] = Server(services.home.socket, self._who, self._operate, self._hook)
        schedule = Schedule(services.clock)
        async with OnlyBot(services.store) as only:
            self.alone.set()
            await chat.connect()
            try:
                with patient():
                    async with asyncio.TaskGroup() as group:
                        group.create_task(only.keep())
                        group.create_task(chat.run())
                        await services.watch.start()
                        await server.start()
                        await self._resume()
                        Jobs(services, chat.inbox).register(schedule)
                        schedule.start()
            finally:
                schedule.stop()
                await asyncio.shield(self._leave(chat, server))

    async def _resume(self) -> None:
        """What was under way when the bot last ended, and what its hooks had to say since. The watch has started."""
        from bot.app import accounts, live

        services = self.services
        await services.audit.interrupted()
        try:
            heard = await asyncio.to_thread(spool.drain, str(services.home.hooks_spool))
        except OSError as error:  # they tell what the agents do, and the screens tell it too
            log.warning("what the hooks told meanwhile cannot be read: %s", error)
            heard = []
        await services.hooks.take_spooled(heard)
        await services.permissions.start()
        services.guardian.attach()
        services.watch.subscribe(services.side.changed)
        await live.begin(services)
        picked = await services.deliveries.resume()
        if picked:
            log.info("%d prompts were under way and go on", len(picked))
        await services.apply.resume()
        self._resumed.set()
        await accounts.come_back(services)

    async def _leave(self, chat: Chat, server: Server[Caller]) -> None:
        await chat.stop(DRAIN_S)
        await self.services.permissions.close()  # first: each hook that waits holds a connection open
        await server.stop(grace=DRAIN_S)
        await self.services.apply.close(timeout=DRAIN_S)
        await self.services.side.leave()
        for save in (self.services.statistics.save, self.services.quota.leave, self.services.reservations.keep):
            try:
                await save()
            except (MafError, DBAPIError, OSError) as error:  # a full disk, and the rest is to end all the same
                log.warning("at the end: %s", error)
        for task in list(self.services.tasks):
            task.cancel()
        await asyncio.gather(*self.services.tasks, return_exceptions=True)
        await chat.close()

    async def _who(self, peer: Peer) -> Caller:
        return await self.caller(await asyncio.to_thread(lineage, peer.pid), peer.uid)

    async def _operate(self, caller: Caller, op: str, params: dict[str, Any]) -> Any:
        check(caller, op, params)
        if not reads(op):
            await self._resumed.wait()
        try:
            with patient(False):
                return await self.call_for(caller, op, params)
        except DBAPIError as error:  # a store that is locked, full or gone is no fault of the bot
            if (known := trouble(error)) is None:
                raise
            log.warning("%s: %s", op, known.message)
            raise known from error

    async def _hook(self, caller: Caller, event: dict[str, Any]) -> Any:
        """An event of an agent's hook; what the hook prints, None to leave everything to the CLI."""
        from bot.app import accounts

        with patient(False):  # its CLI stands still meanwhile
            if event.get("kind") != "statusline":
                return await self.services.hooks.take(event, caller)
            if (agent := await self.services.hooks.speaker(event.get("agent"), caller)) is not None:
                await accounts.statusline(self.services, agent, event.get("payload"))
            return None


__all__ = ["App"]
