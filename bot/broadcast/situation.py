"""What a plan is made from, and what a tap is checked against: everything of one moment, as it was read. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.beads.model import Bead
from bot.broadcast.model import Headroom, PlanAgent
from bot.clis.model import State
from bot.errors import NotFound, Refused
from bot.work.claims import OpenClaim

# In these states nothing can be typed now or soon.
AWAY = {
    State.STOPPED: "is stopped",
    State.DEAD: "is dead",
    State.ERROR: "is in error",
    State.FROZEN: "is frozen",
}


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything that planning looks at.

    `ready` are open, unblocked beads; `in_progress` all that somebody has in hand, blocked or not, whoever it is.
    `headroom` is by profile. `read_only` are repos whose Beads cannot be written. `notes` are said once in the draft.
    """

    agents: tuple[PlanAgent, ...]
    ready: tuple[Bead, ...] = ()
    in_progress: tuple[Bead, ...] = ()
    claims: tuple[OpenClaim, ...] = ()
    headroom: Mapping[str, Headroom] = field(default_factory=dict)
    read_only: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()

    def require_agents(self, only: Sequence[str] = ()) -> None:
        """Raises Refused when there is no agent at all, NotFound for a name in `only` that is none."""
        if not self.agents:
            raise Refused("There are no agents yet.", hint="Make one: /new claude-worker")
        for name in only:
            self.agent(name)

    def agent(self, agent_id: str) -> PlanAgent:
        for agent in self.agents:
            if agent.id == agent_id:
                return agent
        raise NotFound.of("agent", agent_id, [a.id for a in self.agents])

    def bead(self, agent: PlanAgent, bead_id: str) -> Bead | None:
        """The bead of that id in the agent's own project, if it is open work."""
        for bead in (*self.ready, *self.in_progress):
            if bead.id == bead_id and bead.repo == agent.repo:
                return bead
        return None

    def away(self, agent: PlanAgent, *, idle_only: bool) -> str:
        """Why nothing can be sent to this agent; empty if something can."""
        if agent.state in AWAY:
            return AWAY[agent.state]
        if idle_only and agent.state is not State.IDLE:
            return f"is {agent.state}"
        return ""
