"""The CLIs' own files of many agents, read as they grow. Blocking: for a thread, and for one caller at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.agents.environment import ProfileSetup
from bot.agents.model import Agent
from bot.agents.state import context as contexts
from bot.agents.state.context import Context
from bot.agents.state.turn import Turn, follow
from bot.clis.claude.cli import Claude
from bot.clis.claude.sessions import Session, session_file
from bot.clis.entry import Entry
from bot.clis.kinds import cli_for
from bot.clis.tail import tail_offset

_FIRST_LOOK = 256 * 1024  # bytes of an old conversation read to learn how its last turn ended
_LOOK_AGAIN = 3.0  # seconds between searches for the file of a running CLI that does something
_LOOK_QUIET = 30.0  # the same for one whose screen has not changed since
_ASK_AGAIN = 0.5  # seconds between questions for a session file that is not there
_SETTLED = 0.1  # seconds after which a session file that is the same by its time and size holds the same
# Where /proc tells which file a process writes, "the newest of this folder" is not asked for: two agents may share it.
_NO_GUESS = datetime(9000, 1, 1, tzinfo=UTC) if Path("/proc/self/fd").exists() else None


@dataclass(slots=True)
class _Followed:
    pid: int | None = None
    conversation: str | None = None
    path: Path | None = None
    size: int = -1
    offset: int = 0
    turn: Turn = field(default_factory=Turn)
    context: Context = field(default_factory=Context)
    searched: float = float("-inf")
    stirred: bool = True
    session: Session | None = None
    session_stamp: tuple[int, int, int] | None = None
    asked: float = float("-inf")


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What the files say: the conversation, its turn, and Claude's own word on its state where there is one."""

    conversation: str | None = None
    path: Path | None = None
    turn: Turn = field(default_factory=Turn)
    session: Session | None = None
    context: Context = field(default_factory=Context)


class ConversationFiles:
    """Keeps an offset per agent; a file that did not grow costs one stat."""

    def __init__(self) -> None:
        self._followed: dict[str, _Followed] = {}
        # Who else listens to what an agent's CLI writes down (fleet/reservations.py); called in the reading thread.
        self.heard: Callable[[str, list[Entry]], None] = lambda agent_id, entries: None

    def read(self, agent: Agent, setup: ProfileSetup, pid: int | None, *, quiet: bool = False) -> FileFacts:
        """`pid` is the agent's running CLI; None when there is none, and then nothing is believed of its turn.

        `quiet`: its screen is what it was at the last read, so that a new conversation is not looked for so often.
        """
        if pid is None:
            return FileFacts(agent.conversation, agent.transcript)
        state = self._followed.setdefault(agent.id, _Followed())
        if state.pid != pid:
            self._followed[agent.id] = state = _Followed(pid=pid)
        state.stirred = state.stirred or not quiet
        self._search(agent, setup, state, pid)
        self._tail(agent, state)
        cli = cli_for(agent.kind)
        session = _session(cli, state, setup, pid, quiet=quiet) if isinstance(cli, Claude) else None
        return FileFacts(state.conversation, state.path, state.turn, session, state.context)

    def told(self, agent_id: str, status: Mapping[str, Any]) -> None:
        """What the agent's CLI told its statusline command."""
        if (state := self._followed.get(agent_id)) is not None:
            state.context = contexts.told(state.context, status)

    def search_anew(self, agent_id: str) -> None:
        """At the next read: its CLI is about to end, and which conversation was its own is known no more then."""
        if (state := self._followed.get(agent_id)) is not None:
            state.searched = float("-inf")

    def forget(self, agent_id: str) -> None:
        self._followed.pop(agent_id, None)

    def _search(self, agent: Agent, setup: ProfileSetup, state: _Followed, pid: int) -> None:
        """Which file the running CLI writes; asked again now and then, for /clear and /new begin another one."""
        now = time.monotonic()
        if now - state.searched < (_LOOK_AGAIN if state.stirred else _LOOK_QUIET):
            return
        state.searched, state.stirred = now, False
        found = cli_for(agent.kind).conversation(
            home=setup.home, workdir=agent.workdir, pid=pid, known=None, since=_NO_GUESS or agent.started_at
        )
        if found is not None and found.path != state.path:
            state.conversation, state.path, state.size, state.turn = found.id, found.path, -1, Turn()
            state.context = replace(state.context, tokens=0)
            state.offset = tail_offset(found.path, _FIRST_LOOK)

    def _tail(self, agent: Agent, state: _Followed) -> None:
        if state.path is None:
            return
        try:
            size = state.path.stat().st_size
        except OSError:
            return
        if size == state.size:
            return
        state.size = size
        entries, state.offset = cli_for(agent.kind).entries(state.path, state.offset)
        state.turn = follow(state.turn, entries)
        state.context = contexts.follow(state.context, entries)
        self.heard(agent.id, entries)


def _session(cli: Claude, state: _Followed, setup: ProfileSetup, pid: int, *, quiet: bool) -> Session | None:
    """Claude's own word on its state, read again only when the file was written again."""
    if state.session is not None:
        if state.session_stamp is not None and _stamp(setup.home, state.session.pid) == state.session_stamp:
            return state.session
    elif time.monotonic() - state.asked < (_LOOK_AGAIN if quiet else _ASK_AGAIN):
        return None
    state.asked, now = time.monotonic(), time.time_ns()
    state.session = cli.session(home=setup.home, pid=pid)
    stamp = _stamp(setup.home, state.session.pid) if state.session is not None else None
    settled = stamp is not None and now - stamp[0] > _SETTLED * 1e9
    state.session_stamp = stamp if settled else None
    return state.session


def _stamp(home: Path | None, pid: int) -> tuple[int, int, int] | None:
    try:
        stat = session_file(home, pid).stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
