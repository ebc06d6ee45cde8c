"""A hundred agents for a bench: panes that show real captures under the CLIs' process names, and a Watch on them."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bot.agents.registry import Registry
from bot.agents.state.watch import Watch
from bot.agents.types import load_types
from bot.clock import SystemClock
from bot.home import Home
from bot.store import Store, migrate
from bot.tmux.control import ControlClient
from bot.tmux.panes import Panes
from tests.bench.tmux_fleet import Fleet

CAPTURES = Path(__file__).parents[1] / "unit" / "captures"
SCREENS = sorted(path.name for path in CAPTURES.glob("c*-200x50-*.ansi.txt"))

# Shows one capture for ever, under the name of the CLI whose screen it is.
SHOW = f"""
import os, sys, time, tty
names = {SCREENS!r}
name = names[int(os.environ["TMUX_PANE"][1:]) % len(names)]
open("/proc/self/comm", "w").write(name.split("-")[0])
text = open({str(CAPTURES)!r} + "/" + name, encoding="utf8").read().rstrip("\\n")
title = open({str(CAPTURES)!r} + "/" + name.replace(".ansi.txt", ".title"), encoding="utf8").read().strip()
sys.stdout.write("\\x1b]2;" + title + "\\x07" + text.replace("\\n", "\\r\\n"))
sys.stdout.flush()
time.sleep(99999)
"""


def kind_of(pane: str) -> str:
    """The CLI whose screen this pane shows."""
    return SCREENS[int(pane[1:]) % len(SCREENS)].split("-")[0]


@asynccontextmanager
async def watched(fleet: Fleet) -> AsyncIterator[tuple[Watch, Panes, int]]:
    """The panes of the fleet as registered agents under a Watch that does not tick yet; and the tmux server's pid."""
    with tempfile.TemporaryDirectory(prefix="maf-b", dir="/tmp") as folder:
        home, clock = Home(Path(folder) / "home"), SystemClock()
        home.root.mkdir()
        url = f"sqlite+aiosqlite:///{home.root}/maf.db"
        await migrate.upgrade(url, home)
        store, control = Store(url), ControlClient(fleet.socket)
        registry, panes = Registry(store, home, clock), Panes(control)
        types = {"codex": load_types(home)["codex-worker"], "claude": load_types(home)["claude-worker"]}
        for number, pane in enumerate(fleet.panes):
            type_ = types[kind_of(pane)]
            agent = await registry.create(type_, workdir=home.root, session_prefix="x", agent_id=f"w{number}")
            await registry.update(agent.id, session=f"a{number}", pane=pane, desired="running", started_at=clock.now())
        watch = Watch(registry, panes, home=home, clock=clock)
        try:
            yield watch, panes, int(fleet.tmux("display-message", "-p", "#{pid}"))
        finally:
            await watch.close()
            await control.close()
            await store.close()
