"""A home with demo agents in real tmux, for tests of agents and deliveries."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.agents.delivery.model import Delivery
from bot.agents.delivery.points import Point
from bot.agents.delivery.service import Deliveries
from bot.agents.environment import ProfileSetup
from bot.agents.life.service import Life
from bot.agents.model import Agent
from bot.agents.registry import Registry
from bot.agents.state.watch import Look, Watch
from bot.checkpoint import Checkpoint, pass_by
from bot.clis.model import State
from bot.clock import Clock, SystemClock
from bot.home import Home
from bot.settings import Settings
from bot.store import Store
from bot.store.tables import Base
from bot.tmux.control import ControlClient
from bot.tmux.panes import Panes
from bot.tmux.sessions import Sessions
from tests.patience import PATIENCE_S

NASTY = "\n".join(
    [
        "Fix the checkout; keep $HOME and `date` as they are, \"double\" and 'single' quotes too",
        "# a heading; with ~/paths and back\\slashes \\\\ and a trailing one \\",
        "Кириллица, 日本語, emoji 🧪👩‍💻🇩🇪, combining é, Arabic مرحبا",
        "\ttabs\tinside and trailing spaces   ",
        "/slash !bang @file #hash at line starts; [201~ and [200~ as plain words",
        "",
        "!echo not a shell",
        *(f"line {n}: a;b;c; $(rm -rf /) && `x` | y > z < w * ? [a-z] {{b,c}} %d %s \\n \\t \\0" for n in range(33)),
    ]
)


class Ended(BaseException):
    """Stands for the end of the process at a checkpoint; a BaseException, for no clean-up of ours may run on it."""


@dataclass
class Fleet:
    home: Home
    work: Path
    store: Store
    registry: Registry
    sessions: Sessions
    panes: Panes
    watch: Watch
    life: Life
    deliveries: Deliveries

    def again(
        self, checkpoint: Checkpoint = pass_by, *, background: bool = True, clock: Clock | None = None
    ) -> Deliveries:
        """A fresh Deliveries over the same rows, as after a restart."""
        self.deliveries = Deliveries(
            self.store,
            self.registry,
            self.watch,
            self.panes,
            clock=clock or SystemClock(),
            background=background,
            checkpoint=checkpoint,
        )
        return self.deliveries

    async def cut_off(
        self, agent: Agent, text: str, at: Point, meanwhile: Callable[[Point], None] = lambda point: None
    ) -> Delivery:
        """A delivery whose process ends at that point, as its row has it then; `meanwhile` is told of each point."""

        def die(point: Point, delivery_id: str) -> None:
            meanwhile(point)
            if point == at:
                raise Ended

        first = self.again(die)
        async with self.store.begin() as tx:
            delivery = await first.create(tx, agent=agent.id, text=text, created_by="test")
        with pytest.raises(Ended):
            await first.run(delivery.id)
        return await first.get(delivery.id)

    async def demo(self, **options: object) -> Agent:
        """A new demo agent, idle."""
        agent = await self.life.create("demo", workdir=self.work, **options)  # type: ignore[arg-type]
        await self.until(agent.id, lambda look: look.view.state is State.IDLE)
        return await self.registry.get(agent.id)

    async def until(self, agent_id: str, right: Callable[[Look], bool]) -> Look:
        """Look until it is as wanted."""
        look: Look | None = None

        async def ask() -> bool:
            nonlocal look
            look = (await self.watch.look([agent_id]))[agent_id]
            return right(look)

        try:
            await eventually(ask)
        except TimeoutError:
            shown = look.screen.plain if look is not None and look.screen else ""
            raise AssertionError(f"{agent_id}: {look and (look.view.state, look.view.rule)}\n{shown}") from None
        assert look is not None
        return look

    async def by_hand(self, agent: Agent, text: str) -> None:
        """What a person at the terminal types into its pane."""
        assert agent.pane
        assert await self.panes.keys(agent.pane, text, literal=True)

    async def screen(self, agent_id: str) -> str:
        look = (await self.watch.look([agent_id]))[agent_id]
        return look.screen.plain if look.screen else ""

    def prompts(self, agent_id: str) -> list[str]:
        """What the demo agent itself says it took, in order: the judge of every delivery."""
        taken = []
        for file in sorted((self.home.root / "demo" / agent_id / "sessions").glob("*.jsonl")):
            records = [json.loads(line) for line in file.read_text("utf8").splitlines()]
            taken += [str(one["text"]) for one in records if one["type"] == "user"]
        return taken


async def eventually(ask: Callable[[], Awaitable[bool]], *, within: float = PATIENCE_S) -> None:
    """Ask until the answer is yes. Raises TimeoutError."""
    async with asyncio.timeout(within):
        while not await ask():
            await asyncio.sleep(0.05)


@asynccontextmanager
async def open_fleet(
    root: Path,
    socket: str,
    *,
    background: bool = True,
    profiles: Callable[[Agent], ProfileSetup] | None = None,
    login_env: Mapping[str, str] = os.environ,
) -> AsyncIterator[Fleet]:
    """Everything wired as the product does it, with a private tmux server and store."""
    home, work, clock = Home(root / ".maf"), root / "work", SystemClock()
    home.root.mkdir(parents=True, exist_ok=True)
    work.mkdir(exist_ok=True)
    store = Store(f"sqlite+aiosqlite:///{home.database}")
    async with store.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    control = ControlClient(socket)
    await control.start()
    panes, sessions = Panes(control), Sessions(socket)
    registry = Registry(store, home, clock)
    watch = Watch(registry, panes, home=home, clock=clock, profiles=profiles, interval=0.3)
    settings = Settings(project_root=work)
    life = Life(registry, sessions, panes, watch, home=home, settings=settings, clock=clock, login_env=login_env)
    deliveries = Deliveries(store, registry, watch, panes, clock=clock, background=background)
    fleet = Fleet(home, work, store, registry, sessions, panes, watch, life, deliveries)
    try:
        if background:
            await watch.start()
        yield fleet
    finally:
        await fleet.deliveries.close()
        await watch.close()
        await control.close()
        await store.close()
