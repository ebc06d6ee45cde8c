"""What a plan is made from, read at one moment: agents, beads, claims, quota."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from bot.agents.model import AgentView
from bot.agents.state.watch import Watch
from bot.beads.book import BeadsBook, Gathered, NoBeads
from bot.beads.model import Bead
from bot.broadcast.model import Headroom, PlanAgent
from bot.clis.model import State
from bot.errors import NotFound, Refused
from bot.work.claims import Claims, OpenClaim

# In these states nothing can be typed now or soon.
AWAY = {
    State.STOPPED: "is stopped",
    State.DEAD: "is dead",
    State.ERROR: "is in error",
    State.FROZEN: "is frozen",
}


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything that planning looks at. `notes` are said once in the draft."""

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


class Survey:
    """Reads the situation. `headroom` is asked for the quota of the profiles at each reading."""

    def __init__(
        self,
        watch: Watch,
        book: BeadsBook,
        claims: Claims,
        headroom: Callable[[], Awaitable[Mapping[str, Headroom]]],
    ) -> None:
        self._watch = watch
        self._book = book
        self._claims = claims
        self._headroom = headroom

    async def take(self, *, with_beads: bool = True) -> Situation:
        """Raises NoBeads when beads are wanted and no agent has any."""
        claims = await self._claims.all_open()
        looks = await self._watch.look(None)
        views = [look.view for look in looks.values()]
        tasks = await self._book.gather([v.agent.workdir for v in views]) if with_beads else Gathered()
        if with_beads and views and not tasks.repo_of:
            said = " ".join(note.replace(NoBeads.hint, "").strip() for note in tasks.notes)
            raise NoBeads(said or "No agent works in a folder with Beads.")
        # The row of a bead that is done is closed later (Sender.settle_claims): making a draft changes nothing.
        claims = [c for c in claims if c.bead in tasks.unfinished.get(c.repo, {c.bead})]
        agents = tuple(plan_agent(view, tasks, claims) for view in views)
        return Situation(
            agents=agents,
            ready=tasks.ready,
            in_progress=tasks.in_progress,
            claims=tuple(claims),
            headroom=await self._headroom(),
            read_only=tasks.read_only,
            notes=tasks.notes,
        )


def plan_agent(view: AgentView, tasks: Gathered, claims: Sequence[OpenClaim] = ()) -> PlanAgent:
    """An agent as planning looks at it. `tasks` says to which repo it belongs, `claims` which bead it holds."""
    agent = view.agent
    return PlanAgent(
        id=view.id,
        role=agent.role,
        kind=agent.kind,
        state=view.state,
        labels=agent.labels,
        bead=next((claim.bead for claim in claims if claim.agent == view.id), None),
        profile=agent.profile,
        repo=tasks.repo_of.get(agent.workdir, ""),
        workdir=agent.workdir,
        limit_resets=(view.reading.reset_at or "") if view.reading else "",
    )
