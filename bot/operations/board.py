"""The board: every agent in one line, those first who need a person. What it shows, not how it looks."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.agents.model import AgentView
from bot.agents.permissions.rows import Ask
from bot.agents.state.look import Look
from bot.clis.model import State
from bot.operations.services import Services

# Who needs a person stands first; idle agents stand above working ones only where there is work for them.
_RANK = {
    State.WAITING: 0,
    State.DEAD: 1,
    State.ERROR: 1,
    State.LIMITED: 2,
    State.COMPOSING: 3,
    State.WORKING: 5,
    State.STARTING: 6,
    State.IDLE: 7,
    State.UNKNOWN: 8,
    State.FROZEN: 9,
    State.STOPPED: 10,
}
_IDLE_WITH_WORK = 4
NEEDS_PERSON = frozenset({State.WAITING, State.DEAD, State.ERROR})


@dataclass(frozen=True, slots=True)
class Row:
    """One agent on the board. `says` is what it asks or last said; `context` is the percentage that is used; `until`:
    so long its question can be answered in the chat alone (Codex shows no dialog while its hook waits)."""

    id: str
    state: State
    since: datetime
    bead: str
    profile: str
    context: int | None
    says: str
    asks: bool
    ready: bool
    until: datetime | None = None

    @property
    def rank(self) -> int:
        """Low stands first."""
        return _IDLE_WITH_WORK if self.state is State.IDLE and self.ready else _RANK[self.state]

    @property
    def needs_person(self) -> bool:
        return self.state in NEEDS_PERSON


def rows(
    views: Sequence[AgentView],
    held: Mapping[str, str],
    contexts: Mapping[str, int | None],
    ready: Collection[str] = (),
    asked: Sequence[Ask] = (),
) -> list[Row]:
    """The rows in the order of the board: by need, then who has waited longest, working ones in the order of ids."""
    asks = {ask.agent: ask for ask in reversed(asked)}  # of two that one agent asks, the older
    found = [
        _row(view, held.get(view.id, ""), contexts.get(view.id), view.id in ready, asks.get(view.id)) for view in views
    ]
    return sorted(found, key=lambda row: (row.rank, row.since.timestamp() if row.needs_person else 0.0))


def _row(view: AgentView, bead: str, context: int | None, ready: bool, ask: Ask | None) -> Row:
    reading = view.reading
    dialog = reading.dialog if reading is not None and view.state is State.WAITING else None
    says = dialog.command or dialog.title if dialog is not None else view.says
    until = None
    if view.state is State.WAITING and ask is not None and (dialog is None or dialog.fingerprint == ask.fingerprint):
        says, until = ask.asked, ask.held_until
    return Row(
        view.id,
        view.state,
        view.since,
        bead,
        view.agent.profile or "",
        context,
        says,
        view.state is State.WAITING,
        ready,
        until,
    )


def signature(rows: Sequence[Row]) -> tuple[object, ...]:
    """What makes a board worth editing; ages are left out."""
    return tuple((r.id, r.state, r.bead, r.profile, r.context, r.says, r.asks, r.ready, r.until) for r in rows)


async def read(app: Services) -> list[Row]:
    """The board as it is now, from what the watch saw last."""
    held = {claim.agent: claim.bead for claim in await app.claims.all_open()}
    views = app.watch.views()
    contexts = {view.id: context_of(app, view.id) for view in views}
    return rows(views, held, contexts, app.ready_for, app.permissions.open())


def watched(look: Look | None) -> object:
    """What makes a screen that is watched live worth editing."""
    return (look.view.state, look.screen.ansi if look.screen else "") if look is not None else "gone"


def context_of(app: Services, agent_id: str) -> int | None:
    """How much of its context an agent has used, in percent; None where nothing tells."""
    look = app.watch.last(agent_id)
    return look.files.context.percent if look is not None else None
