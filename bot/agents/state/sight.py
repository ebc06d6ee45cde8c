"""What is made of what tmux, /proc and the files say: one Look per agent, from all signals together."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from bot.agents.environment import ProfileSetup
from bot.agents.model import Agent, AgentView
from bot.agents.state.files import ConversationFiles
from bot.agents.state.fusion import Fused, Signal, from_reading, fuse
from bot.agents.state.look import Look
from bot.agents.state.signals import (
    STARTING_S,
    at_prompt,
    cli_processes,
    from_files,
    from_title,
    liveness,
    shell_processes,
)
from bot.clis.kinds import cli_for
from bot.clis.model import State
from bot.clis.screens import read_screen, renew_rules
from bot.clock import Clock
from bot.tmux.panes import PaneFacts, Screen
from bot.tmux.processes import Process, by_session, foreground

log = logging.getLogger(__name__)


class Sight:
    """Remembers of each agent how far its files were read, and whether its CLI has been up. Blocking: for a thread."""

    def __init__(self, clock: Clock, profiles: Callable[[Agent], ProfileSetup]) -> None:
        self._clock = clock
        self._profiles = profiles
        # What the agents' hooks told: votes on the state (agents/hooks/events.py).
        self.hook_signals: Callable[[Agent, datetime], Iterable[Signal]] = lambda agent, now: ()
        # The banner of a usage limit, and the turn that met it, stand until the next prompt: who knows better says so.
        self.limit_over: Callable[[str], bool] = lambda agent_id: False
        self.files = ConversationFiles()
        self._up: dict[str, datetime | None] = {}  # the start since which its CLI has been seen

    def see(
        self,
        agents: Collection[Agent],
        facts: Mapping[str, PaneFacts],
        screens: Mapping[str, Screen],
        processes: Mapping[int, Process],
        last: Mapping[str, Look],
    ) -> dict[str, Look]:
        """`facts` and `screens` by pane, `last` the looks before this one by agent."""
        for mistake in renew_rules({agent.kind for agent in agents}):
            log.warning("the screen rules stay as they were: %s", mistake.message)
        sessions = by_session(processes)
        found = {}
        for agent in agents:
            pane, screen = facts.get(agent.pane or ""), screens.get(agent.pane or "")
            if pane is not None and not _is_its_own(agent, pane):
                pane = screen = None
            members = sessions.get(pane.pid, {}) if pane is not None and not pane.dead else {}
            found[agent.id] = self._see_one(agent, pane, screen, members, last.get(agent.id))
        return found

    def forget(self, agent_id: str) -> None:
        self.files.forget(agent_id)
        self._up.pop(agent_id, None)

    def _see_one(
        self,
        agent: Agent,
        pane: PaneFacts | None,
        screen: Screen | None,
        members: Mapping[int, Process],
        last: Look | None,
    ) -> Look:
        """`members`: the processes of its pane's session."""
        now, cli = self._clock.now(), cli_for(agent.kind)
        front = foreground(members, pane.pid) if pane is not None else []
        clis = _clis(agent, pane, members, front)
        # What an ended program left on the screen says nothing.
        reading = read_screen(agent.kind, screen) if screen is not None and clis else None
        quiet = last is not None and last.screen is screen
        files = self.files.read(agent, self._profiles(agent), clis[0].pid if clis else None, quiet=quiet)
        signals = (
            liveness(agent, pane, clis, now, was_up=self._was_up(agent, clis)),
            *(() if cli.takes_prompts else at_prompt(front, clis, cli.process_names)),
            *(self.hook_signals(agent, now) if clis else ()),
            *(from_files(files, now, agent.started_at) if clis else ()),
            *(from_title(agent.kind, screen.title, reading.mark) if screen is not None and reading is not None else ()),
            *(from_reading(reading, agent.kind) if reading is not None else ()),
        )
        fused = fuse(signals, previous=last.view.state if last else None)
        fused = _not_yet_up(agent, self._after_reset(agent, fused), last, now)
        since = last.view.since if last is not None and last.view.state == fused.state else now
        draft = reading.composer.text if reading is not None and reading.composer.holds_text else None
        view = AgentView(agent, fused.state, since, now, fused.rule, reading, draft)
        return Look(view, pane, screen, clis, files, signals)

    def _after_reset(self, agent: Agent, fused: Fused) -> Fused:
        if fused.state is not State.LIMITED or not self.limit_over(agent.id):
            return fused
        state = State.COMPOSING if fused.draft else State.IDLE
        return replace(fused, state=state, rule="its usage limit has reset")

    def _was_up(self, agent: Agent, clis: Collection[Process]) -> bool:
        if clis:
            self._up[agent.id] = agent.started_at
        return agent.started_at is not None and self._up.get(agent.id) == agent.started_at


def _not_yet_up(agent: Agent, fused: Fused, last: Look | None, now: datetime) -> Fused:
    """A program that was just started and has drawn nothing that tells is starting, and no riddle."""
    age = (now - agent.started_at).total_seconds() if agent.started_at else STARTING_S
    if fused.state is not State.UNKNOWN or age >= STARTING_S:
        return fused
    if last is not None and last.view.state not in (State.STARTING, State.STOPPED, State.DEAD):
        return fused
    return replace(fused, state=State.STARTING, rule=f"started {age:.0f} s ago, its screen does not tell yet")


def _clis(
    agent: Agent, pane: PaneFacts | None, members: Mapping[int, Process], front: Collection[Process]
) -> tuple[Process, ...]:
    """The processes of its CLI that own the terminal of its pane; of a shell the shell, for what a person starts in it
    is no end of it."""
    cli = cli_for(agent.kind)
    if pane is not None and not cli.takes_prompts:
        return tuple(shell_processes(members.values(), pane.pid, adopted=agent.adopted))
    return tuple(cli_processes(front, cli.process_names))


def _is_its_own(agent: Agent, pane: PaneFacts) -> bool:
    """A new server counts its panes from the beginning: the same id may be somebody else's."""
    return pane.pid == agent.pane_pid if agent.adopted else pane.session == agent.session
