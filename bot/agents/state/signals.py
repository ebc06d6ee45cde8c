"""The votes on an agent's state that do not come from its screen. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime

from bot.agents.model import Agent
from bot.agents.state.files import FileFacts
from bot.agents.state.fusion import Signal
from bot.clis.model import State
from bot.clis.screens import read_title
from bot.tmux.keeper import ENDED
from bot.tmux.panes import PaneFacts
from bot.tmux.processes import Process

# A CLI draws its first screen within a second (measured: 0.3 to 0.8 s); on a loaded machine it may take long.
STARTING_S = 30.0
_SESSION = {"idle": State.IDLE, "busy": State.WORKING, "waiting": State.WAITING}
_PHASE = {"working": State.WORKING, "idle": State.IDLE, "limited": State.LIMITED}


def cli_processes(foreground: Collection[Process], names: Collection[str]) -> list[Process]:
    """Those in front that are the CLI itself (not its launcher, not the keeper), zombies left out."""
    return [p for p in foreground if p.comm in names and p.state not in ("Z", "X", "x")]


def shell_processes(members: Collection[Process], leader: int, *, adopted: bool) -> list[Process]:
    """The shell of a pane, also while a program that was started in it is in front: the child of the keeper, or in a
    pane of the person's the pane's own process. `members` are the processes of the pane's session."""
    found = [p for p in members if (p.pid == leader if adopted else p.ppid == leader)]
    return [p for p in found if p.state not in ("Z", "X", "x")]


def at_prompt(front: Collection[Process], shell: Collection[Process], names: Collection[str]) -> Iterator[Signal]:
    """What a shell does: its screen does not tell, but whether it is in front itself (and still a shell) does."""
    if front and shell:
        itself = {p.pid for p in shell if p.comm in names} & {p.pid for p in front}
        yield Signal("process", State.IDLE if itself else State.WORKING, 0.0, f"{clis_named(front)} in front")


def liveness(
    agent: Agent, pane: PaneFacts | None, clis: Collection[Process], now: datetime, *, was_up: bool = False
) -> Signal:
    """Is there something that could work at all; vote None when its CLI is up. `was_up`: seen since it was started."""
    age = (now - agent.started_at).total_seconds() if agent.started_at else 0.0
    if clis:
        if all(process.state in ("T", "t") for process in clis):
            return Signal("process", State.FROZEN, 0.0, f"{clis_named(clis)} stopped by a signal")
        return Signal("process", None, 0.0, f"{clis_named(clis)} in front")
    if agent.desired == "stopped":
        return Signal("registry", State.STOPPED, age, "stopped on purpose")
    if over := _over(pane):
        return Signal("process", State.DEAD, 0.0, over)
    if agent.started_at and age < STARTING_S and not was_up:
        return Signal("process", State.STARTING, age, f"started {age:.0f} s ago, its program is not in front yet")
    return Signal("process", State.DEAD, 0.0, "its program is not in front")


def _over(pane: PaneFacts | None) -> str:
    """Why nothing can work there any more; "" when that is not certain."""
    if pane is None:
        return "its pane is gone"
    if pane.dead:
        return "its pane is dead"
    return f"its program has ended ({pane.title.removeprefix(ENDED)})" if pane.title.startswith(ENDED) else ""


def from_files(facts: FileFacts, now: datetime, started: datetime | None) -> Iterator[Signal]:
    """Claude's own session file if there is one, and the turn in the conversation's file. `started`: when its program
    was; a turn under way before was cut off with the program of then, and neither CLI takes it up by itself."""
    if (session := facts.session) is not None and session.status in _SESSION:
        vote = _SESSION[session.status]
        detail = f"session file: {session.status}{f' ({session.waiting_for})' if session.waiting_for else ''}"
        yield Signal("file", vote, _age(session.updated_at, now), detail)
    cut_off = facts.turn.phase == "working" and started is not None and (facts.turn.at or started) < started
    if facts.turn.phase in _PHASE and not cut_off and (session is None or facts.turn.phase == "limited"):
        detail = f"conversation file: {facts.turn.phase}"
        yield Signal("file", _PHASE[facts.turn.phase], _age(facts.turn.at, now), detail)


def from_title(kind: str, title: str, mark: str) -> Iterator[Signal]:
    """The vote of the pane's title (Codex: a spinner, "Action Required"), of the moment of its screen; `mark` is what
    is left of it without the names in it (`ScreenReading.mark`)."""
    if not (title := title.strip()):
        return
    told = read_title(kind, mark)
    vote = told.state if told.state is not State.ERROR else None
    yield Signal("title", vote, 0.0, told.rule if vote else f"{title!r} does not tell", told.trust)


def clis_named(clis: Collection[Process]) -> str:
    return ", ".join(sorted({process.comm for process in clis}))


def _age(at: datetime | None, now: datetime) -> float:
    return max(0.0, (now - (at or datetime.fromtimestamp(0, UTC))).total_seconds())
