"""One agent as it was looked at: everything the watch saw of it in one moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bot.agents.model import AgentView
from bot.agents.preflight import Facts
from bot.agents.state.files import FileFacts
from bot.agents.state.fusion import Signal
from bot.clis.kinds import cli_for
from bot.clis.model import ScreenReading, State
from bot.tmux.panes import PaneFacts, Screen
from bot.tmux.processes import Process


@dataclass(frozen=True, slots=True)
class Look:
    """One agent as it was looked at just now. `clis` are the processes of its CLI that are in front in its pane."""

    view: AgentView
    pane: PaneFacts | None
    screen: Screen | None
    clis: tuple[Process, ...]
    files: FileFacts
    signals: tuple[Signal, ...]

    @property
    def reading(self) -> ScreenReading | None:
        return self.view.reading

    def facts(self) -> Facts:
        """What the rules before a paste want to know."""
        pane, agent = self.pane, self.view.agent
        there: Literal["ok", "gone", "dead", "input off"] = "ok"
        if pane is None or pane.dead:
            there = "gone" if pane is None else "dead"
        elif pane.input_off:
            there = "input off"
        return Facts(
            agent=agent.id,
            state=self.view.state,
            pane=there,
            running=bool(self.clis),
            reading=self.reading,
            takes_prompts=cli_for(agent.kind).takes_prompts,
        )


@dataclass(frozen=True, slots=True)
class Change:
    """A state that has held long enough to be told."""

    agent_id: str
    before: State
    after: State
    view: AgentView
