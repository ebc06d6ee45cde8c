"""What the bot leaves in files for whoever looks at a terminal: the agents' side windows and tmux's status line."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot import atomic
from bot.agents.model import AgentView
from bot.agents.state.watch import Change, Watch
from bot.clis.model import State
from bot.errors import MafError
from bot.home import Home
from bot.packs import Packs
from bot.packs.model import Pack
from bot.store import Store
from bot.work.claims import Claims

NEEDS_YOU = frozenset({State.WAITING, State.DEAD, State.ERROR})
ENDED = "bot ended"  # two words: a narrow status line shows no more


class SideFiles:
    """Writes `run/agents/ID.json`, `run/waiting` and `run/next`, each only when it changes."""

    def __init__(self, home: Home, store: Store, packs: Packs, watch: Watch, claims: Claims) -> None:
        self._home = home
        self._store = store
        self._packs = packs
        self._watch = watch
        self._claims = claims
        self._written: dict[Path, str] = {}
        self._left = False

    async def changed(self, _change: Change) -> None:
        await self.write()

    async def write(self) -> None:
        """Write those files whose text changed since the last time; what fails is tried at the next round."""
        if self._left:
            return
        pack = await self._pack()
        views = self._watch.views()
        held = {claim.agent: claim.bead for claim in reversed(await self._claims.all_open())}
        texts = {self._home.agent_facts(view.id): json.dumps(facts_of(view, held.get(view.id), pack)) for view in views}
        texts[self._home.waiting], texts[self._home.next] = status_line(views)
        await self._write(texts)

    async def leave(self) -> None:
        """The bot ends: what the agents do is not known from now on, and the files say so instead of growing old."""
        self._left = True
        texts = {self._home.waiting: ENDED, self._home.next: ""}
        for path in (self._home.agent_facts(view.id) for view in self._watch.views()):
            if path in self._written:
                texts[path] = json.dumps({**json.loads(self._written[path]), "state": None})
        await self._write(texts)

    async def _write(self, texts: Mapping[Path, str]) -> None:
        due = {path: text for path, text in texts.items() if self._written.get(path) != text}
        with contextlib.suppress(OSError):  # a full disk is the doctor's business
            await asyncio.to_thread(_write, due)
            self._written |= due

    async def _pack(self) -> Pack | None:
        try:
            async with self._store.begin() as tx:
                name = await self._packs.active(tx)
            return await asyncio.to_thread(self._packs.get, name)
        except MafError:
            return None


def facts_of(view: AgentView, bead: str | None, pack: Pack | None) -> dict[str, Any]:
    """What the panels of one agent show; `bead`: what it holds. Pure."""
    facts: dict[str, Any] = {"state": str(view.state), "bead": bead}
    if pack is not None:
        commands = pack.agent_brief(view.id).test_commands or pack.role_brief(view.agent.role).test_commands
        facts["tests"] = list(commands)
        if view.agent.role == "reviewer":
            facts["lint"] = list(commands)
    return facts


def status_line(views: list[AgentView]) -> tuple[str, str]:
    """(how many agents need a person, and which; the session of the one that has waited longest).

    A narrow screen shows the first two words. Both are written into files that tmux reads; ids and sessions hold
    letters, digits, - and _ only. Pure.
    """
    needy = sorted((view for view in views if view.state in NEEDS_YOU), key=lambda view: view.since)
    if not needy:
        return "", ""
    names = " ".join(view.id for view in needy[:3])
    more = f" +{len(needy) - 3}" if len(needy) > 3 else ""
    first = next((view.agent.session for view in needy if view.agent.pane), "")
    return f"✋ {len(needy)} · {names}{more}", first


def _write(texts: Mapping[Path, str]) -> None:
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic.write(path, text)
