"""Running the application in this process until it is told to leave."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager

from bot import log
from bot.app import App
from bot.cli.terminal import Terminal
from bot.errors import MafError
from bot.home import Home
from bot.operations import closed
from bot.remote.client import listens
from bot.settings import Settings
from bot.store.patience import patient

# The bot closes its connections and writes its rows; then it is cut short.
STOP_TIMEOUT_S = 15.0
REACH_S = 1.0


async def run_bot(terminal: Terminal, settings: Settings) -> None:
    """Restore the fleet and serve the chat until SIGINT or SIGTERM. Agents go on running after it."""
    async with opened(terminal.home, settings, background=True) as app, serving(app) as leaving:
        with patient():
            coming = asyncio.create_task(_come_up(terminal, app, leaving))
        try:
            await asyncio.wait({coming, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if coming.done():
                coming.result()
            await leaving
        finally:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)
    terminal.say("The bot has ended; the agents go on.")


async def _come_up(terminal: Terminal, app: App, leaving: asyncio.Future[None]) -> None:
    """Bring the agents back, and keep whoever is at the terminal up to date. It may wait for the store."""
    await app.alone.wait()
    restored = await app.services.guardian.restore()
    for agent, why in restored.failed.items():
        terminal.say(f"{agent} did not start: {why}")
    if not await started(terminal.home, leaving):
        return
    terminal.say(f"The bot runs on {terminal.home.root}. Ctrl-C ends it; the agents go on.")
    if not (await people(app)):
        terminal.say("Nobody is paired yet. In another terminal: maf pair")
    await tell_reach(terminal, app)


@asynccontextmanager
async def opened(home: Home, settings: Settings, *, background: bool = False) -> AsyncIterator[App]:
    """The application of a home, with its log; `background` when it is going to serve."""
    if not logging.getLogger().handlers:
        log.set_up(home.logs, level=settings.log_detail, secrets=settings.secrets)
    async with App.open(home, settings, background=background) as app:
        yield app


@asynccontextmanager
async def serving(app: App) -> AsyncIterator[asyncio.Future[None]]:
    """Run the application beside the block. The future is done when a signal asks to leave; it raises what the bot
    failed with.
    """
    leave = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, leave.set)
    work = asyncio.create_task(app.run())
    leaving = asyncio.ensure_future(_left(work, leave))
    try:
        yield leaving
    finally:
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        work.cancel()
        await asyncio.wait([work], timeout=STOP_TIMEOUT_S)
        if work.done() and not work.cancelled() and (error := work.exception()) is not None:
            logging.getLogger(__name__).error("the bot did not end cleanly", exc_info=error)
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


async def tell_reach(terminal: Terminal, app: App) -> None:
    """Say when Telegram, or the supervisors' chat, goes out of reach and when it is back, for as long as the bot
    runs."""
    told = closed_told = ""
    while True:
        why = app.services.out_of_reach
        if why and not told:
            terminal.say(f"Telegram cannot be reached ({why}); trying again.")
        elif told and not why:
            terminal.say("Telegram is reached.")
        told = why
        closed_told = await tell_closed(terminal, app, closed_told)
        await asyncio.sleep(REACH_S)


async def tell_closed(terminal: Terminal, app: App, told: str) -> str:
    """Say that messages for somebody wait for their chat, once for each reason; the reason."""
    waiting = [one for one in await closed.closed(app.services) if one["for_you"]]
    why = waiting[0]["reason"] if waiting else ""
    if why and why != told:
        terminal.say(f"{closed.in_words(waiting[0])} Trying again; maf doctor says what to do.")
    elif told and not why:
        terminal.say("The supervisors' chat can be written to.")
    return why


async def _left(work: asyncio.Task[None], leave: asyncio.Event) -> None:
    asked = asyncio.ensure_future(leave.wait())
    try:
        await asyncio.wait([work, asked], return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            _result(work)
    finally:
        asked.cancel()


async def started(home: Home, leaving: asyncio.Future[None]) -> bool:
    """Wait until the bot serves; False when it is told to leave, or fails, before that."""
    while not leaving.done():
        if await asyncio.to_thread(listens, home.socket):
            return True
        await asyncio.sleep(0.05)
    return False


def _result(work: asyncio.Task[None]) -> None:
    """Raise what the bot failed with: out of a group of errors the one that is meant for a person."""
    try:
        work.result()
    except* MafError as group:
        raise next(_flat(group)) from group


def _flat(group: BaseExceptionGroup[MafError]) -> Iterator[MafError]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _flat(error)
        else:
            yield error


async def people(app: App) -> Sequence[object]:
    """Everybody who is paired."""
    from bot.telegram.people import Access

    return await Access(app.services.store, app.services.clock).people()


async def stop_agents(home: Home, settings: Settings) -> None:
    """End every agent of a home."""
    async with opened(home, settings) as app:
        for agent in await app.services.registry.all():
            await app.services.life.stop(agent.id)
